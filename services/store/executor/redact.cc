#include "services/store/executor/redact.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <functional>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

namespace json = boost::json;
using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

// Shorter ones are taken out where the paths lead alone: they stand in any text.
constexpr size_t kShortest = 4;
constexpr std::array<std::string_view, 5> kIdentity = {"name", "namespace", "uid",
                                                       "resourceVersion", "creationTimestamp"};

// ---- paths ----

using Visit = std::function<void(const FieldInfo&, json::value&)>;

std::string_view take_name(std::string_view* path) {
  size_t end = path->find_first_of(".[");
  std::string_view name = path->substr(0, end);
  path->remove_prefix(name.size());
  return name;
}
// "[…]" at the front of the path; false: there is none.
bool take_bracket(std::string_view* path, std::string_view* inside) {
  if (!path->starts_with('[')) return false;
  size_t end = path->find(']');
  if (end == std::string_view::npos) return false;
  *inside = path->substr(1, end - 1);
  path->remove_prefix(end + 1);
  return true;
}
void take_dot(std::string_view* path) {
  if (path->starts_with('.')) path->remove_prefix(1);
}

bool selects(std::string_view inside, size_t index, const json::value& item) {
  if (inside.empty() || inside == "*") return true;
  size_t equals = inside.find('=');
  if (equals == std::string_view::npos) {
    size_t wanted = 0;
    auto [end, code] = std::from_chars(inside.data(), inside.data() + inside.size(), wanted);
    return code == std::errc() && end == inside.data() + inside.size() && wanted == index;
  }
  std::string_view value = inside.substr(equals + 1);
  return kinds::text_in(kinds::object_of(item), inside.substr(0, equals)) == value;
}

void walk(const TypeInfo& type, json::object& object, std::string_view path, const Visit& visit);

void walk_value(const FieldInfo& field, json::value& v, std::string_view path, const Visit& visit) {
  take_dot(&path);
  if (path.empty()) return visit(field, v);
  if (field.type != nullptr && v.is_object()) walk(*field.type, v.get_object(), path, visit);
}

void walk(const TypeInfo& type, json::object& object, std::string_view path, const Visit& visit) {
  std::string_view name = take_name(&path), inside;
  const FieldInfo* field = type.find(name);
  json::value* v = field == nullptr ? nullptr : object.if_contains(name);
  if (v == nullptr) return;
  if (field->is_map && v->is_object()) {
    std::string_view key = path;
    if (take_bracket(&path, &inside)) key = inside;
    take_dot(&key);
    for (auto& [k, item] : v->get_object()) {
      if (key.empty() || k == key) visit(*field, item);
    }
  } else if (field->is_list && v->is_array()) {
    take_bracket(&path, &inside);
    json::array& items = v->get_array();
    for (size_t i = 0; i < items.size(); ++i) {
      if (selects(inside, i, items[i])) walk_value(*field, items[i], path, visit);
    }
  } else {
    walk_value(*field, *v, path, visit);
  }
}

Status check_path(const TypeInfo& root, const std::string& text) {
  std::string_view path = text, inside;
  const TypeInfo* type = &root;
  while (!path.empty()) {
    std::string_view name = take_name(&path);
    const FieldInfo* field = type == nullptr ? nullptr : type->find(name);
    if (field == nullptr)
      return Error(Code::kBadRequest,
                   "there is no field \"" + std::string(name) + "\" in \"" + text + "\"");
    if (field->is_map) return {};
    if (field->is_list) take_bracket(&path, &inside);
    if (path.starts_with('['))
      return Error(Code::kBadRequest, "\"" + text + "\": \"" + std::string(name) + "\" is no list");
    take_dot(&path);
    type = field->type;
  }
  return {};
}

// ---- texts ----

bool replace_all(std::string* text, std::string_view what, std::string_view with) {
  bool any = false;
  for (size_t at = 0; (at = text->find(what, at)) != std::string::npos; at += with.size()) {
    text->replace(at, what.size(), with);
    any = true;
  }
  return any;
}

class PathRedactor final : public Redactor {
 public:
  PathRedactor(const schema::KindInfo& kind, std::vector<std::string> paths)
      : kind_(kind), paths_(std::move(paths)) {}

  bool collect(ByteView object, Values* values) const override {
    if (paths_.empty()) return true;
    if (!codec::verify(kind_, object)) return false;
    json::value v = codec::to_value(kind_, object);
    bool any = false;
    auto gather = [&](const FieldInfo& of, json::value& leaf) {
      for (std::string& text : texts_of(of, leaf)) {
        values->insert(std::move(text));
        any = true;
      }
    };
    for (const std::string& path : paths_) {
      walk(*kind_.type, v.get_object(), path,
           [&](const FieldInfo& field, json::value& found) { each_leaf(field, found, gather); });
    }
    return any;
  }

  std::optional<Buffer> redact(ByteView object, const Values& values) const override {
    if (!codec::verify(kind_, object)) return std::nullopt;
    json::value v = codec::to_value(kind_, object);
    json::value was = v;
    if (paths_.empty()) {
      keep_identity(&v);
    } else {
      auto blank = [&](const FieldInfo& of, json::value& leaf) {
        auto texts = texts_of(of, leaf);
        if (!texts.empty() && values.contains(texts.front())) leaf = blank_of(of);
      };
      for (const std::string& path : paths_) {
        walk(*kind_.type, v.get_object(), path,
             [&](const FieldInfo& field, json::value& found) { each_leaf(field, found, blank); });
      }
      scrub_object(*kind_.type, v.get_object(), values);
    }
    if (v == was) return std::nullopt;
    auto bytes = codec::from_value(kind_, v, nullptr);
    return bytes ? std::optional(*std::move(bytes)) : std::nullopt;
  }

  bool holds_copy(ByteView object, const Values& values) const override {
    if (!codec::verify(kind_, object)) return false;
    json::value v = codec::to_value(kind_, object);
    return scrub_object(*kind_.type, v.get_object(), values);
  }

  std::string scrub(std::string_view text, const Values& values) const override {
    std::string out(text);
    if (paths_.empty()) return std::string(kPurgedText);
    scrub_text(&out, values);
    return out;
  }

  std::vector<std::string> paths() const override {
    return paths_.empty() ? std::vector<std::string>{""} : paths_;
  }

 private:
  static bool holds_text(const FieldInfo& field) {
    return field.kind == ValueKind::kString && field.enums.empty() && field.format.empty();
  }
  static json::value blank_of(const FieldInfo& field) {
    if (field.kind == ValueKind::kBytes) return json::value(codec::base64(as_bytes(kPurgedText)));
    if (holds_text(field)) return json::value(kPurgedText);
    return nullptr;
  }
  static void each_leaf(const FieldInfo& field, json::value& v, const Visit& visit) {
    if (v.is_array()) {
      for (json::value& item : v.get_array()) each_leaf(field, item, visit);
    } else if (v.is_object() && field.kind != ValueKind::kRawJson) {
      for (auto& [key, item] : v.get_object()) {
        const FieldInfo* inner = field.type == nullptr ? &field : field.type->find(key);
        if (inner != nullptr) each_leaf(*inner, item, visit);
      }
    } else {
      visit(field, v);
    }
  }

  // What stands there, first as it is told apart from others; none if nothing does, or was purged.
  static std::vector<std::string> texts_of(const FieldInfo& field, const json::value& v) {
    if (v.is_null() || v == blank_of(field)) return {};
    // No text that is looked for elsewhere.
    if (!v.is_string()) return {std::string(1, '\0') + json::serialize(v)};
    std::vector<std::string> out = {std::string(v.get_string())};
    auto plain = field.kind == ValueKind::kBytes ? codec::from_base64(out[0]) : std::nullopt;
    if (plain) out.emplace_back(as_text(*plain));
    if (out[0].empty()) out.clear();
    return out;
  }

  // As it is, as JSON text inside of other text holds it, and as base64 does.
  static bool scrub_text(std::string* text, const Values& values) {
    bool any = false;
    for (const std::string& value : values) {
      if (value.size() < kShortest || value[0] == '\0') continue;
      std::string quoted = json::serialize(json::value(value));
      any |= replace_all(text, value, kPurgedText);
      any |= replace_all(text, std::string_view(quoted).substr(1, quoted.size() - 2), kPurgedText);
      any |=
          replace_all(text, codec::base64(as_bytes(value)), codec::base64(as_bytes(kPurgedText)));
    }
    return any;
  }

  static bool scrub_scalar(const FieldInfo& field, json::value* v, const Values& values) {
    if (field.kind == ValueKind::kRawJson) {
      std::string text = json::serialize(*v);
      if (!scrub_text(&text, values)) return false;
      *v = kPurgedText;
      return true;
    }
    if (!v->is_string()) return false;
    std::string text(v->get_string());
    auto plain = field.kind == ValueKind::kBytes ? codec::from_base64(text) : std::nullopt;
    if (plain) {
      std::string inside(as_text(*plain));
      if (!scrub_text(&inside, values)) return false;
      *v = codec::base64(as_bytes(inside));
      return true;
    }
    if (!holds_text(field) || !scrub_text(&text, values)) return false;
    *v = text;
    return true;
  }

  static bool scrub_value(const FieldInfo& field, json::value* v, const Values& values) {
    if (field.type != nullptr && v->is_object())
      return scrub_object(*field.type, v->get_object(), values);
    return scrub_scalar(field, v, values);
  }

  // Names stay: an object is known by them.
  static bool scrub_object(const TypeInfo& type, json::object& object, const Values& values) {
    bool any = false;
    for (auto& [key, v] : object) {
      const FieldInfo* field = type.find(key);
      bool names = type.name == "ObjectMeta" &&
                   std::find(kIdentity.begin(), kIdentity.end(), key) != kIdentity.end();
      if (field == nullptr || names) continue;
      if (field->is_map && v.is_object()) {
        for (auto& [k, item] : v.get_object()) any |= scrub_value(*field, &item, values);
      } else if (field->is_list && v.is_array()) {
        for (json::value& item : v.get_array()) any |= scrub_value(*field, &item, values);
      } else {
        any |= scrub_value(*field, &v, values);
      }
    }
    return any;
  }

  static void keep_identity(json::value* v) {
    json::object meta;
    const json::object& was = kinds::object_in(v->get_object(), "metadata");
    for (std::string_view key : kIdentity) {
      if (const json::value* kept = was.if_contains(key)) meta[key] = *kept;
    }
    json::object out;
    out["metadata"] = std::move(meta);
    *v = std::move(out);
  }

  const schema::KindInfo& kind_;
  std::vector<std::string> paths_;
};

}  // namespace

Result<std::shared_ptr<const Redactor>> redactor_of(const schema::KindInfo& kind,
                                                    std::vector<std::string> paths) {
  for (const std::string& path : paths) {
    if (path == "metadata.name" || path == "metadata" || path.empty())
      return Error(Code::kBadRequest,
                   "\"" + path + "\" cannot be purged: an object is known by it");
    if (Status s = check_path(*kind.type, path); !s) return s.error();
  }
  return std::shared_ptr<const Redactor>(std::make_shared<PathRedactor>(kind, std::move(paths)));
}

}  // namespace kubus::store
