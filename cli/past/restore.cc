#include "cli/past/restore.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <optional>
#include <set>

#include "cli/past/leaves.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kServersMetadata[] = {
    "managedFields",     "resourceVersion",   "generation", "uid",
    "creationTimestamp", "deletionTimestamp", "selfLink",   "deletionGracePeriodSeconds"};

bool is_servers(const std::string& path) {
  if (path == "status") return true;
  return std::any_of(
      std::begin(kServersMetadata), std::end(kServersMetadata),
      [&](std::string_view name) { return path == "metadata." + std::string(name); });
}

const json::value* member(const json::value* v, std::string_view key) {
  return v != nullptr && v->is_object() ? v->as_object().if_contains(key) : nullptr;
}

bool same(const json::value* a, const json::value* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return *a == *b;
}

// Where a value may be: nowhere, as null pointer.
using Maybe = std::optional<json::value>;

class Restorer {
 public:
  explicit Restorer(std::vector<std::string>* conflicts) : conflicts_(conflicts) {}

  // What `now` becomes; nullopt: it is not there.
  Maybe value(const schema::FieldInfo* field, const schema::TypeInfo* type,
              const json::value* before, const json::value* after, const json::value* now,
              const std::string& path) {
    auto copy = [](const json::value* v) { return v ? Maybe(*v) : Maybe(); };
    if (same(before, after) || same(now, before)) return copy(now);
    if (same(now, after)) return copy(before);
    bool descends =
        now && now->is_object() && is_object_or_none(before) && is_object_or_none(after);
    // An item came or went as one thing.
    if (path.ends_with(']') && (before == nullptr || after == nullptr)) descends = false;
    if (descends) {
      Maybe out = object(type, before, after, now, path);
      bool vanishes = before == nullptr && out->as_object().empty();
      return vanishes ? Maybe() : out;
    }
    if (now && now->is_array() && field != nullptr && is_list_or_none(before) &&
        is_list_or_none(after)) {
      if (auto merged = list(*field, type, before, after, *now, path)) return merged;
    }
    conflicts_->push_back(path);
    return copy(now);
  }

  Maybe object(const schema::TypeInfo* type, const json::value* before, const json::value* after,
               const json::value* now, const std::string& path) {
    std::set<std::string> changed;
    for (const json::value* v : {before, after}) {
      if (v == nullptr) continue;
      for (const auto& m : v->as_object()) changed.emplace(m.key());
    }
    json::object out = now->as_object();
    for (const std::string& key : changed) {
      std::string inner = member_path(path, key);
      if (is_servers(inner)) continue;
      const schema::FieldInfo* field = type ? type->find(key) : nullptr;
      Maybe part = value(field, field ? field->type : nullptr, member(before, key),
                         member(after, key), member(now, key), inner);
      if (part) {
        out[key] = *std::move(part);
      } else {
        out.erase(key);
      }
    }
    return out;
  }

 private:
  using Items = std::map<std::string, const json::value*>;

  static bool is_object_or_none(const json::value* v) { return v == nullptr || v->is_object(); }
  static bool is_list_or_none(const json::value* v) { return v == nullptr || v->is_array(); }

  // False: items that nothing tells apart.
  static bool by_name(const schema::FieldInfo& field, const json::value* list, Items* out) {
    for (size_t i = 0; list != nullptr && i < list->as_array().size(); ++i) {
      const json::value& item = list->as_array()[i];
      std::string name = item_name(&field, item);
      if (name.empty() || !out->emplace(name, &item).second) return false;
    }
    return true;
  }

  Maybe list(const schema::FieldInfo& field, const schema::TypeInfo* type,
             const json::value* before, const json::value* after, const json::value& now,
             const std::string& path) {
    Items b, a, n;
    if (!by_name(field, before, &b) || !by_name(field, after, &a) || !by_name(field, &now, &n))
      return std::nullopt;
    auto in = [](const Items& items, const std::string& name) {
      auto found = items.find(name);
      return found == items.end() ? nullptr : found->second;
    };
    json::array out;
    for (const json::value& item : now.as_array()) {
      std::string name = item_name(&field, item);
      Maybe part = value(nullptr, type, in(b, name), in(a, name), &item, path + "[" + name + "]");
      if (part) out.push_back(*std::move(part));
    }
    for (size_t i = 0; before != nullptr && i < before->as_array().size(); ++i) {
      const json::value& item = before->as_array()[i];
      std::string name = item_name(&field, item);
      if (n.contains(name)) continue;
      Maybe part = value(nullptr, type, &item, in(a, name), nullptr, path + "[" + name + "]");
      if (part) out.insert(out.begin() + static_cast<long>(std::min(i, out.size())), *part);
    }
    return out;
  }

  std::vector<std::string>* conflicts_;
};

}  // namespace

Restored restore(const schema::TypeInfo& type, const json::value& before, const json::value& after,
                 const json::value& now) {
  Restored out;
  Maybe value = Restorer(&out.conflicts).object(&type, &before, &after, &now, "");
  out.value = *std::move(value);
  return out;
}

json::object merge_patch(const json::object& from, const json::object& to) {
  json::object out;
  for (const auto& m : from) {
    if (!to.contains(m.key())) out[m.key()] = nullptr;
  }
  for (const auto& m : to) {
    const json::value* was = from.if_contains(m.key());
    if (was != nullptr && *was == m.value()) continue;
    if (was != nullptr && was->is_object() && m.value().is_object()) {
      out[m.key()] = merge_patch(was->as_object(), m.value().as_object());
    } else {
      out[m.key()] = m.value();
    }
  }
  return out;
}

json::value without_servers_part(json::value object) {
  json::object& o = object.as_object();
  o.erase("status");
  if (json::value* meta = o.if_contains("metadata"); meta && meta->is_object()) {
    for (std::string_view name : kServersMetadata) meta->as_object().erase(name);
  }
  return object;
}

}  // namespace kubus::cli
