#include "tests/sim/checkers/register_history.h"

#include "schemas/core/v1/config_generated.h"

namespace kubus::sim {
namespace {

std::string value_of(const Object& object) {
  const auto* data = object.as<core::v1::ConfigMap>()->data();
  if (!data) return "";
  for (const auto* e : *data) {
    if (e->key() && e->key()->string_view() == "v") return e->value() ? e->value()->str() : "";
  }
  return "";
}

}  // namespace

size_t RegisterHistory::begin(int client, const std::string& object, Kind kind,
                              const std::string& value, Revision expected) {
  operations_.push_back({client, object, kind, value, expected.value(), 0, clock_()});
  return operations_.size() - 1;
}

void RegisterHistory::end(size_t operation, const Result<Object>& answer) {
  Operation& op = operations_[operation];
  if (!answer) {
    switch (answer.error().code) {
      case Code::kNotFound:
        op.outcome = Operation::Outcome::kAbsent;
        break;
      case Code::kAlreadyExists:
        op.outcome = Operation::Outcome::kExists;
        break;
      case Code::kConflict:
        op.outcome = Operation::Outcome::kConflict;
        break;
      default:
        return;  // whether it happened is unknown
    }
  } else {
    op.outcome = Operation::Outcome::kDone;
    if (*answer) op.revision = answer->revision().value();
    if (op.kind == Kind::kRead) op.value = value_of(*answer);
  }
  op.end = clock_();
}

void RegisterHistory::check(Story& story) const {
  Verdict verdict = check_linearizable(operations_);
  if (!verdict.ok()) story.wrong("linearizability", verdict.object + ":\n" + verdict.str());
}

}  // namespace kubus::sim
