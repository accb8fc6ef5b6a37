// Server-side apply: merge what is applied, take away what this manager applied before and no
// longer does, refuse what others own.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "schemas/lib/patch/managers.h"

namespace kubus::patch {
namespace {

using schema::FieldInfo;
using schema::ListType;
using schema::TypeInfo;
using schema::ValueKind;

json::value merged(const TypeInfo& type, const json::object& live, const json::object& applied);

bool all_keyed(const FieldInfo& f, const json::array& list) {
  return std::all_of(list.begin(), list.end(),
                     [&](const json::value& e) { return !element_step(f, e).empty(); });
}

std::string step_of(const FieldInfo& f, const json::value& element) {
  return f.list_type == ListType::kMap ? element_step(f, element) : "v:" + json::serialize(element);
}

// Elements in the order that was applied; those that only live has stand before the next common
// one, as they did.
json::value merge_lists(const FieldInfo& f, const json::array& live, const json::array& applied) {
  std::unordered_map<std::string, const json::value*> ours;
  std::vector<std::string> live_steps, applied_steps;
  for (const json::value& e : live) ours.emplace(live_steps.emplace_back(step_of(f, e)), &e);
  for (const json::value& e : applied) applied_steps.push_back(step_of(f, e));
  std::unordered_set<std::string_view> theirs(applied_steps.begin(), applied_steps.end());
  json::array out;
  size_t l = 0, common = 0;
  for (size_t i = 0; i < applied.size(); ++i) {
    for (common = std::max(common, i);
         common < applied.size() && !ours.contains(applied_steps[common]);)
      ++common;
    for (; l < live.size() && (common == applied.size() || live_steps[l] != applied_steps[common]);
         ++l) {
      if (!theirs.contains(live_steps[l])) out.push_back(live[l]);
    }
    const json::value& e = applied[i];
    auto own = ours.find(applied_steps[i]);
    bool deep = own != ours.end() && f.kind == ValueKind::kTable && !f.map_atomic &&
                e.is_object() && own->second->is_object();
    out.push_back(deep ? merged(*f.type, own->second->get_object(), e.get_object()) : e);
    if (common == i && l < live.size()) ++l;
  }
  for (; l < live.size(); ++l) {
    if (!theirs.contains(live_steps[l])) out.push_back(live[l]);
  }
  return out;
}

json::value merged_field(const FieldInfo& f, const json::value& live, const json::value& applied) {
  if (f.is_list) {
    bool parts = live.is_array() && applied.is_array() && f.list_type != ListType::kAtomic;
    if (parts && f.list_type == ListType::kMap) {
      parts = all_keyed(f, live.get_array()) && all_keyed(f, applied.get_array());
    }
    return parts ? merge_lists(f, live.get_array(), applied.get_array()) : applied;
  }
  if (f.map_atomic || !live.is_object() || !applied.is_object()) return applied;
  if (f.is_map) {
    json::object out = live.get_object();
    for (const auto& [key, v] : applied.get_object()) out.insert_or_assign(key, v);
    return out;
  }
  if (f.kind == ValueKind::kTable) return merged(*f.type, live.get_object(), applied.get_object());
  return applied;
}

json::value merged(const TypeInfo& type, const json::object& live, const json::object& applied) {
  json::object out = live;
  for (const auto& [name, v] : applied) {
    if (v.is_null()) continue;
    const FieldInfo* f = type.find(name);
    const json::value* mine = live.if_contains(name);
    bool whole = f == nullptr || mine == nullptr || mine->is_null();
    out[name] = whole ? v : merged_field(*f, *mine, v);
  }
  return out;
}

const FieldSet* child_of(const FieldSet* set, const std::string& step) {
  if (set == nullptr) return nullptr;
  auto it = set->steps.find(step);
  return it == set->steps.end() ? nullptr : &it->second;
}

bool hollow(const json::value& v) {
  return (v.is_object() && v.get_object().empty()) || (v.is_array() && v.get_array().empty());
}

// Takes what `last` names out of values, except what `keep` names or what holds such.
class Pruner {
 public:
  void fields(const TypeInfo& type, json::object& object, const FieldSet& last,
              const FieldSet* keep) {
    for (const auto& [step, was] : last.steps) {
      std::string_view name = std::string_view(step).substr(2);
      const FieldInfo* f = type.find(name);
      json::value* v = object.if_contains(name);
      if (f == nullptr || v == nullptr) continue;
      if (gone(*f, *v, was, child_of(keep, step))) object.erase(name);
    }
  }

 private:
  // Whether `v` is to go as a whole.
  bool gone(const FieldInfo& f, json::value& v, const FieldSet& was, const FieldSet* keep) {
    if (keep == nullptr && was.member) return true;
    if (was.steps.empty()) return false;
    if (f.is_list && v.is_array()) {
      elements(f, v.get_array(), was, keep);
    } else if (f.is_map && v.is_object()) {
      keys(f, v.get_object(), was, keep);
    } else if (f.kind == ValueKind::kTable && v.is_object()) {
      fields(*f.type, v.get_object(), was, keep);
    } else {
      return false;
    }
    return hollow(v) && !f.always;
  }

  void keys(const FieldInfo& f, json::object& object, const FieldSet& last, const FieldSet* keep) {
    for (const auto& [step, was] : last.steps) {
      std::string_view key = std::string_view(step).substr(2);
      const FieldSet* kept = child_of(keep, step);
      json::value* v = object.if_contains(key);
      if (v == nullptr) continue;
      if (kept == nullptr && was.member) {
        object.erase(key);
      } else if (f.kind == ValueKind::kTable && v->is_object()) {
        fields(*f.type, v->get_object(), was, kept);
      }
    }
  }

  void elements(const FieldInfo& f, json::array& list, const FieldSet& last, const FieldSet* keep) {
    json::array out;
    for (json::value& e : list) {
      std::string step = step_of(f, e);
      const FieldSet* was = child_of(&last, step);
      const FieldSet* kept = child_of(keep, step);
      if (was != nullptr && was->member && kept == nullptr) continue;
      if (was != nullptr && f.kind == ValueKind::kTable && e.is_object()) {
        fields(*f.type, e.get_object(), *was, kept);
      }
      out.push_back(std::move(e));
    }
    list = std::move(out);
  }
};

// `.spec.containers[name="web"].image`, as clients of apply know it.
std::string conflict_step(std::string_view step) {
  std::string_view text = step.substr(2);
  if (step[0] == 'f') return "." + std::string(text);
  if (step[0] == 'v') return "[=" + std::string(text) + "]";
  boost::system::error_code bad;
  json::value v = json::parse(text, bad);
  if (bad || !v.is_object()) return "[" + std::string(text) + "]";
  std::string out;
  for (const auto& [key, value] : v.get_object()) {
    out += (out.empty() ? "[" : ",") + std::string(key) + "=" + json::serialize(value);
  }
  return out + "]";
}

void conflict_paths(const FieldSet& set, const std::string& path, std::vector<std::string>* out) {
  if (set.member) out->push_back(path);
  for (const auto& [step, child] : set.steps)
    conflict_paths(child, path + conflict_step(step), out);
}

std::string conflict_with(const Manager& m) {
  std::string text = "conflict with \"" + m.name + "\"";
  if (!m.subresource.empty()) text += " with subresource \"" + m.subresource + "\"";
  return text + " using " + m.api_version;
}

std::vector<Cause> conflicts(const FieldSet& changed, const Manager& who,
                             const std::vector<Manager>& managers) {
  std::vector<Cause> out;
  for (const Manager& m : managers) {
    if (same_manager(m, who)) continue;
    std::vector<std::string> paths;
    conflict_paths(m.fields.common(changed), "", &paths);
    for (std::string& path : paths)
      out.push_back({"FieldManagerConflict", conflict_with(m), std::move(path)});
  }
  return out;
}

Error conflict_error(std::vector<Cause> causes) {
  std::string message = "Apply failed with " + std::to_string(causes.size()) +
                        (causes.size() == 1 ? " conflict: " : " conflicts: ");
  for (size_t i = 0; i < causes.size(); ++i) {
    message += (i == 0 ? "" : "; ") + causes[i].message + ": " + causes[i].field;
  }
  return Error(Code::kConflict, std::move(message), std::move(causes));
}

Status check_applied(const json::value& applied) {
  if (!applied.is_object()) return Error(Code::kBadRequest, "what is applied must be an object");
  const json::value* meta = applied.get_object().if_contains("metadata");
  if (meta == nullptr || !meta->is_object()) return {};
  const json::value* managed = meta->get_object().if_contains("managedFields");
  if (managed != nullptr && !managed->is_null() && !hollow(*managed)) {
    return Error(Code::kBadRequest, "metadata.managedFields must not be applied");
  }
  return {};
}

// The live object with `applied` merged in and with what `last` set and nobody names any more taken
// out.
json::value applied_to(const TypeInfo& type, const json::value& live, const json::value& applied,
                       const FieldSet& last, const FieldSet& keep) {
  json::value out = merged(type, live.get_object(), applied.get_object());
  Pruner().fields(type, out.get_object(), last, &keep);
  return out;
}

}  // namespace

Result<json::value> apply(const schema::KindInfo& kind, const json::value& live,
                          const json::value& applied, const Manager& who, bool force,
                          std::vector<Manager>* managers) {
  if (Status s = check_applied(applied); !s) return std::move(s).error();
  const TypeInfo& type = *kind.type;
  FieldSet set = FieldSet::of(type, applied);
  drop_foreign_parts(kind, who.subresource, &set);
  Manager next = who;
  next.apply = true;
  next.fields = set;
  if (live.is_null()) {
    managers->push_back(std::move(next));
    tidy_managers(managers);
    return applied;
  }
  FieldSet last, keep = set;
  int64_t last_time = 0;
  for (const Manager& m : *managers) {
    if (same_manager(m, next)) {
      last = m.fields;
      last_time = m.time;
    } else {
      keep = keep.united(m.fields);
    }
  }
  json::value result = applied_to(type, live, applied, last, keep);
  FieldSet changed = FieldSet::changed(type, live, result);
  FieldSet removed = FieldSet::removed(type, live, result);
  if (!force) {
    std::vector<Cause> causes = conflicts(changed, next, *managers);
    if (!causes.empty()) return conflict_error(std::move(causes));
  }
  for (Manager& m : *managers) m.fields = m.fields.without(changed).without(removed);
  std::erase_if(*managers, [&](const Manager& m) { return same_manager(m, next); });
  // An apply that changes nothing leaves no time behind.
  if (changed.empty() && removed.empty()) next.time = last_time;
  managers->push_back(std::move(next));
  tidy_managers(managers);
  return result;
}

}  // namespace kubus::patch
