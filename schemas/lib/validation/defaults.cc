#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "schemas/lib/validation/validation.h"

namespace kubus::validation {
namespace {

using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

void fill(const TypeInfo& type, json::object& object);

// Nothing there as far as a default is concerned: the zero of a field that cannot tell zero from
// absent included.
bool vacant(const FieldInfo& f, const json::value* v) {
  if (v == nullptr || v->is_null()) return true;
  if (f.keep_zero || f.is_list || f.is_map) return false;
  if (const json::string* s = v->if_string()) return s->empty();
  if (const int64_t* n = v->if_int64()) return *n == 0;
  return false;
}

void fill_below(const FieldInfo& f, json::value& v) {
  if (f.is_list) {
    if (json::array* list = v.if_array()) {
      for (json::value& e : *list) {
        if (json::object* o = e.if_object()) fill(*f.type, *o);
      }
    }
  } else if (json::object* o = v.if_object()) {
    if (!f.is_map) {
      fill(*f.type, *o);
      return;
    }
    for (auto& entry : *o) {
      if (json::object* below = entry.value().if_object()) fill(*f.type, *below);
    }
  }
}

void fill(const TypeInfo& type, json::object& object) {
  for (const FieldInfo& f : type.fields) {
    bool has_default = !f.default_value.is_null();
    if (!has_default && f.kind != ValueKind::kTable) continue;
    json::value* v = object.if_contains(f.name);
    if (has_default && vacant(f, v)) {
      object[f.name] = f.default_value;
      v = object.if_contains(f.name);
    }
    if (f.kind != ValueKind::kTable || f.type == nullptr) continue;
    if (v != nullptr && !v->is_null()) {
      fill_below(f, *v);
    } else if (f.always && !f.is_list && !f.is_map) {
      json::object made(object.storage());
      fill(*f.type, made);
      if (!made.empty()) object[f.name] = std::move(made);
    }
  }
}

}  // namespace

void apply_defaults(const TypeInfo& type, json::value& value) {
  if (json::object* object = value.if_object()) fill(type, *object);
}

}  // namespace kubus::validation
