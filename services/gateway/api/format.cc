#include "services/gateway/api/format.h"

#include <boost/json.hpp>
#include <sstream>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/table/table.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) {
    size_t begin = part.find_first_not_of(' ');
    size_t end = part.find_last_not_of(' ');
    if (begin != std::string::npos) out.push_back(part.substr(begin, end - begin + 1));
  }
  return out;
}

// One media range of an Accept header; nullopt if it is nothing that we write.
std::optional<Shape> shape_of(const std::string& range) {
  std::vector<std::string> parts = split(range, ';');
  if (parts.empty()) return std::nullopt;
  if (parts[0] != "application/json" && parts[0] != "*/*" && parts[0] != "application/*")
    return std::nullopt;
  std::string as, group, version;
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].rfind("as=", 0) == 0) as = parts[i].substr(3);
    if (parts[i].rfind("g=", 0) == 0) group = parts[i].substr(2);
    if (parts[i].rfind("v=", 0) == 0) version = parts[i].substr(2);
  }
  if (as.empty()) return Shape::kObject;
  if (group != "meta.k8s.io" || version != "v1") return std::nullopt;
  if (as == "Table") return Shape::kTable;
  if (as == "PartialObjectMetadata" || as == "PartialObjectMetadataList") return Shape::kPartial;
  return std::nullopt;
}

std::string object_json(const Object& object) {
  std::string out;
  codec::to_json(object.kind(), object.bytes(), {}, &out);
  return out;
}

json::value metadata_of(const Object& object) {
  json::value value = codec::to_value(object.kind(), object.bytes());
  return value.as_object()["metadata"];
}

std::string partial_json(const Object& object) {
  return R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":)" +
         json::serialize(metadata_of(object)) + "}";
}

std::string included_json(const Object& object, Include include) {
  switch (include) {
    case Include::kNone:
      return "";
    case Include::kMetadata:
      return partial_json(object);
    case Include::kObject:
      return object_json(object);
  }
  return "";
}

std::string columns_json(const schema::KindInfo& kind) {
  json::array out;
  for (const schema::Column& c : kind.columns) {
    out.push_back(json::object{{"name", c.name},
                               {"type", c.type},
                               {"format", c.format},
                               {"description", ""},
                               {"priority", c.priority}});
  }
  return json::serialize(out);
}

std::string row_json(const Object& object, Include include, int64_t now) {
  std::string out = "{\"cells\":" + json::serialize(table::cells(object, now));
  std::string included = included_json(object, include);
  if (!included.empty()) out += ",\"object\":" + included;
  return out + "}";
}

std::string list_meta_json(const ListMeta& meta) {
  json::object o{{"resourceVersion", std::to_string(meta.revision.value())}};
  if (!meta.continue_token.empty()) o["continue"] = meta.continue_token;
  if (meta.remaining) o["remainingItemCount"] = *meta.remaining;
  return json::serialize(o);
}

std::string table_json(const schema::KindInfo* columns_of, const ListMeta& meta,
                       const std::string& rows) {
  std::string out = R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":)" +
                    list_meta_json(meta) + ",\"columnDefinitions\":";
  out += columns_of ? columns_json(*columns_of) : "null";
  return out + ",\"rows\":[" + rows + "]}";
}

}  // namespace

Result<Format> negotiate(const HttpRequest& request) {
  Format format;
  std::string include = request.query_value("includeObject");
  if (include == "None") format.include = Include::kNone;
  if (include == "Object") format.include = Include::kObject;
  std::string accept = request.header("accept");
  if (accept.empty()) return format;
  for (const std::string& range : split(accept, ',')) {
    if (auto shape = shape_of(range)) {
      format.shape = *shape;
      return format;
    }
  }
  return Error(
      Code::kNotAcceptable,
      "only application/json, its Table and its PartialObjectMetadata can be written here, not \"" +
          accept + "\"");
}

std::string write_object(const Object& object, const Format& format, int64_t now) {
  if (format.shape == Shape::kPartial) return partial_json(object);
  if (format.shape == Shape::kObject) return object_json(object);
  return table_json(&object.kind(),
                    {.revision = object.revision(), .continue_token = "", .remaining = {}},
                    row_json(object, format.include, now));
}

std::string write_list(const schema::KindInfo& kind, const std::vector<Object>& items,
                       const ListMeta& meta, const Format& format, int64_t now) {
  std::string rows;
  for (const Object& item : items) {
    if (!rows.empty()) rows += ',';
    if (format.shape == Shape::kTable) {
      rows += row_json(item, format.include, now);
    } else {
      rows += format.shape == Shape::kPartial ? partial_json(item) : object_json(item);
    }
  }
  if (format.shape == Shape::kTable) return table_json(&kind, meta, rows);
  bool partial = format.shape == Shape::kPartial;
  std::string list_kind = partial ? "PartialObjectMetadataList" : kind.kind + "List";
  std::string api_version = partial ? "meta.k8s.io/v1" : kind.api_version();
  return "{\"kind\":\"" + list_kind + "\",\"apiVersion\":\"" + api_version +
         "\",\"metadata\":" + list_meta_json(meta) + ",\"items\":[" + rows + "]}";
}

std::string write_frame_object(const Object& object, const Format& format, bool columns,
                               int64_t now) {
  if (format.shape != Shape::kTable) return write_object(object, format, now);
  return table_json(columns ? &object.kind() : nullptr,
                    {.revision = object.revision(), .continue_token = "", .remaining = {}},
                    row_json(object, format.include, now));
}

std::string write_bookmark(const schema::KindInfo& kind, Revision revision, bool initial_end,
                           const Format& format) {
  json::object metadata{{"resourceVersion", std::to_string(revision.value())}};
  if (initial_end) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  json::object body{{"metadata", metadata}};
  if (format.shape == Shape::kPartial) {
    body["kind"] = "PartialObjectMetadata";
    body["apiVersion"] = "meta.k8s.io/v1";
  } else {
    body["kind"] = kind.kind;
    body["apiVersion"] = kind.api_version();
  }
  if (format.shape != Shape::kTable) return json::serialize(body);
  std::string row = "{\"cells\":[],\"object\":" + json::serialize(body) + "}";
  return table_json(nullptr, {.revision = revision, .continue_token = "", .remaining = {}}, row);
}

}  // namespace kubus::gateway
