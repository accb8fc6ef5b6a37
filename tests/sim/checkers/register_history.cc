#include "tests/sim/checkers/register_history.h"

#include <cstdint>
#include <map>

#include "schemas/bus/event_generated.h"
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

void RegisterHistory::check(const Chronicle& chronicle, Story& story) const {
  std::map<std::string, uint64_t> happened;  // value → revision
  for (const auto& event : chronicle.events()) {
    auto object = event.object();
    if (object && object->kind().resource == "configmaps" &&
        event->type() != wire::EventType::Deleted)
      happened.emplace(value_of(*object), event.revision().value());
  }
  std::vector<Operation> known;
  for (Operation op : operations_) {
    bool writes = op.kind != Kind::kRead && op.kind != Kind::kDelete;
    if (op.outcome == Operation::Outcome::kUnknown && op.kind != Kind::kDelete) {
      auto found = happened.find(op.value);
      if (!writes || found == happened.end()) continue;
      op.outcome = Operation::Outcome::kDone;
      op.revision = found->second;
      op.end = INT64_MAX;
    }
    known.push_back(std::move(op));
  }
  Verdict verdict = check_linearizable(known);
  if (!verdict.ok()) story.wrong("linearizability", verdict.object + ":\n" + verdict.str());
}

}  // namespace kubus::sim
