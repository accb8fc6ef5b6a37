// The Node object of this machine. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "agents/kubelet/node/machine.h"
#include "agents/kubelet/node/pressure.h"
#include "schemas/lib/object.h"

namespace kubus::kubelet {

struct NodeReport {
  std::string name, address, version;  // version: ours
  Machine machine;
  RuntimeVersion runtime;
  std::string stream_endpoint, stream_key;  // where byte streams are served; empty: nowhere
  Pressure pressure;
  std::vector<Image> images;  // all; the largest are shown
  bool ready = false;
  std::string why_not;  // while it is not
};

// To register with: labels and status. The store gives it its Pod network.
boost::json::object new_node(const NodeReport& report, int64_t now_seconds);

// The merge patch of the status that says what `report` says; "" if the Node says so already and
// its heartbeat is younger than `heartbeat_seconds`.
std::string node_status_patch(const Object& node, const NodeReport& report, int64_t now_seconds,
                              int64_t heartbeat_seconds);

// The merge patch of the annotations that say where byte streams are served; "" if they do.
std::string node_annotations_patch(const Object& node, const NodeReport& report);

// As its condition says.
bool is_ready(const Object& node);
std::string pod_cidr_of(const Object& node);

}  // namespace kubus::kubelet
