// The one function that renders who may do what on the bus into nats-server's configuration, and
// the users it renders.
//
// Only allow-lists: a subscribe deny that merely overlaps a wildcard is not enforced by every
// server. Nobody has a permission for _INBOX: replies go under the actor's own subject.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bus/stream_subjects.h"

namespace kubus::bus {

enum class Role : uint8_t {
  kStore,         // takes requests; publishes events, heads, replies, commands to nodes
  kComponent,     // scheduler, controllers, gateway: own requests, all events and heads
  kKubelet,       // own requests, its own node's events and head; `node` names it
  kHollow,        // the kubelet of each of `nodes`, over one connection: tests of scale alone
  kAdmin,         // a person or program of the cluster's administrator: as a component
  kBridge,        // hears all events, and tells them as CloudEvents
  kReader,        // follows the given lanes, hears and answers the given admissions; own requests
  kReplay,        // plays the past: as the store, under the names of replays alone
  kStreamWriter,  // keeps the stream of events; it and the next two are users of the stream's space
                  // alone
  kStreamAdmin,   // makes and removes durable consumers
  kStreamReader,  // has a durable consumer for each of the given lanes
};

struct BusUser {
  std::string actor;     // "scheduler", "kubelet:n1"; also the user name
  std::string password;  // or what bcrypt makes of it
  Role role = Role::kComponent;
  std::string node;                     // kKubelet
  std::vector<std::string> nodes;       // kHollow
  std::vector<LaneId> lanes;            // kReader, kStreamReader
  std::vector<std::string> admissions;  // kReader
  std::string consumer;                 // kStreamReader: what its consumers are named after
};

// The optional stream of events: JetStream, in an account from which nothing of the cluster can be
// reached.
struct StreamConfig {
  std::string store_dir;
  std::vector<BusUser> users;
};

struct ServerConfig {
  ClusterName cluster;
  std::string listen = "127.0.0.1";
  uint16_t port = 4222;
  std::string cert_file, key_file, ca_file;  // TLS if set
  std::vector<BusUser> users;
  std::optional<StreamConfig> stream;
};

// Messages are at most 4 MiB; the server takes a little more, so that headers never tip one over.
constexpr size_t kMostMessageBytes = 4 << 20;

std::string render_server_config(const ServerConfig& config);

}  // namespace kubus::bus
