// Field sets of values: what a value sets, and what differs between two.
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <unordered_map>

#include "schemas/lib/patch/fieldset.h"

namespace kubus::patch {
namespace {

using schema::FieldInfo;
using schema::ListType;
using schema::TypeInfo;
using schema::ValueKind;

// Written by the server alone; owned by nobody.
constexpr std::array<std::string_view, 8> kServerMetadata = {
    "name",       "namespace",         "uid",           "resourceVersion",
    "generation", "creationTimestamp", "managedFields", "selfLink"};

bool server_metadata(std::string_view name) {
  return std::find(kServerMetadata.begin(), kServerMetadata.end(), name) != kServerMetadata.end();
}

enum class Shape : uint8_t { kLeaf, kStruct, kMap, kSet, kKeyed };

bool is_scalar(const json::value& v) {
  return !v.is_object() && !v.is_array();
}

bool keyed(const FieldInfo& f, const json::array& list) {
  return std::all_of(list.begin(), list.end(),
                     [&](const json::value& e) { return !element_step(f, e).empty(); });
}

// How `v`, the value of `f`, is taken apart. Values that don't fit their field's type are leaves.
Shape shape_of(const FieldInfo& f, const json::value& v) {
  if (f.is_list) {
    const json::array* list = v.if_array();
    if (list == nullptr || f.list_type == ListType::kAtomic) return Shape::kLeaf;
    if (f.list_type == ListType::kSet) {
      return std::all_of(list->begin(), list->end(), is_scalar) ? Shape::kSet : Shape::kLeaf;
    }
    return keyed(f, *list) ? Shape::kKeyed : Shape::kLeaf;
  }
  if (f.map_atomic || !v.is_object()) return Shape::kLeaf;
  if (f.is_map) return Shape::kMap;
  return f.kind == ValueKind::kTable ? Shape::kStruct : Shape::kLeaf;
}

std::string field_step(std::string_view name) {
  std::string step = "f:";
  step += name;
  return step;
}

std::string set_step(const json::value& v) {
  return "v:" + json::serialize(v);
}

// Walks one value. With `all`, interior nodes are members too: what appears new is owned at every
// level.
class Walker {
 public:
  explicit Walker(bool all) : all_(all) {}

  void fields(const TypeInfo& type, const json::object& object, FieldSet* node,
              bool metadata = false) {
    for (const auto& [name, value] : object) {
      if (value.is_null() || (metadata && server_metadata(name))) continue;
      const FieldInfo* f = type.find(name);
      if (f == nullptr) continue;
      FieldSet child;
      field(*f, value, &child);
      if (!child.empty()) node->steps.emplace(field_step(name), std::move(child));
    }
  }

  void field(const FieldInfo& f, const json::value& v, FieldSet* node) {
    switch (shape_of(f, v)) {
      case Shape::kLeaf:
        break;
      case Shape::kStruct:
        fields(*f.type, v.get_object(), node);
        break;
      case Shape::kMap:
        map(f, v.get_object(), node);
        break;
      case Shape::kSet:
        for (const json::value& e : v.get_array()) node->steps[set_step(e)].member = true;
        break;
      case Shape::kKeyed:
        for (const json::value& e : v.get_array()) element(f, e, &node->steps[element_step(f, e)]);
        break;
    }
    node->member = all_ || node->steps.empty();
  }

  void element(const FieldInfo& f, const json::value& e, FieldSet* node) {
    if (f.type != nullptr && !f.map_atomic) fields(*f.type, e.get_object(), node);
    node->member = true;
  }

  void map_value(const FieldInfo& f, const json::value& v, FieldSet* node) {
    if (f.kind == ValueKind::kTable && v.is_object()) fields(*f.type, v.get_object(), node);
    node->member = all_ || node->steps.empty();
  }

 private:
  void map(const FieldInfo& f, const json::object& object, FieldSet* node) {
    for (const auto& [key, v] : object) map_value(f, v, &node->steps[field_step(key)]);
  }

  bool all_;
};

// Compares two values; either half of the result may be left out.
class Differ {
 public:
  Differ(FieldSet* changed, FieldSet* removed) : want_changed_(changed), want_removed_(removed) {}

  void root(const TypeInfo& type, const json::value& before, const json::value& after) {
    static const json::object kNothing;
    const json::object* b = before.if_object();
    const json::object* a = after.if_object();
    Pair out{want_changed_, want_removed_};
    fields(type, b != nullptr ? *b : kNothing, a != nullptr ? *a : kNothing, out, b == nullptr, 0);
  }

 private:
  // Where the two halves of the result go; either may be null.
  struct Pair {
    FieldSet* changed;
    FieldSet* removed;
  };

  template <class F>
  void below(const Pair& out, std::string_view step, F f) {
    FieldSet changed, removed;
    f(Pair{out.changed ? &changed : nullptr, out.removed ? &removed : nullptr});
    if (!changed.empty()) out.changed->steps.emplace(step, std::move(changed));
    if (!removed.empty()) out.removed->steps.emplace(step, std::move(removed));
  }

  // `fresh`: the struct stands for one of a new object, which shows its plain structs and required
  // lists while empty.
  void fields(const TypeInfo& type, const json::object& before, const json::object& after,
              const Pair& out, bool fresh, int depth) {
    for (const auto& entry : after) {
      std::string_view name = entry.key();
      const json::value& a = entry.value();
      if (a.is_null()) continue;
      const FieldInfo* f = type.find(name);
      if (f == nullptr || hidden(depth, name)) continue;
      const json::value* b = before.if_contains(name);
      if (b != nullptr && b->is_null()) b = nullptr;
      if (b == nullptr && out.changed == nullptr) continue;
      below(out, field_step(name),
            [&](const Pair& p) { field(*f, b, a, p, fresh, next(depth, name)); });
    }
    if (out.removed != nullptr) gone(type, before, after, out.removed, depth);
  }

  void gone(const TypeInfo& type, const json::object& before, const json::object& after,
            FieldSet* removed, int depth) {
    for (const auto& [name, b] : before) {
      const json::value* a = after.if_contains(name);
      if (b.is_null() || (a != nullptr && !a->is_null())) continue;
      const FieldInfo* f = type.find(name);
      if (f == nullptr || hidden(depth, name)) continue;
      Walker(true).field(*f, b, &removed->steps[field_step(name)]);
    }
  }

  void field(const FieldInfo& f, const json::value* before, const json::value& after,
             const Pair& out, bool fresh, int depth) {
    if (before == nullptr) {
      static const json::value kNoStruct = json::object();
      static const json::value kNoList = json::array();
      if (fresh && f.always && shape_of(f, after) == Shape::kStruct) {
        before = &kNoStruct;
      } else if (fresh && f.required && shape_of(f, after) == Shape::kKeyed) {
        before = &kNoList;
      } else {
        Walker(true).field(f, after, out.changed);
        return;
      }
    } else {
      fresh = false;
    }
    both(f, *before, after, out, fresh, depth);
  }

  void both(const FieldInfo& f, const json::value& before, const json::value& after,
            const Pair& out, bool fresh, int depth) {
    Shape shape = shape_of(f, after);
    if (shape != shape_of(f, before)) shape = Shape::kLeaf;
    switch (shape) {
      case Shape::kLeaf:
        if (out.changed != nullptr && before != after) out.changed->member = true;
        break;
      case Shape::kStruct:
        fields(*f.type, before.get_object(), after.get_object(), out, fresh, depth);
        break;
      case Shape::kMap:
        map(f, before.get_object(), after.get_object(), out);
        break;
      case Shape::kSet:
        set(before.get_array(), after.get_array(), out);
        break;
      case Shape::kKeyed:
        list(f, before.get_array(), after.get_array(), out);
        break;
    }
  }

  void map(const FieldInfo& f, const json::object& before, const json::object& after,
           const Pair& out) {
    for (const auto& entry : after) {
      std::string_view key = entry.key();
      const json::value& a = entry.value();
      const json::value* b = before.if_contains(key);
      if (b != nullptr && *b == a) continue;
      if (b != nullptr && f.kind == ValueKind::kTable && b->is_object() && a.is_object()) {
        below(out, field_step(key), [&](const Pair& p) {
          fields(*f.type, b->get_object(), a.get_object(), p, false, kDeep);
        });
      } else if (out.changed != nullptr) {
        Walker(true).map_value(f, a, &out.changed->steps[field_step(key)]);
      }
    }
    if (out.removed == nullptr) return;
    for (const auto& [key, b] : before) {
      if (!after.contains(key)) Walker(true).map_value(f, b, &out.removed->steps[field_step(key)]);
    }
  }

  void set(const json::array& before, const json::array& after, const Pair& out) {
    auto missing = [](const json::array& from, const json::array& in, FieldSet* into) {
      for (const json::value& v : from) {
        if (std::find(in.begin(), in.end(), v) == in.end()) into->steps[set_step(v)].member = true;
      }
    };
    if (out.changed != nullptr) missing(after, before, out.changed);
    if (out.removed != nullptr) missing(before, after, out.removed);
  }

  void element(const FieldInfo& f, const std::string& step, const json::value& before,
               const json::value& after, const Pair& out) {
    if (!f.map_atomic) {
      below(out, step, [&](const Pair& p) {
        fields(*f.type, before.get_object(), after.get_object(), p, false, kDeep);
      });
    } else if (out.changed != nullptr && before != after) {
      out.changed->steps[step].member = true;
    }
  }

  using Index = std::unordered_map<std::string, const json::value*>;
  static Index index(const FieldInfo& f, const json::array& list) {
    Index out;
    for (const json::value& e : list) out.emplace(element_step(f, e), &e);
    return out;
  }

  void list(const FieldInfo& f, const json::array& before, const json::array& after,
            const Pair& out) {
    Index was = index(f, before), is = index(f, after);
    for (const auto& [step, a] : is) {
      auto b = was.find(step);
      if (b != was.end()) {
        element(f, step, *b->second, *a, out);
      } else if (out.changed != nullptr) {
        Walker(true).element(f, *a, &out.changed->steps[step]);
      }
    }
    if (out.removed == nullptr) return;
    for (const auto& [step, b] : was) {
      if (!is.contains(step)) Walker(true).element(f, *b, &out.removed->steps[step]);
    }
  }

  // Depth 0 is the object, 1 its metadata; elsewhere it does not matter.
  static constexpr int kDeep = 2;
  static int next(int depth, std::string_view name) {
    return depth == 0 && name == "metadata" ? 1 : kDeep;
  }
  static bool hidden(int depth, std::string_view name) {
    return depth == 1 && server_metadata(name);
  }

  FieldSet* want_changed_;
  FieldSet* want_removed_;
};

}  // namespace

std::string element_step(const FieldInfo& list, const json::value& element) {
  const json::object* object = element.if_object();
  if (object == nullptr || list.type == nullptr) return "";
  std::vector<std::string_view> names(list.list_keys.begin(), list.list_keys.end());
  std::sort(names.begin(), names.end());
  std::string step;
  for (std::string_view name : names) {
    const json::value* v = object->if_contains(name);
    const FieldInfo* key = list.type->find(name);
    if ((v == nullptr || v->is_null()) && key != nullptr) v = &key->default_value;
    if (v == nullptr || v->is_null() || !is_scalar(*v)) continue;
    step += step.empty() ? "k:{\"" : ",\"";
    step += name;
    step += "\":";
    step += json::serialize(*v);
  }
  return step.empty() ? step : step + '}';
}

FieldSet FieldSet::of(const TypeInfo& type, const json::value& value) {
  FieldSet set;
  const json::object* object = value.if_object();
  if (object == nullptr) return set;
  Walker walker(false);
  walker.fields(type, *object, &set);
  const FieldInfo* meta_field = type.find("metadata");
  const json::value* meta = object->if_contains("metadata");
  if (meta_field != nullptr && meta_field->type != nullptr && meta != nullptr &&
      meta->is_object()) {
    FieldSet own;
    walker.fields(*meta_field->type, meta->get_object(), &own, true);
    set.steps.erase("f:metadata");
    if (!own.empty()) set.steps.emplace("f:metadata", std::move(own));
  }
  return set;
}

FieldSet FieldSet::changed(const TypeInfo& type, const json::value& before,
                           const json::value& after) {
  FieldSet set;
  Differ(&set, nullptr).root(type, before, after);
  return set;
}

FieldSet FieldSet::removed(const TypeInfo& type, const json::value& before,
                           const json::value& after) {
  FieldSet set;
  Differ(nullptr, &set).root(type, before, after);
  return set;
}

}  // namespace kubus::patch
