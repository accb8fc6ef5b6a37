#include "cli/past/notes.h"

#include <boost/json.hpp>

#include "cli/past/past.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

const json::value* member(const json::value* v, std::string_view key) {
  return v != nullptr && v->is_object() ? v->as_object().if_contains(key) : nullptr;
}
std::string text(const json::value* v, std::string_view key) {
  const json::value* found = member(v, key);
  return found && found->is_string() ? std::string(found->as_string()) : "";
}
const json::array& items(const json::value* v, std::string_view key) {
  static const json::array kNone;
  const json::value* found = member(v, key);
  return found && found->is_array() ? found->as_array() : kNone;
}

// "terminated, exit code 1, Error: no such file"
std::string state_text(const json::value& state) {
  if (!state.is_object() || state.as_object().empty()) return "";
  const auto& one = *state.as_object().begin();
  std::string out(one.key());
  const json::value* body = &one.value();
  if (const json::value* code = member(body, "exitCode"))
    out += ", exit code " + json::serialize(*code);
  else if (out == "terminated")
    out += ", exit code 0";
  if (const json::value* signal = member(body, "signal"))
    out += ", signal " + json::serialize(*signal);
  std::string reason = text(body, "reason"), message = text(body, "message");
  if (!reason.empty()) out += ", " + reason;
  if (!message.empty()) out += ": " + message;
  return out;
}

void add_containers(const json::value* status, const char* list, std::vector<std::string>* out) {
  for (const json::value& c : items(status, list)) {
    const json::value* state = member(&c, "state");
    std::string now = state ? state_text(*state) : "";
    if (now.empty()) continue;
    std::string line = "container " + text(&c, "name") + ": " + now;
    const json::value* last = member(&c, "lastState");
    if (std::string before = last ? state_text(*last) : ""; !before.empty())
      line += "; before that " + before;
    out->push_back(std::move(line));
  }
}

// Conditions with that status, in words.
void add_conditions(const json::value* status, std::string_view type, std::string_view with,
                    std::vector<std::string>* out) {
  for (const json::value& c : items(status, "conditions")) {
    if (text(&c, "type") != type || text(&c, "status") != with) continue;
    std::string line = std::string(type) + " is " + std::string(with) + ": " + text(&c, "reason");
    std::string message = text(&c, "message");
    out->push_back(message.empty() ? line : line + ": " + message);
  }
}

std::vector<std::string> of_pod(const json::value& object) {
  std::vector<std::string> out;
  const json::value* status = member(&object, "status");
  std::string reason = text(status, "reason"), message = text(status, "message");
  if (!reason.empty())
    out.push_back("the Pod " + text(status, "phase") + ", " + reason + ": " + message);
  add_conditions(status, "PodScheduled", "False", &out);
  add_containers(status, "initContainerStatuses", &out);
  add_containers(status, "containerStatuses", &out);
  return out;
}

}  // namespace

std::vector<std::string> notes_of(std::string_view resource, const json::value& object) {
  if (resource == "pods") return of_pod(object);
  std::vector<std::string> out;
  const json::value* status = member(&object, "status");
  if (resource == "events") {
    out.push_back(text(&object, "reason") + ": " + text(&object, "message"));
  } else if (resource == "deployments") {
    add_conditions(status, "Available", "False", &out);
    add_conditions(status, "Progressing", "False", &out);
  } else if (resource == "nodes") {
    add_conditions(status, "Ready", "False", &out);
    add_conditions(status, "Ready", "Unknown", &out);
  }
  return out;
}

std::vector<std::string> notes_of(const kit::EventView& event) {
  const schema::KindInfo* kind = kind_of(event);
  if (kind == nullptr) return {};
  return notes_of(kind->resource, value_of(event, true));
}

}  // namespace kubus::cli
