// Walks a value beside its type. Paths are built only where something is wrong.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <string>

#include "schemas/lib/validation/validation.h"

namespace kubus::validation {
namespace {

using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

// Where we stand: a step and the steps above it.
struct Path {
  const Path* up = nullptr;
  std::string_view name;  // a field, or with `bracket` a map's key
  size_t index = kNoIndex;
  bool bracket = false;
  static constexpr size_t kNoIndex = static_cast<size_t>(-1);

  bool root() const { return up == nullptr && name.empty(); }
  std::string str() const {
    std::string out = up == nullptr ? "" : up->str();
    if (index != kNoIndex) return out + '[' + std::to_string(index) + ']';
    if (bracket) return out + '[' + std::string(name) + ']';
    if (!out.empty() && !name.empty()) out += '.';
    return out.append(name);
  }
};

class Checker {
 public:
  explicit Checker(FieldErrors* errors) : errors_(errors) {}

  void object(const TypeInfo& type, const json::object& value, const Path& path) {
    for (const FieldInfo& f : type.fields) {
      if (!has_rules(f)) continue;
      // Metadata has rules of its own; status is its writers' matter.
      if (path.root() && (f.name == "metadata" || f.name == "status")) continue;
      Path here{&path, f.name};
      field(f, value.if_contains(f.name), here);
    }
  }

 private:
  static bool below(const FieldInfo& f) {
    return f.kind == ValueKind::kTable && f.type != nullptr && f.type->needs_checks;
  }
  static bool value_rules(const FieldInfo& f) {
    return !f.enums.empty() || !f.format.empty() || f.minimum || f.maximum || f.max_length;
  }
  static bool has_rules(const FieldInfo& f) { return f.required || value_rules(f) || below(f); }

  static bool integer(const FieldInfo& f) {
    return (f.kind == ValueKind::kInt32 || f.kind == ValueKind::kInt64) && !f.is_list && !f.is_map;
  }

  // Strings, lists, maps and structs must hold something. A required number or bool may be zero,
  // unless its bounds forbid that.
  static bool lacking(const FieldInfo& f, const json::value* v) {
    bool absent = v == nullptr || v->is_null();
    if (f.kind == ValueKind::kTable && !f.is_list && !f.is_map) return absent && !f.always;
    if (f.kind == ValueKind::kBool || f.kind == ValueKind::kDouble || f.kind == ValueKind::kTime ||
        f.kind == ValueKind::kMicroTime) {
      return false;
    }
    if (integer(f)) return f.minimum && *f.minimum > 0 && (absent || is_zero(*v));
    if (absent) return true;
    if (const json::string* s = v->if_string()) return s->empty();
    if (const json::array* a = v->if_array()) return a->empty();
    return f.is_map && v->is_object() && v->get_object().empty();
  }

  static bool is_zero(const json::value& v) { return v.is_int64() && v.get_int64() == 0; }

  void field(const FieldInfo& f, const json::value* v, const Path& path) {
    bool absent = v == nullptr || v->is_null();
    bool plain_struct = f.kind == ValueKind::kTable && !f.is_list && !f.is_map;
    if (f.required && lacking(f, v)) {
      errors_->required(path.str());
      return;
    }
    if (absent) {
      static const json::object kNothing;
      if (plain_struct && f.always && below(f)) object(*f.type, kNothing, path);
      return;
    }
    if (f.is_list && v->is_array()) {
      list(f, v->get_array(), path);
    } else if (f.is_map && v->is_object()) {
      map(f, v->get_object(), path);
    } else {
      one(f, *v, path);
    }
  }

  void list(const FieldInfo& f, const json::array& values, const Path& path) {
    for (size_t i = 0; i < values.size(); ++i) one(f, values[i], Path{&path, "", i});
  }

  void map(const FieldInfo& f, const json::object& values, const Path& path) {
    for (const auto& [key, v] : values) {
      Path here{&path, key};
      here.bracket = true;
      one(f, v, here);
    }
  }

  void one(const FieldInfo& f, const json::value& v, const Path& path) {
    if (const json::object* o = v.if_object()) {
      if (below(f)) object(*f.type, *o, path);
      return;
    }
    if (const json::string* s = v.if_string()) {
      text(f, *s, v, path);
    } else if ((f.minimum || f.maximum) && (f.keep_zero || !is_zero(v))) {
      number(f, v, path);
    }
  }

  void text(const FieldInfo& f, std::string_view s, const json::value& v, const Path& path) {
    if (s.empty()) return;
    if (f.max_length && s.size() > *f.max_length) errors_->too_long(path.str(), *f.max_length);
    if (!f.enums.empty() && std::find(f.enums.begin(), f.enums.end(), s) == f.enums.end()) {
      errors_->not_supported(path.str(), v, f.enums);
    }
    if (f.format.empty()) return;
    if (std::string wrong = check_format(f.format, s); !wrong.empty())
      errors_->invalid(path.str(), v, wrong);
  }

  static std::string rounded(double d) {
    return d == std::floor(d) && std::fabs(d) < 1e15 ? std::to_string(static_cast<int64_t>(d))
                                                     : std::to_string(d);
  }

  void number(const FieldInfo& f, const json::value& v, const Path& path) {
    double d = 0;
    if (v.is_int64()) {
      d = static_cast<double>(v.get_int64());
    } else if (v.is_uint64()) {
      d = static_cast<double>(v.get_uint64());
    } else if (v.is_double()) {
      d = v.get_double();
    } else {
      return;
    }
    bool low = f.minimum && d < *f.minimum;
    bool high = f.maximum && d > *f.maximum;
    if (!low && !high) return;
    std::string rule;
    if (f.minimum && f.maximum) {
      rule = "must be between " + rounded(*f.minimum) + " and " + rounded(*f.maximum);
    } else {
      rule = low ? "must be at least " + rounded(*f.minimum)
                 : "must be at most " + rounded(*f.maximum);
    }
    errors_->invalid(path.str(), v, rule);
  }

  FieldErrors* errors_;
};

void immutable(const TypeInfo& type, const json::object& before, const json::object& after,
               const Path& path, FieldErrors* errors) {
  static const json::value kNull;
  static const json::object kNothing;
  for (const FieldInfo& f : type.fields) {
    bool struct_below = f.kind == ValueKind::kTable && !f.is_list && !f.is_map && f.type != nullptr;
    if (!f.immutable && !struct_below) continue;
    const json::value* b = before.if_contains(f.name);
    const json::value* a = after.if_contains(f.name);
    if (b == nullptr && a == nullptr) continue;
    Path here{&path, f.name};
    if (f.immutable) {
      const json::value& now = a == nullptr ? kNull : *a;
      if ((b == nullptr ? kNull : *b) != now)
        errors->invalid(here.str(), now, "this field cannot be changed");
      continue;
    }
    const json::object* bo = b == nullptr ? nullptr : b->if_object();
    const json::object* ao = a == nullptr ? nullptr : a->if_object();
    immutable(*f.type, bo == nullptr ? kNothing : *bo, ao == nullptr ? kNothing : *ao, here,
              errors);
  }
}

}  // namespace

void check(const TypeInfo& type, const json::value& value, std::string_view path,
           FieldErrors* errors) {
  if (!type.needs_checks) return;
  const json::object* object = value.if_object();
  Path root{nullptr, path};
  if (object == nullptr) {
    errors->type_invalid(root.str(), value, "must be an object");
    return;
  }
  Checker(errors).object(type, *object, root);
}

void check_immutable(const TypeInfo& type, const json::value& before, const json::value& after,
                     std::string_view path, FieldErrors* errors) {
  if (!before.is_object() || !after.is_object()) return;
  immutable(type, before.get_object(), after.get_object(), Path{nullptr, path}, errors);
}

}  // namespace kubus::validation
