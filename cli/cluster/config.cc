#include "cli/cluster/config.h"

#include <boost/json.hpp>

#include "cli/cluster/files.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

Error malformed(const Layout& layout, const std::string& why) {
  return Error(Code::kBadRequest, layout.config() + ": " + why);
}

Status take(const json::object& from, const char* field, std::string* to) {
  const json::value* v = from.if_contains(field);
  if (!v || !v->is_string())
    return Error(Code::kBadRequest, std::string(field) + " must be a string");
  *to = v->as_string();
  return {};
}

Status take(const json::object& from, const char* field, uint16_t* to) {
  const json::value* v = from.if_contains(field);
  if (!v || !v->is_int64() || v->as_int64() < 1 || v->as_int64() > 65535) {
    return Error(Code::kBadRequest, std::string(field) + " must be a port from 1 to 65535");
  }
  *to = static_cast<uint16_t>(v->as_int64());
  return {};
}

}  // namespace

Result<ClusterConfig> read_config(const Layout& layout) {
  if (!exists(layout.config())) {
    return Error(Code::kNotFound,
                 "there is no cluster in " + layout.dir + "; `kubus up` makes one");
  }
  auto text = read_file(layout.config());
  if (!text) return text.error();
  boost::system::error_code code;
  json::value v = json::parse(*text, code);
  if (code || !v.is_object()) return malformed(layout, "is no JSON object");
  const json::object& o = v.as_object();
  ClusterConfig c;
  for (Status s : {take(o, "name", &c.name), take(o, "listen", &c.listen),
                   take(o, "busPort", &c.bus_port), take(o, "apiPort", &c.api_port),
                   take(o, "podCIDR", &c.pod_cidr), take(o, "serviceCIDR", &c.service_cidr),
                   take(o, "node", &c.node), take(o, "runtimeEndpoint", &c.runtime_endpoint)}) {
    if (!s) return malformed(layout, s.error().message);
  }
  // Clusters that are older than these fields lack them.
  if (o.contains("address")) {
    if (Status s = take(o, "address", &c.address); !s) return malformed(layout, s.error().message);
  }
  if (const json::value* hollow = o.if_contains("hollow")) {
    if (!hollow->is_int64() || hollow->as_int64() < 0 || hollow->as_int64() > kMostHollow)
      return malformed(layout, "hollow must be from 0 to " + std::to_string(kMostHollow));
    c.hollow = static_cast<int>(hollow->as_int64());
  }
  if (const json::value* grace = o.if_contains("nodeGraceSeconds")) {
    if (!grace->is_int64() || grace->as_int64() < 1 || grace->as_int64() > 3600)
      return malformed(layout, "nodeGraceSeconds must be from 1 to 3600");
    c.node_grace_seconds = static_cast<uint16_t>(grace->as_int64());
  }
  if (const json::value* stream = o.if_contains("streamEvents")) {
    if (!stream->is_bool()) return malformed(layout, "streamEvents must be true or false");
    c.stream = stream->get_bool();
  }
  if (const json::value* most = o.if_contains("streamMaxBytes")) {
    if (!most->is_int64() || most->as_int64() < 0)
      return malformed(layout, "streamMaxBytes must not be negative");
    c.stream_max_bytes = static_cast<uint64_t>(most->as_int64());
  }
  return c;
}

Status write_config(const Layout& layout, const ClusterConfig& c) {
  json::object o{{"name", c.name},
                 {"listen", c.listen},
                 {"address", c.address},
                 {"busPort", c.bus_port},
                 {"apiPort", c.api_port},
                 {"podCIDR", c.pod_cidr},
                 {"serviceCIDR", c.service_cidr},
                 {"node", c.node},
                 {"hollow", c.hollow},
                 {"nodeGraceSeconds", c.node_grace_seconds},
                 {"streamEvents", c.stream},
                 {"streamMaxBytes", c.stream_max_bytes},
                 {"runtimeEndpoint", c.runtime_endpoint}};
  return write_file(layout.config(), json::serialize(o) + "\n");
}

}  // namespace kubus::cli
