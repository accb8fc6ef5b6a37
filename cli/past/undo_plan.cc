#include "cli/past/undo_plan.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <set>

#include "cli/past/past.h"
#include "cli/past/restore.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : "";
}

const json::value* member(const json::value* v, std::string_view key) {
  return v != nullptr && v->is_object() ? v->as_object().if_contains(key) : nullptr;
}

std::string metadata_text(const json::value& v, std::string_view key) {
  const json::value* found = member(member(&v, "metadata"), key);
  return found && found->is_string() ? std::string(found->as_string()) : "";
}

bool has_controller(const json::value& object) {
  const json::value* owners = member(member(&object, "metadata"), "ownerReferences");
  if (owners == nullptr || !owners->is_array()) return false;
  for (const json::value& owner : owners->as_array()) {
    const json::value* controls = member(&owner, "controller");
    if (controls != nullptr && controls->is_bool() && controls->as_bool()) return true;
  }
  return false;
}

bool begins(std::string_view path, std::string_view with) {
  return path == with || (path.starts_with(with) && path[with.size()] == '.');
}

template <class F>
bool all_changed(const kit::EventView& e, F&& f) {
  if (e->type() != wire::EventType::Modified || e->changed() == nullptr ||
      e->changed()->size() == 0)
    return false;
  return std::all_of(e->changed()->begin(), e->changed()->end(),
                     [&](const auto* path) { return f(text(path)); });
}

UndoStep nothing(UndoStep step, std::string why) {
  step.what = UndoStep::What::kNothing;
  step.note = std::move(why);
  return step;
}

// The store makes them together with a namespace.
bool comes_with_namespace(const ObjectKey& key) {
  return (key.kind->resource == "serviceaccounts" && key.name == "default") ||
         (key.kind->resource == "configmaps" && key.name == "kube-root-ca.crt");
}

// Made anew it is another life: placed anew, and with no owner that is gone.
json::value made_anew(const json::value& before, const schema::KindInfo& kind) {
  json::value out = without_servers_part(before);
  if (json::value* meta = out.as_object().if_contains("metadata"); meta && meta->is_object())
    meta->as_object().erase("ownerReferences");
  json::value* spec = out.as_object().if_contains("spec");
  if (kind.resource == "pods" && spec && spec->is_object()) spec->as_object().erase("nodeName");
  return out;
}

}  // namespace

std::string follows_by_itself(const kit::EventView& e, bool direct) {
  std::string_view resource = text(e->resource());
  for (const char* record : {"events", "leases", "endpoints", "endpointslices"}) {
    if (resource == record && !direct) return "controllers keep it";
  }
  bool status = text(e->subresource()) == "status" ||
                all_changed(e, [](std::string_view p) { return begins(p, "status"); });
  if (status) return "status follows what is wanted";
  if (text(e->subresource()) == "binding") return "a Pod stays where it was placed";
  bool ends = e->type() == wire::EventType::Deleted || all_changed(e, [](std::string_view p) {
                return p == "metadata.deletionTimestamp" ||
                       p == "metadata.deletionGracePeriodSeconds" || begins(p, "status");
              });
  bool owned = has_controller(value_of(e, true));
  if (owned && (!direct || ends)) return "its owner sees to it";
  bool by_user = !text(e->user()).empty() ||
                 (e->cause() != nullptr && e->cause()->trigger() == wire::Trigger::User);
  if (!direct && by_user) return "a user did it since";
  if (!direct && e->type() == wire::EventType::Modified) return "controllers see to it";
  return "";
}

UndoStep plan_undo(const Touched& t) {
  UndoStep step;
  step.key = t.key;
  step.uid = metadata_text(t.now, "uid");
  std::string revision = metadata_text(t.now, "resourceVersion");
  uint64_t number = 0;
  std::from_chars(revision.data(), revision.data() + revision.size(), number);
  step.revision = Revision(number);
  bool ends = !metadata_text(t.now, "deletionTimestamp").empty();
  if (t.before.is_null()) {  // the request made it
    if (t.now.is_null()) return nothing(std::move(step), "it is gone already");
    if (!t.after.is_null() && step.uid != metadata_text(t.after, "uid"))
      return nothing(std::move(step), "what stands there now is another one");
    if (ends) return nothing(std::move(step), "it is being removed already");
    step.what = UndoStep::What::kDelete;
    return step;
  }
  if (ends && metadata_text(t.before, "deletionTimestamp").empty())
    return nothing(std::move(step),
                   "it is being removed, which nothing stops; undo it once it is "
                   "gone");
  if (t.now.is_null()) {
    // What the request set on its way out may go by the hands of others.
    bool sent_away = !metadata_text(t.after, "deletionTimestamp").empty() &&
                     metadata_text(t.before, "deletionTimestamp").empty();
    if (!t.after.is_null() && !sent_away) return nothing(std::move(step), "it was removed since");
    step.what = UndoStep::What::kCreate;
    step.body = made_anew(t.before, *t.key.kind);
    return step;
  }
  if (t.after.is_null()) return nothing(std::move(step), "there is one again");
  if (step.uid != metadata_text(t.before, "uid"))
    return nothing(std::move(step), "what stands there now is another one");
  Restored restored = restore(*t.key.kind->type, t.before, t.after, t.now);
  step.conflicts = std::move(restored.conflicts);
  step.body = merge_patch(t.now.as_object(), restored.value.as_object());
  step.changes =
      compare(leaves_of(*t.key.kind->type, t.now), leaves_of(*t.key.kind->type, restored.value));
  if (step.body.as_object().empty() && step.conflicts.empty())
    return nothing(std::move(step), "it is as it was before");
  step.what = UndoStep::What::kPatch;
  return step;
}

std::vector<UndoStep> in_order(std::vector<UndoStep> steps) {
  using What = UndoStep::What;
  std::set<std::string> going, coming;
  for (const UndoStep& s : steps) {
    if (s.key.kind->resource != "namespaces") continue;
    if (s.what == What::kDelete) going.insert(s.key.name);
    if (s.what == What::kCreate) coming.insert(s.key.name);
  }
  for (UndoStep& s : steps) {
    if (s.what == What::kDelete && going.contains(s.key.ns))
      s = nothing(std::move(s), "it goes with its namespace");
    if (s.what == What::kCreate && coming.contains(s.key.ns) && comes_with_namespace(s.key))
      s = nothing(std::move(s), "it comes with its namespace");
  }
  auto rank = [](const UndoStep& s) {
    bool cluster = s.key.ns.empty();
    switch (s.what) {
      case What::kCreate:
        return cluster ? 0 : 1;
      case What::kPatch:
        return 2;
      case What::kDelete:
        return cluster ? 4 : 3;
      case What::kNothing:
        break;
    }
    return 5;
  };
  std::stable_sort(steps.begin(), steps.end(),
                   [&](const UndoStep& a, const UndoStep& b) { return rank(a) < rank(b); });
  return steps;
}

}  // namespace kubus::cli
