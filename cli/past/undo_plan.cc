#include "cli/past/undo_plan.h"

#include <boost/json.hpp>
#include <charconv>
#include <set>

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kServers[] = {"metadata.managedFields",
                                         "metadata.resourceVersion",
                                         "metadata.generation",
                                         "metadata.uid",
                                         "metadata.creationTimestamp",
                                         "metadata.deletionTimestamp",
                                         "metadata.selfLink",
                                         "metadata.deletionGracePeriodSeconds",
                                         "status"};

bool is_servers(const std::string& path) {
  for (std::string_view p : kServers) {
    if (path == p) return true;
  }
  return false;
}

const json::value* member(const json::value& v, std::string_view key) {
  return v.is_object() ? v.as_object().if_contains(key) : nullptr;
}
json::value copy_of(const json::value* v) {
  return v ? *v : json::value();
}
std::string text_at(const json::value& v, std::string_view key) {
  const json::value* meta = member(v, "metadata");
  const json::value* text = meta ? member(*meta, key) : nullptr;
  return text && text->is_string() ? std::string(text->as_string()) : "";
}

class Restorer {
 public:
  explicit Restorer(std::vector<std::string>* conflicts) : conflicts_(conflicts) {}

  // The merge patch that makes of `now` what `before` was, in the fields in which `after` differs
  // from it. Lists are one field.
  json::object patch(const json::value& before, const json::value& after, const json::value& now,
                     const std::string& path) {
    std::set<std::string> keys;
    for (const json::value* v : {&before, &after}) {
      if (!v->is_object()) continue;
      for (const auto& m : v->as_object()) keys.emplace(m.key());
    }
    json::object out;
    for (const std::string& key : keys) {
      std::string inner = path.empty() ? key : path + "." + key;
      json::value b = copy_of(member(before, key)), a = copy_of(member(after, key)),
                  n = copy_of(member(now, key));
      if (is_servers(inner) || b == a || n == b) continue;
      bool descend = a.is_object() && b.is_object() && n.is_object();
      if (descend) {
        json::object part = patch(b, a, n, inner);
        if (!part.empty()) out[key] = std::move(part);
      } else if (n != a) {
        conflicts_->push_back(inner);
      } else {
        out[key] = a.is_object() && b.is_object() ? json::value(patch(b, a, n, inner)) : b;
      }
    }
    return out;
  }

 private:
  std::vector<std::string>* conflicts_;
};

// As a user would have written it.
json::value without_servers_part(json::value object) {
  json::object& o = object.as_object();
  o.erase("status");
  if (json::value* meta = o.if_contains("metadata"); meta && meta->is_object()) {
    for (std::string_view p : kServers) {
      if (p.starts_with("metadata.")) meta->as_object().erase(p.substr(9));
    }
  }
  return object;
}

UndoStep nothing(UndoStep step, std::string why) {
  step.what = UndoStep::What::kNothing;
  step.note = std::move(why);
  return step;
}

}  // namespace

UndoStep plan_undo(const Touched& t) {
  UndoStep step;
  step.key = t.key;
  step.uid = text_at(t.now, "uid");
  std::string revision = text_at(t.now, "resourceVersion");
  uint64_t number = 0;
  std::from_chars(revision.data(), revision.data() + revision.size(), number);
  step.revision = Revision(number);
  if (t.before.is_null()) {  // the request made it
    if (t.now.is_null() || step.uid != text_at(t.after, "uid"))
      return nothing(std::move(step), "it is gone already");
    step.what = UndoStep::What::kDelete;
    return step;
  }
  if (t.after.is_null()) {  // the request removed it
    if (!t.now.is_null()) return nothing(std::move(step), "there is one again");
    step.what = UndoStep::What::kCreate;
    step.body = without_servers_part(t.before);
    return step;
  }
  if (t.subresource == "status") return nothing(std::move(step), "status follows by itself");
  if (t.now.is_null()) return nothing(std::move(step), "it is gone");
  step.body = Restorer(&step.conflicts).patch(t.before, t.after, t.now, "");
  if (step.body.as_object().empty() && step.conflicts.empty())
    return nothing(std::move(step), "it is as it was before");
  step.what = UndoStep::What::kPatch;
  return step;
}

}  // namespace kubus::cli
