// What a run tells: one line for each thing that happens, with its simulated time, and what is
// found wrong. The lines of one seed are the same in every run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kubus::sim {

class Story {
 public:
  using Clock = std::function<int64_t()>;  // simulated nanoseconds since the start
  using Print = std::function<void(std::string_view line)>;

  explicit Story(Clock clock, Print print = {})
      : clock_(std::move(clock)), print_(std::move(print)) {}

  // "   12.345  kubelet-n1  dies"
  void tell(std::string_view who, std::string_view what);
  bool heard() const { return bool(print_); }  // whether it is worth making a line
  // An invariant did not hold. The first few are kept; all are counted.
  void wrong(std::string_view checker, std::string_view what);

  // How often something was looked at: so that a run shows that it was.
  void count(std::string_view what) { ++counts_[std::string(what)]; }
  const std::map<std::string, size_t>& counts() const { return counts_; }

  const std::vector<std::string>& problems() const { return problems_; }
  size_t wrongs() const { return wrongs_; }

 private:
  std::string stamped(std::string_view who, std::string_view what) const;

  Clock clock_;
  Print print_;
  std::vector<std::string> problems_;
  size_t wrongs_ = 0;
  std::map<std::string, size_t> counts_;
};

}  // namespace kubus::sim
