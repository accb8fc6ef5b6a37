// What clients asked of a few objects and what they were told, with the times: for the
// linearizability checker.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"
#include "tests/sim/story.h"

namespace kubus::sim {

class RegisterHistory {
 public:
  enum class Kind : uint8_t { kRead, kWrite, kCompareAndSet, kCreate, kDelete };
  enum class Outcome : uint8_t { kUnknown, kDone, kAbsent, kExists, kConflict };
  struct Operation {
    int client = 0;
    std::string object;
    Kind kind = Kind::kRead;
    std::string value;  // written, or read
    uint64_t expected = 0, revision = 0;
    int64_t begin = 0, end = 0;  // end is 0 while no answer came
    Outcome outcome = Outcome::kUnknown;
  };

  explicit RegisterHistory(std::function<int64_t()> clock) : clock_(std::move(clock)) {}

  size_t begin(int client, const std::string& object, Kind kind, const std::string& value,
               Revision expected = Revision());
  void end(size_t operation, const Result<Object>& answer);
  const std::vector<Operation>& operations() const { return operations_; }
  // Tells each object whose operations fit no order, with what cannot be explained.
  void check(Story& story) const;

 private:
  std::function<int64_t()> clock_;
  std::vector<Operation> operations_;
};

}  // namespace kubus::sim
