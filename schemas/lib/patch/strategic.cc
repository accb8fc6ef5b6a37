// Strategic merge: lists with a merge key are merged by element, and the directives $patch,
// $retainKeys, $setElementOrder/… and $deleteFromPrimitiveList/… are obeyed. New elements stand
// before those that were there, unless an order is given.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/lib/patch/patch.h"

namespace kubus::patch {
namespace {

using schema::FieldInfo;
using schema::TypeInfo;
using schema::ValueKind;

constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetain = "$retainKeys";
constexpr std::string_view kOrder = "$setElementOrder/";
constexpr std::string_view kDelete = "$deleteFromPrimitiveList/";
constexpr size_t kNowhere = static_cast<size_t>(-1);

Error bad(std::string message) {
  return Error(Code::kBadRequest, "strategic merge patch: " + std::move(message));
}

bool starts_with(std::string_view s, std::string_view prefix) {
  return s.substr(0, prefix.size()) == prefix;
}

Status merge_object(const TypeInfo* type, json::object& doc, const json::object& patch);

// The directive of a map or list element: "", "merge", "replace" or "delete".
Result<std::string> directive_of(const json::object& patch) {
  const json::value* v = patch.if_contains(kDirective);
  if (v == nullptr) return std::string();
  std::string text = v->is_string() ? std::string(v->get_string()) : json::serialize(*v);
  if (text != "merge" && text != "replace" && text != "delete")
    return bad("unknown $patch " + text);
  return text;
}

// A list whose elements are told apart by `key` (objects) or by themselves (key "").
class List {
 public:
  List(std::string_view field, const FieldInfo& info)
      : field_(field), info_(info), key_(info.patch_key) {}

  Status merge(json::array& doc, const json::array& patch) {
    json::array before = doc;
    bool replace = false;
    json::array wanted;
    if (Status s = specials(doc, patch, &wanted, &replace); !s) return s;
    if (replace) before.clear();
    for (const json::value& item : wanted) {
      if (Status s = merge_item(doc, item); !s) return s;
    }
    order(doc, wanted, before);
    return {};
  }

  void erase_all(json::array& doc, const json::array& items) const {
    for (const json::value& item : items) erase(doc, item);
  }

  // Brings `doc` into the order of `wanted`; elements that it does not name keep theirs, as in
  // `before`.
  void order(json::array& doc, const json::array& wanted, const json::array& before) const {
    std::vector<std::pair<size_t, json::value*>> named, others;
    for (json::value& e : doc) {
      size_t at = position(wanted, e);
      if (at != kNowhere) {
        named.emplace_back(at, &e);
      } else {
        others.emplace_back(position(before, e), &e);
      }
    }
    auto by_place = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::stable_sort(named.begin(), named.end(), by_place);
    std::stable_sort(others.begin(), others.end(), by_place);
    json::array out(doc.storage());
    out.reserve(doc.size());
    size_t i = 0, j = 0;
    while (i < others.size() || j < named.size()) {
      bool other = j == named.size();
      if (!other && i < others.size()) {
        size_t place = position(before, *named[j].second);
        other = place != kNowhere && others[i].first != kNowhere && others[i].first < place;
      }
      out.push_back(std::move(*(other ? others[i++] : named[j++]).second));
    }
    doc = std::move(out);
  }

 private:
  // Takes deletions and replacements out of the patch; what is left to merge goes to `wanted`.
  Status specials(json::array& doc, const json::array& patch, json::array* wanted, bool* replace) {
    for (const json::value& item : patch) {
      const json::object* object = item.if_object();
      if (object == nullptr || key_.empty()) {
        wanted->push_back(item);
        continue;
      }
      Result<std::string> directive = directive_of(*object);
      if (!directive) return std::move(directive).error();
      if (*directive == "merge") return bad(field_ + ": a list element cannot say $patch merge");
      if (*directive == "replace") *replace = true;
      if (*directive == "delete") {
        if (!object->contains(key_)) return lacks_key();
        erase(doc, item);
      }
      if (directive->empty()) wanted->push_back(item);
    }
    if (*replace) doc.clear();
    return {};
  }

  Status merge_item(json::array& doc, const json::value& item) {
    if (key_.empty()) {
      if (position(doc, item) == kNowhere) doc.push_back(item);
      return {};
    }
    const json::object* object = item.if_object();
    if (object == nullptr || !object->contains(key_)) return lacks_key();
    size_t at = position(doc, item);
    if (at == kNowhere) {
      at = doc.size();
      doc.emplace_back(json::object(doc.storage()));
    }
    return merge_object(info_.type, doc[at].get_object(), *object);
  }

  Error lacks_key() const { return bad(field_ + ": a list element lacks its merge key " + key_); }

  bool same(const json::value& a, const json::value& b) const {
    if (key_.empty()) return a == b;
    const json::object* x = a.if_object();
    const json::object* y = b.if_object();
    if (x == nullptr || y == nullptr) return false;
    const json::value* p = x->if_contains(key_);
    const json::value* q = y->if_contains(key_);
    return p != nullptr && q != nullptr && *p == *q;
  }

  size_t position(const json::array& list, const json::value& e) const {
    for (size_t i = 0; i < list.size(); ++i) {
      if (same(list[i], e)) return i;
    }
    return kNowhere;
  }

  void erase(json::array& doc, const json::value& item) const {
    for (size_t at = position(doc, item); at != kNowhere; at = position(doc, item)) {
      doc.erase(doc.begin() + at);
    }
  }

  std::string field_;
  const FieldInfo& info_;
  std::string key_;
};

bool merges(const FieldInfo& f) {
  return f.is_list && f.patch_merge && (f.kind != ValueKind::kTable || !f.patch_key.empty());
}

const json::array* list_in(const json::object& object, std::string_view key) {
  const json::value* v = object.if_contains(key);
  return v == nullptr ? nullptr : v->if_array();
}

Status retain_keys(json::object& doc, const json::object& patch) {
  const json::value* retain = patch.if_contains(kRetain);
  if (retain == nullptr) return {};
  const json::array* keys = retain->if_array();
  if (keys == nullptr) return bad("$retainKeys must be a list");
  auto kept = [&](std::string_view name) {
    return std::any_of(keys->begin(), keys->end(), [&](const json::value& k) {
      return k.is_string() && std::string_view(k.get_string()) == name;
    });
  };
  for (const auto& [name, value] : patch) {
    if (!name.starts_with('$') && !value.is_null() && !kept(name)) {
      return bad("$retainKeys does not name " + std::string(name) + ", which the patch sets");
    }
  }
  std::vector<std::string> gone;
  for (const auto& [name, value] : doc) {
    if (!kept(name)) gone.emplace_back(name);
  }
  for (const std::string& name : gone) doc.erase(name);
  return {};
}

// $deleteFromPrimitiveList/<field>: [values]
Status delete_values(const TypeInfo* type, json::object& doc, std::string_view directive,
                     const json::value& values) {
  std::string_view name = directive.substr(kDelete.size());
  const FieldInfo* f = type == nullptr ? nullptr : type->find(name);
  if (f == nullptr || !f->is_list || !values.is_array())
    return bad("bad directive " + std::string(directive));
  json::value* list = doc.if_contains(name);
  if (list != nullptr && list->is_array())
    List(name, *f).erase_all(list->get_array(), values.get_array());
  return {};
}

Status merge_list(const FieldInfo& f, std::string_view name, json::object& doc,
                  const json::object& patch, const json::array& items) {
  json::value& at = doc[name];
  if (!at.is_array()) at = json::array(doc.storage());
  json::array before = at.get_array();
  List list(name, f);
  if (Status s = list.merge(at.get_array(), items); !s) return s;
  if (const json::array* order = list_in(patch, std::string(kOrder) + std::string(name))) {
    list.order(at.get_array(), *order, before);
  }
  return {};
}

// $setElementOrder/<field> without a change of the field itself.
Status order_only(const TypeInfo* type, json::object& doc, const json::object& patch,
                  std::string_view directive, const json::value& order) {
  std::string_view name = directive.substr(kOrder.size());
  const FieldInfo* f = type == nullptr ? nullptr : type->find(name);
  if (f == nullptr || !merges(*f) || !order.is_array())
    return bad("bad directive " + std::string(directive));
  json::value* list = doc.if_contains(name);
  if (list == nullptr || !list->is_array() || list_in(patch, name) != nullptr) return {};
  json::array before = list->get_array();
  List(name, *f).order(list->get_array(), order.get_array(), before);
  return {};
}

Status directive(const TypeInfo* type, json::object& doc, const json::object& patch,
                 std::string_view name, const json::value& value) {
  if (starts_with(name, kDelete)) return delete_values(type, doc, name, value);
  if (starts_with(name, kOrder)) return order_only(type, doc, patch, name, value);
  if (name == kDirective || name == kRetain) return {};
  return bad("unknown directive " + std::string(name));
}

Status merge_struct(const TypeInfo* type, json::value& at, const json::object& patch) {
  if (!at.is_object()) at = json::object(at.storage());
  return merge_object(type, at.get_object(), patch);
}

Status merge_field(const TypeInfo* type, json::object& doc, const json::object& patch,
                   std::string_view name, const json::value& value) {
  if (value.is_null()) {
    doc.erase(name);
    return {};
  }
  const FieldInfo* f = type == nullptr ? nullptr : type->find(name);
  const json::array* items = value.if_array();
  if (f != nullptr && items != nullptr && merges(*f))
    return merge_list(*f, name, doc, patch, *items);
  const json::object* object = value.if_object();
  bool opaque = f == nullptr ? type != nullptr : f->is_list || f->kind == ValueKind::kRawJson;
  if (object == nullptr || opaque) {
    doc[name] = value;
    return {};
  }
  // The keys of a map are data, so below a map of scalars there is no type.
  const TypeInfo* below = f == nullptr || f->is_map ? nullptr : f->type;
  return merge_struct(below, doc[name], *object);
}

Status merge_object(const TypeInfo* type, json::object& doc, const json::object& patch) {
  Result<std::string> how = directive_of(patch);
  if (!how) return std::move(how).error();
  if (*how == "delete" || *how == "replace") doc.clear();
  if (*how == "delete") return {};
  if (Status s = retain_keys(doc, patch); !s) return s;
  for (const auto& [name, value] : patch) {
    if (name.starts_with('$')) {
      if (Status s = directive(type, doc, patch, name, value); !s) return s;
    }
  }
  for (const auto& [name, value] : patch) {
    if (name.starts_with('$')) continue;
    if (Status s = merge_field(type, doc, patch, name, value); !s) return s;
  }
  return {};
}

}  // namespace

Status strategic_merge(const TypeInfo& type, json::value& doc, const json::value& patch) {
  const json::object* changes = patch.if_object();
  if (changes == nullptr) return bad("an object is expected");
  json::value work = doc;
  if (Status s = merge_struct(&type, work, *changes); !s) return s;
  doc = std::move(work);
  return {};
}

}  // namespace kubus::patch
