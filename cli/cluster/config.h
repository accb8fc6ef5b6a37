// What was decided when a cluster was made; kept in DIR/config.json and never guessed again.
#pragma once

#include <cstdint>
#include <string>

#include "cli/cluster/layout.h"
#include "schemas/lib/base/result.h"

namespace kubus::cli {

constexpr int kMostHollow = 20'000;
constexpr const char* kHollowPrefix = "hollow";

struct ClusterConfig {
  std::string name = "default";
  std::string listen = "127.0.0.1";  // bus and API
  std::string address;  // the node's own, where the API listens too; "" : not chosen yet
  uint16_t bus_port = 0;
  uint16_t api_port = 0;
  std::string pod_cidr = "10.244.0.0/16";
  std::string service_cidr = "10.96.0.0/16";
  int hollow = 0;    // nodes that only seem to run Pods, hollow-0, hollow-1, …: tests of scale
  std::string node;  // this machine's node name; "" : a control plane without a node
  uint16_t node_grace_seconds = 40;  // how long a node may be silent
  bool stream = false;               // whether the optional stream of events is kept
  uint64_t stream_max_bytes = 0;     // beyond it the stream forgets its oldest; 0: no limit
  std::string runtime_endpoint;      // a CRI socket that is already there; "" : our own containerd
};

// kNotFound if the directory holds no cluster; kBadRequest names the field that is malformed.
Result<ClusterConfig> read_config(const Layout& layout);
Status write_config(const Layout& layout, const ClusterConfig& config);

}  // namespace kubus::cli
