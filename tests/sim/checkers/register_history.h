// What clients asked of a few objects and what they were told, with the times: for the
// linearizability checker.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"
#include "schemas/lib/object.h"
#include "tests/sim/checkers/chronicle.h"
#include "tests/sim/checkers/linearizable.h"
#include "tests/sim/story.h"

namespace kubus::sim {

class RegisterHistory {
 public:
  using Kind = Operation::Kind;
  explicit RegisterHistory(std::function<int64_t()> clock) : clock_(std::move(clock)) {}

  size_t begin(int client, const std::string& object, Kind kind, const std::string& value,
               Revision expected = Revision());
  void end(size_t operation, const Result<Object>& answer);
  const std::vector<Operation>& operations() const { return operations_; }
  // Tells the first object whose operations fit no order, with what cannot be explained. What
  // became of a write without an answer is taken from the chronicle: no value is written twice.
  void check(const Chronicle& chronicle, Story& story) const;

 private:
  std::function<int64_t()> clock_;
  std::vector<Operation> operations_;
};

}  // namespace kubus::sim
