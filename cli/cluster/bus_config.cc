#include "cli/cluster/bus_config.h"

#include <boost/json.hpp>

#include "bus/nats/server_config.h"
#include "cli/cluster/files.h"
#include "cli/cluster/known_users.h"
#include "cli/cluster/passwords.h"

namespace kubus::cli {
namespace {

constexpr int kSecret = 0600;

// The user's password: that of its credentials file, which is written if it is not there.
Result<std::string> credentials(const ClusterConfig& config, const Layout& layout,
                                const std::string& actor) {
  std::string path = layout.credentials(actor);
  if (exists(path)) {
    auto text = read_file(path);
    if (!text) return text.error();
    boost::system::error_code code;
    auto v = boost::json::parse(*text, code);
    const auto* password = !code && v.is_object() ? v.as_object().if_contains("password") : nullptr;
    if (!password || !password->is_string())
      return Error(Code::kBadRequest, path + " holds no password");
    return std::string(password->as_string());
  }
  std::string password = random_password();
  boost::json::object o{
      {"cluster", config.name},
      {"actor", actor},
      {"servers", {"nats://" + config.listen + ":" + std::to_string(config.bus_port)}},
      {"user", actor},
      {"password", password}};
  if (Status s = write_file(path, boost::json::serialize(o) + "\n", kSecret); !s) return s.error();
  return password;
}

Status set_password(const ClusterConfig& config, const Layout& layout, bus::BusUser* user) {
  auto password = credentials(config, layout, user->actor);
  if (!password) return password.error();
  user->password = *std::move(password);
  return {};
}

}  // namespace

Status write_bus_config(const ClusterConfig& config, const Layout& layout) {
  bus::ServerConfig server{
      .cluster = ClusterName(config.name), .listen = config.listen, .port = config.bus_port};
  std::vector<bus::BusUser> users = {{.actor = "store", .role = bus::Role::kStore},
                                     {.actor = "gateway"},
                                     {.actor = "scheduler"},
                                     {.actor = "controllers"},
                                     {.actor = "bridge", .role = bus::Role::kBridge},
                                     {.actor = "admin", .role = bus::Role::kAdmin},
                                     {.actor = "replay", .role = bus::Role::kReplay},
                                     {.actor = "supervisor",
                                      .role = bus::Role::kReader,
                                      .lanes = {{.group = "kubus.io", .resource = "users"}}}};
  if (!config.node.empty()) {
    users.push_back(
        {.actor = "kubelet:" + config.node, .role = bus::Role::kKubelet, .node = config.node});
    users.push_back({.actor = "proxy:" + config.node,
                     .role = bus::Role::kReader,
                     .lanes = {{.group = "", .resource = "services"},
                               {.group = "discovery.k8s.io", .resource = "endpointslices"}}});
  }
  if (config.hollow > 0) {
    bus::BusUser hollow{.actor = kHollowPrefix, .role = bus::Role::kHollow};
    for (int i = 0; i < config.hollow; ++i)
      hollow.nodes.push_back(std::string(kHollowPrefix) + "-" + std::to_string(i));
    users.push_back(std::move(hollow));
  }
  auto outside = read_known_users(layout);
  if (!outside) return outside.error();
  if (config.stream) {
    // It follows the cluster's lane here, and writes in the stream's own space.
    users.push_back({.actor = "stream", .role = bus::Role::kReader, .lanes = {bus::LaneId()}});
    server.stream = {.store_dir = layout.jetstream(),
                     .users = {{.actor = "stream-writer", .role = bus::Role::kStreamWriter},
                               {.actor = "stream-admin", .role = bus::Role::kStreamAdmin}}};
    for (bus::BusUser& user : server.stream->users) {
      if (Status s = set_password(config, layout, &user); !s) return s;
    }
    for (const KnownUser& user : *outside) {
      auto reader = stream_user(user);
      if (reader && !user.password_hash.empty()) server.stream->users.push_back(*std::move(reader));
    }
  }
  for (bus::BusUser& user : users) {
    if (Status s = set_password(config, layout, &user); !s) return s;
  }
  for (const KnownUser& user : *outside) {
    if (!user.password_hash.empty()) users.push_back(bus_user(user));
  }
  server.users = std::move(users);
  return write_file(layout.bus_config(), bus::render_server_config(server), kSecret);
}

}  // namespace kubus::cli
