// managedFields of objects, and who owns what after an update.
#include "schemas/lib/patch/ownership.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <tuple>

#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/patch/managers.h"

namespace kubus::patch {
namespace {

Error bad_entry(size_t index, std::string_view field, std::string_view what) {
  std::string path = "metadata.managedFields[" + std::to_string(index) + "]." + std::string(field);
  return Error(Code::kInvalid, path + ": " + std::string(what),
               {{"FieldValueInvalid", std::string(what), path}});
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* v = object.if_contains(key);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

Result<Manager> read_manager(const json::value& entry, size_t index) {
  const json::object* object = entry.if_object();
  if (object == nullptr) return bad_entry(index, "manager", "an object is expected");
  Manager m;
  m.name = text_of(*object, "manager");
  m.api_version = text_of(*object, "apiVersion");
  m.subresource = text_of(*object, "subresource");
  std::string operation = text_of(*object, "operation");
  if (operation != "Apply" && operation != "Update") {
    return bad_entry(index, "operation", "must be Apply or Update");
  }
  m.apply = operation == "Apply";
  std::string type = text_of(*object, "fieldsType");
  if (!type.empty() && type != "FieldsV1")
    return bad_entry(index, "fieldsType", "must be FieldsV1");
  if (std::string time = text_of(*object, "time"); !time.empty()) {
    std::optional<int64_t> seconds = codec::parse_time(time);
    if (!seconds) return bad_entry(index, "time", "must be an RFC 3339 time");
    m.time = *seconds;
  }
  const json::value* fields = object->if_contains("fieldsV1");
  if (fields != nullptr && !fields->is_null()) {
    Result<FieldSet> set = FieldSet::from_fields_v1(*fields);
    if (!set) return bad_entry(index, "fieldsV1", set.error().message);
    m.fields = *std::move(set);
  }
  return m;
}

json::object write_manager(const Manager& m, FieldsForm form, const json::storage_ptr& sp) {
  json::object out(sp);
  out.emplace("manager", m.name);
  out.emplace("operation", m.apply ? "Apply" : "Update");
  out.emplace("apiVersion", m.api_version);
  if (m.time != 0) out.emplace("time", codec::format_time(m.time));
  out.emplace("fieldsType", "FieldsV1");
  if (form == FieldsForm::kShown) {
    out.emplace("fieldsV1", m.fields.to_fields_v1(sp));
  } else {
    Buffer compact;
    m.fields.to_compact(&compact);
    out.emplace("fieldsV1", FieldSet::opaque(compact, sp));
  }
  if (!m.subresource.empty()) out.emplace("subresource", m.subresource);
  return out;
}

}  // namespace

bool same_manager(const Manager& a, const Manager& b) {
  return a.apply == b.apply && a.name == b.name && a.subresource == b.subresource &&
         (a.apply || a.api_version == b.api_version);
}

void drop_foreign_parts(const schema::KindInfo& kind, std::string_view subresource,
                        FieldSet* fields) {
  if (subresource == "status") {
    fields->steps.erase("f:spec");
  } else if (kind.has_status) {
    fields->steps.erase("f:status");
  }
}

void tidy_managers(std::vector<Manager>* managers) {
  std::erase_if(*managers, [](const Manager& m) { return m.fields.empty(); });
  std::stable_sort(managers->begin(), managers->end(), [](const Manager& a, const Manager& b) {
    return std::tie(b.apply, a.time, a.name, a.api_version, a.subresource) <
           std::tie(a.apply, b.time, b.name, b.api_version, b.subresource);
  });
}

Result<std::vector<Manager>> managers_of(const json::value& object) {
  std::vector<Manager> out;
  const json::object* o = object.if_object();
  const json::value* meta = o == nullptr ? nullptr : o->if_contains("metadata");
  const json::value* list = meta == nullptr || !meta->is_object()
                                ? nullptr
                                : meta->get_object().if_contains("managedFields");
  if (list == nullptr || !list->is_array()) return out;
  for (const json::value& entry : list->get_array()) {
    Result<Manager> m = read_manager(entry, out.size());
    if (!m) return std::move(m).error();
    out.push_back(*std::move(m));
  }
  return out;
}

void set_managers(json::value& object, const std::vector<Manager>& managers, FieldsForm form) {
  if (!object.is_object()) return;
  json::value& meta = object.get_object()["metadata"];
  if (!meta.is_object()) meta.emplace_object();
  if (managers.empty()) {
    meta.get_object().erase("managedFields");
    return;
  }
  json::array list(meta.storage());
  list.reserve(managers.size());
  for (const Manager& m : managers) list.push_back(write_manager(m, form, meta.storage()));
  meta.get_object()["managedFields"] = std::move(list);
}

void note_update(const schema::KindInfo& kind, const json::value& before, const json::value& after,
                 const Manager& who, std::vector<Manager>* managers) {
  FieldSet changed = FieldSet::changed(*kind.type, before, after);
  FieldSet removed;
  if (!managers->empty()) removed = FieldSet::removed(*kind.type, before, after);
  drop_foreign_parts(kind, who.subresource, &changed);
  if (changed.empty() && removed.empty()) return;
  Manager* self = nullptr;
  for (Manager& m : *managers) {
    if (!removed.empty()) m.fields = m.fields.without(removed);
    if (same_manager(m, who)) {
      self = &m;
    } else if (!changed.empty()) {
      m.fields = m.fields.without(changed);
    }
  }
  if (!changed.empty()) {
    if (self == nullptr) {
      managers->push_back(who);
      self = &managers->back();
      self->fields = std::move(changed);
    } else {
      self->fields = self->fields.united(changed);
    }
    self->time = who.time;
  }
  tidy_managers(managers);
}

}  // namespace kubus::patch
