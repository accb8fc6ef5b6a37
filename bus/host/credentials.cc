#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "bus/host/host.h"

namespace kubus::bus {
namespace {

namespace json = boost::json;

std::string text(const json::object& o, const char* field) {
  const json::value* v = o.if_contains(field);
  return v && v->is_string() ? std::string(v->as_string()) : "";
}

}  // namespace

Result<Credentials> read_credentials(const std::string& path) {
  std::ifstream in(path);
  if (!in)
    return Error(Code::kNotFound,
                 "cannot read the bus credentials " + path + ": " + std::strerror(errno));
  std::string content(std::istreambuf_iterator<char>(in), {});
  boost::system::error_code code;
  json::value v = json::parse(content, code);
  if (code || !v.is_object()) return Error(Code::kBadRequest, path + " is no JSON object");
  const json::object& o = v.as_object();
  Credentials c{.cluster = text(o, "cluster"),
                .actor = text(o, "actor"),
                .servers = {},
                .user = text(o, "user"),
                .password = text(o, "password"),
                .ca_file = text(o, "ca"),
                .cert_file = text(o, "cert"),
                .key_file = text(o, "key")};
  if (const json::value* servers = o.if_contains("servers"); servers && servers->is_array()) {
    for (const json::value& s : servers->as_array()) {
      if (s.is_string()) c.servers.emplace_back(s.as_string());
    }
  }
  if (c.cluster.empty() || c.actor.empty() || c.servers.empty()) {
    return Error(Code::kBadRequest, path + ": cluster, actor and servers are required");
  }
  return c;
}

}  // namespace kubus::bus
