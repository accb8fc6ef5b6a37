#include "cli/past/leaves.h"

#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

std::string word_of(const json::value& v) {
  return v.is_string() ? std::string(v.as_string()) : json::serialize(v);
}

// Bookkeeping of changes, which says nothing that the change does not.
bool counts_changes(const std::string& path) {
  return path == "metadata.managedFields" || path == "metadata.resourceVersion" ||
         path == "metadata.generation";
}

class Flattener {
 public:
  explicit Flattener(Leaves* out) : out_(out) {}

  void object(const schema::TypeInfo* type, const json::object& o, const std::string& path) {
    if (o.empty() && !path.empty()) return leaf(path, o);
    for (const auto& member : o) {
      const schema::FieldInfo* field = type ? type->find(member.key()) : nullptr;
      std::string inner = member_path(path, member.key());
      if (counts_changes(inner)) continue;
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
      std::string name = item_name(field, items[i]);
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

  Leaves* out_;
};

std::string shown(const std::optional<json::value>& v) {
  return v ? json::serialize(*v) : "∅";
}

}  // namespace

// By the keys of a list map, or the key by which patches merge it.
std::string item_name(const schema::FieldInfo* field, const json::value& item) {
  if (field == nullptr) return "";
  if (!item.is_object()) return field->list_type == schema::ListType::kSet ? word_of(item) : "";
  std::vector<std::string> keys = field->list_keys;
  if (keys.empty() && !field->patch_key.empty()) keys = {field->patch_key};
  std::string out;
  for (const std::string& key : keys) {
    const json::value* part = item.as_object().if_contains(key);
    if (part != nullptr) out += (out.empty() ? "" : ",") + key + "=" + word_of(*part);
  }
  return out;
}

std::string member_path(const std::string& path, std::string_view name) {
  bool plain = !name.empty() && name.find_first_of("./[]\"") == std::string_view::npos;
  if (!plain) return path + "[" + std::string(name) + "]";
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

bool within(std::string_view path, std::string_view field) {
  if (!path.starts_with(field)) return false;
  return field.empty() || path.size() == field.size() || path[field.size()] == '.' ||
         path[field.size()] == '[';
}

Leaves leaves_of(const schema::TypeInfo& type, const json::value& object) {
  Leaves out;
  if (object.is_object()) Flattener(&out).object(&type, object.as_object(), "");
  return out;
}

Leaves leaves_of(const Object& object) {
  return leaves_of(*object.kind().type, codec::to_value(object.kind(), object.bytes()));
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

std::string difference(const Object& before, const Object& after) {
  return text_of(compare(leaves_of(before), leaves_of(after)));
}

std::string unified(const std::vector<FieldChange>& changes, bool coloured) {
  std::string out;
  auto line = [&](const char* sign, const char* colour, const std::string& path,
                  const json::value& v) {
    out += std::string("  ") + (coloured ? colour : "") + sign + " " + path + ": " +
           json::serialize(v) + (coloured ? "\x1b[0m" : "") + "\n";
  };
  for (const FieldChange& c : changes) {
    if (c.before) line("-", "\x1b[31m", c.path, *c.before);
    if (c.after) line("+", "\x1b[32m", c.path, *c.after);
  }
  return out;
}

json::array json_of(const std::vector<FieldChange>& changes) {
  json::array out;
  for (const FieldChange& c : changes) {
    json::object one{{"path", c.path}};
    if (c.before) one["before"] = *c.before;
    if (c.after) one["after"] = *c.after;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace kubus::cli
