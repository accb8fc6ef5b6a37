#include "schemas/lib/schema/registry_builder.h"

#include <flatbuffers/reflection.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <sstream>

#include "schemas/lib/base/check.h"

namespace kubus::schema {
namespace {

using reflection::BaseType;

std::vector<std::string> words(const std::string& text, char by) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) {
    if (!part.empty()) out.push_back(part);
  }
  return out;
}

// What protobuf calls the type of a field (or of a list's element), as far as it follows from ours.
std::string proto_type_of(const FieldInfo& f) {
  auto plain = [&]() -> std::string {
    switch (f.kind) {
      case ValueKind::kBool:
        return "bool";
      case ValueKind::kInt32:
        return "int32";
      case ValueKind::kInt64:
        return "int64";
      case ValueKind::kDouble:
        return "double";
      case ValueKind::kString:
      case ValueKind::kDecimal:
        return "string";
      case ValueKind::kQuantity:
        return "Quantity";
      case ValueKind::kTime:
        return "Time";
      case ValueKind::kMicroTime:
        return "MicroTime";
      case ValueKind::kIntOrString:
        return "IntOrString";
      case ValueKind::kBytes:
        return "bytes";
      case ValueKind::kRawJson:
        return "RawExtension";
      case ValueKind::kFieldSet:
        return "FieldsV1";
      case ValueKind::kTable:
        return f.type->name;
    }
    return "";
  };
  return f.is_map ? "map<string, " + plain() + ">" : plain();
}

// The attributes of a table or field.
class Attributes {
 public:
  explicit Attributes(const flatbuffers::Vector<flatbuffers::Offset<reflection::KeyValue>>* list)
      : list_(list) {}
  bool has(const char* key) const { return list_ && list_->LookupByKey(key); }
  std::string text(const char* key) const {
    const auto* kv = list_ ? list_->LookupByKey(key) : nullptr;
    return kv && kv->value() ? kv->value()->str() : "";
  }
  std::optional<double> number(const char* key) const {
    return has(key) ? std::optional<double>(std::strtod(text(key).c_str(), nullptr)) : std::nullopt;
  }

 private:
  const flatbuffers::Vector<flatbuffers::Offset<reflection::KeyValue>>* list_;
};

std::string doc_of(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* lines) {
  std::string out;
  for (size_t i = 0; lines && i < lines->size(); ++i) {
    std::string line = lines->Get(i)->str();
    line.erase(0, line.find_first_not_of(' '));
    out += (out.empty() ? "" : " ") + line;
  }
  return out;
}

std::string camel(const std::string& snake) {
  std::string out;
  bool up = false;
  for (char c : snake) {
    if (c == '_') {
      up = true;
    } else {
      out += up ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      up = false;
    }
  }
  return out;
}

// How the value of a field of this base type reads, given its attributes.
ValueKind scalar_kind(BaseType base, const Attributes& a) {
  if (a.has("time")) return ValueKind::kTime;
  if (a.has("micro_time")) return ValueKind::kMicroTime;
  if (a.has("quantity")) return ValueKind::kQuantity;
  if (a.has("raw_json")) return ValueKind::kRawJson;
  if (a.has("decimal")) return ValueKind::kDecimal;
  switch (base) {
    case BaseType::Bool:
      return ValueKind::kBool;
    case BaseType::Int:
      return ValueKind::kInt32;
    case BaseType::Long:
      return ValueKind::kInt64;
    case BaseType::Double:
      return ValueKind::kDouble;
    case BaseType::String:
      return ValueKind::kString;
    default:
      break;
  }
  KUBUS_CHECK(!"a field of a type that no ValueKind stands for");
  return ValueKind::kString;
}

class Builder {
 public:
  Builder(const reflection::Schema& schema,
          std::unordered_map<std::string, std::unique_ptr<TypeInfo>>* types,
          std::vector<std::unique_ptr<KindInfo>>* kinds)
      : schema_(schema), types_(*types), kinds_(*kinds) {}

  void run() {
    for (const reflection::Object* o : *schema_.objects()) {
      auto type = std::make_unique<TypeInfo>();
      type->full_name = o->name()->str();
      type->name = type->full_name.substr(type->full_name.rfind('.') + 1);
      type->doc = doc_of(o->documentation());
      types_.emplace(type->full_name, std::move(type));
    }
    for (const reflection::Object* o : *schema_.objects()) add_fields(*o);
    mark_checks();
    for (const reflection::Object* o : *schema_.objects()) add_kind(*o);
    std::sort(kinds_.begin(), kinds_.end(),
              [](const auto& a, const auto& b) { return a->number < b->number; });
  }

 private:
  TypeInfo* type_at(int32_t index) {
    return types_
        .at(schema_.objects()->Get(static_cast<flatbuffers::uoffset_t>(index))->name()->str())
        .get();
  }

  void add_fields(const reflection::Object& o) {
    TypeInfo& type = *types_.at(o.name()->str());
    type.fields.resize(o.fields()->size());
    for (const reflection::Field* f : *o.fields()) type.fields[f->id()] = field_of(*f);
    for (const FieldInfo& f : type.fields) {
      type.by_name.emplace(f.name, f.id);
      type.places.push_back({f.voffset, f.always});
    }
  }

  FieldInfo field_of(const reflection::Field& f) {
    Attributes a(f.attributes());
    FieldInfo out;
    out.fb_name = f.name()->str();
    out.name = a.has("json") ? a.text("json") : camel(out.fb_name);
    out.id = f.id();
    out.voffset = f.offset();
    out.doc = doc_of(f.documentation());
    set_type(f, a, &out);
    set_rules(a, &out);
    set_merging(a, &out);
    return out;
  }

  void set_type(const reflection::Field& f, const Attributes& a, FieldInfo* out) {
    BaseType base = f.type()->base_type();
    out->is_map = a.has("map");
    if (out->is_map) {
      out->entry = type_at(f.type()->index());
      const reflection::Object* entry =
          schema_.objects()->Get(static_cast<flatbuffers::uoffset_t>(f.type()->index()));
      const reflection::Field* value = entry->fields()->LookupByKey("value");
      KUBUS_CHECK(value != nullptr);
      out->kind = value->type()->base_type() == BaseType::Vector
                      ? ValueKind::kBytes
                      : scalar_kind(BaseType::String, Attributes(value->attributes()));
      return;
    }
    if (base == BaseType::Vector && f.type()->element() == BaseType::UByte) {
      out->kind = a.has("field_set") ? ValueKind::kFieldSet : ValueKind::kBytes;
      return;
    }
    out->is_list = base == BaseType::Vector;
    BaseType value = out->is_list ? f.type()->element() : base;
    if (value != BaseType::Obj) {
      out->kind = scalar_kind(value, a);
      return;
    }
    TypeInfo* type = type_at(f.type()->index());
    out->kind = type->name == "IntOrString" ? ValueKind::kIntOrString : ValueKind::kTable;
    if (out->kind == ValueKind::kTable) out->type = type;
    auto at = static_cast<flatbuffers::uoffset_t>(f.type()->index());
    out->map_atomic = Attributes(schema_.objects()->Get(at)->attributes()).has("whole");
  }

  static void set_rules(const Attributes& a, FieldInfo* out) {
    std::string must = a.has("must") ? a.text("must") : "no";
    out->required = must != "no" && must != "listed";
    out->listed_required = must != "no" && must != "checked";
    out->always = a.has("always");
    out->keep_zero = a.has("keep_zero");
    out->immutable = a.has("immutable");
    if (a.has("preset")) out->default_value = json::parse(a.text("preset"));
    out->enums = words(a.text("one_of"), ' ');
    out->format = a.text("format");
    out->minimum = a.number("least");
    out->maximum = a.number("most");
    if (auto most = a.number("most_length")) out->max_length = static_cast<uint32_t>(*most);
    out->proto_number = static_cast<uint32_t>(a.number("proto").value_or(0));
    out->proto_inside = static_cast<uint32_t>(a.number("inside").value_or(0));
    out->proto_type = a.has("proto_type") ? a.text("proto_type") : proto_type_of(*out);
  }

  static void set_merging(const Attributes& a, FieldInfo* out) {
    std::string list = a.text("list"), patch = a.text("patch");
    if (list == "set") out->list_type = ListType::kSet;
    if (list == "map") out->list_type = ListType::kMap;
    out->list_keys = words(a.text("keys"), ' ');
    out->patch_merge = patch.find("merge") != std::string::npos;
    out->patch_retain_keys = patch.find("retainKeys") != std::string::npos;
    out->patch_key = a.text("patch_key");
    out->map_atomic = out->map_atomic || a.has("whole");
  }

  static bool has_rule(const FieldInfo& f) {
    return f.required || !f.enums.empty() || !f.format.empty() || f.minimum || f.maximum ||
           f.max_length || f.immutable;
  }

  // A type needs checks if a field of it or below has a rule; to a fixed point, for types may refer
  // to each other.
  void mark_checks() {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto& [name, type] : types_) {
        if (type->needs_checks) continue;
        type->needs_checks = std::any_of(
            type->fields.begin(), type->fields.end(),
            [](const FieldInfo& f) { return has_rule(f) || (f.type && f.type->needs_checks); });
        changed = changed || type->needs_checks;
      }
    }
  }

  void add_kind(const reflection::Object& o) {
    Attributes a(o.attributes());
    if (!a.has("number")) return;
    auto kind = std::make_unique<KindInfo>();
    kind->type = types_.at(o.name()->str()).get();
    kind->kind = kind->type->name;
    kind->number = static_cast<uint16_t>(*a.number("number"));
    kind->group = a.text("group");
    kind->version = a.text("version");
    kind->resource = a.text("resource");
    kind->singular = a.text("singular");
    kind->short_names = words(a.text("short_names"), ' ');
    kind->categories = words(a.text("categories"), ' ');
    kind->verbs = words(a.text("verbs"), ' ');
    kind->namespaced = !a.has("cluster_scoped");
    kind->confidential = a.has("confidential");
    kind->stored = !a.has("body");
    kind->selectable = words(a.text("selectable"), ' ');
    for (const std::string& s : words(a.text("subresources"), ' '))
      kind->subresources.push_back(subresource_of(s));
    kind->has_status = kind->subresource("status") != nullptr;
    for (const std::string& c : words(a.text("columns"), ';'))
      kind->columns.push_back(column_of(c));
    kinds_.push_back(std::move(kind));
  }

  // "scale(autoscaling/v1/Scale:get,patch,update)"
  static KindInfo::Subresource subresource_of(const std::string& text) {
    size_t open = text.find('('), colon = text.find(':');
    KUBUS_CHECK(open != std::string::npos && colon != std::string::npos && text.back() == ')');
    std::string body = text.substr(open + 1, colon - open - 1);
    size_t slash = body.find('/'), last = body.rfind('/');
    return {.name = text.substr(0, open),
            .group = body.substr(0, slash),
            .version = body.substr(slash + 1, last - slash - 1),
            .kind = body.substr(last + 1),
            .verbs = words(text.substr(colon + 1, text.size() - colon - 2), ',')};
  }

  // "Name|string|name|0|.metadata.name", the path only for plain columns
  static Column column_of(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, '|');) parts.push_back(part);
    KUBUS_CHECK(parts.size() == 4 || parts.size() == 5);
    return {.name = parts[0],
            .type = parts[1],
            .format = parts[2],
            .priority = std::atoi(parts[3].c_str()),
            .path = parts.size() == 5 ? parts[4] : ""};
  }

  const reflection::Schema& schema_;
  std::unordered_map<std::string, std::unique_ptr<TypeInfo>>& types_;
  std::vector<std::unique_ptr<KindInfo>>& kinds_;
};

}  // namespace

Registry RegistryBuilder::build(ByteView bfbs) {
  flatbuffers::Verifier verifier(bfbs.data(), bfbs.size());
  KUBUS_CHECK(reflection::VerifySchemaBuffer(verifier));
  Registry registry;
  Builder(*reflection::GetSchema(bfbs.data()), &registry.types_, &registry.kinds_).run();
  return registry;
}

}  // namespace kubus::schema
