#include "cli/past/leaves.h"

#include <boost/json.hpp>

namespace kubus::cli {
namespace {

namespace json = boost::json;

std::string word_of(const json::value& v) {
  return v.is_string() ? std::string(v.as_string()) : json::serialize(v);
}

class Flattener {
 public:
  explicit Flattener(Leaves* out) : out_(out) {}

  void object(const schema::TypeInfo* type, const json::object& o, const std::string& path) {
    if (o.empty() && !path.empty()) return leaf(path, o);
    for (const auto& member : o) {
      const schema::FieldInfo* field = type ? type->find(member.key()) : nullptr;
      std::string inner =
          path.empty() ? std::string(member.key()) : path + "." + std::string(member.key());
      if (inner == "metadata.managedFields" || inner == "metadata.resourceVersion") continue;
      value(field, field ? field->type : nullptr, member.value(), inner);
    }
  }

 private:
  void leaf(const std::string& path, const json::value& v) { (*out_)[path] = v; }

  void value(const schema::FieldInfo* field, const schema::TypeInfo* type, const json::value& v,
             const std::string& path) {
    if (v.is_array()) return list(field, type, v.as_array(), path);
    if (v.is_object()) return object(type, v.as_object(), path);
    leaf(path, v);
  }

  void list(const schema::FieldInfo* field, const schema::TypeInfo* type, const json::array& items,
            const std::string& path) {
    if (items.empty()) return leaf(path, items);
    std::map<std::string, size_t> used;
    for (size_t i = 0; i < items.size(); ++i) {
      std::string name = name_of(field, items[i]);
      // What is named twice is told apart by its number.
      if (name.empty() || used[name]++ > 0) name = std::to_string(i);
      std::string inner = path + "[" + name + "]";
      if (items[i].is_object()) {
        object(type, items[i].as_object(), inner);
      } else {
        leaf(inner, items[i]);
      }
    }
  }

  // By the keys of a list map, or the key by which patches merge it; items of sets name themselves.
  static std::string name_of(const schema::FieldInfo* field, const json::value& item) {
    if (field == nullptr) return "";
    if (!item.is_object()) return field->list_type == schema::ListType::kSet ? word_of(item) : "";
    std::vector<std::string> keys = field->list_keys;
    if (keys.empty() && !field->patch_key.empty()) keys = {field->patch_key};
    std::string out;
    for (const std::string& key : keys) {
      const json::value* part = item.as_object().if_contains(key);
      if (part != nullptr) out += (out.empty() ? "" : ",") + word_of(*part);
    }
    return out;
  }

  Leaves* out_;
};

std::string shown(const std::optional<json::value>& v) {
  return v ? json::serialize(*v) : "∅";
}

}  // namespace

Leaves leaves_of(const schema::TypeInfo& type, const json::value& object) {
  Leaves out;
  if (object.is_object()) Flattener(&out).object(&type, object.as_object(), "");
  return out;
}

std::vector<FieldChange> compare(const Leaves& before, const Leaves& after) {
  std::vector<FieldChange> out;
  auto b = before.begin(), a = after.begin();
  while (b != before.end() || a != after.end()) {
    if (a == after.end() || (b != before.end() && b->first < a->first)) {
      out.push_back({b->first, b->second, std::nullopt});
      ++b;
    } else if (b == before.end() || a->first < b->first) {
      out.push_back({a->first, std::nullopt, a->second});
      ++a;
    } else {
      if (a->second != b->second) out.push_back({a->first, b->second, a->second});
      ++a;
      ++b;
    }
  }
  return out;
}

std::string text_of(const std::vector<FieldChange>& changes) {
  std::string out;
  for (const FieldChange& c : changes)
    out += "  " + c.path + ": " + shown(c.before) + " → " + shown(c.after) + "\n";
  return out;
}

}  // namespace kubus::cli
