// Nodes and Pods for tests, from JSON.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "bus/sim/loop.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/object.h"

namespace kubus::scheduler::testing {

inline Object make(std::string_view resource, std::string_view text) {
  const auto& kind = *schema::Registry::get().by_resource("", resource);
  std::vector<codec::Problem> problems;
  auto bytes = codec::from_json(kind, text, &problems);
  EXPECT_TRUE(bytes) << bytes.error().message << "\n" << text;
  EXPECT_TRUE(problems.empty()) << problems.front().message << "\n" << text;
  return *Object::from(kind, Payload(*std::move(bytes)));
}

struct NodeText {
  std::string name = "n";
  std::string labels, taints, more_status;  // JSON members or elements
  bool unschedulable = false;
  std::string cpu = "4", memory = "8Gi", pods = "110";
  std::string more_room;  // ,"example.com/gpu":"2"
};

inline std::string text(const NodeText& n) {
  return R"({"metadata":{"name":")" + n.name + R"(","labels":{)" + n.labels +
         R"(}},"spec":{"taints":[)" + n.taints + R"(],"unschedulable":)" +
         (n.unschedulable ? "true" : "false") + R"(},"status":{"allocatable":{"cpu":")" + n.cpu +
         R"(","memory":")" + n.memory + R"(","pods":")" + n.pods + "\"" + n.more_room + "}" +
         n.more_status + "}}";
}

struct PodText {
  std::string name = "p";
  std::string spec;      // JSON members
  std::string requests;  // JSON members
  std::string ports;     // JSON elements
  std::string node;
  std::string uid;  // "" : as the name
  std::string phase;
  std::string created = "2026-11-23T05:00:00Z";
  std::string labels;  // JSON members
  std::string ns = "d";
  int priority = 0;
  std::string nominated;  // status.nominatedNodeName
  bool going = false;
};

inline std::string text(const PodText& p) {
  std::string out = R"({"metadata":{"namespace":")" + p.ns + R"(","name":")" + p.name +
                    R"(","uid":")" + (p.uid.empty() ? p.name : p.uid) +
                    R"(","creationTimestamp":")" + p.created + R"(","labels":{)" + p.labels + "}";
  if (p.going) out += R"(,"deletionTimestamp":"2026-11-23T06:00:00Z")";
  out += R"(},"spec":{)" + p.spec + (p.spec.empty() ? "" : ",");
  if (p.priority != 0) out += R"("priority":)" + std::to_string(p.priority) + ",";
  if (!p.node.empty()) out += R"("nodeName":")" + p.node + "\",";
  out += R"("containers":[{"name":"c","image":"i:1","ports":[)" + p.ports +
         R"(],"resources":{"requests":{)" + p.requests + "}}}]}";
  if (!p.phase.empty()) out += R"(,"status":{"phase":")" + p.phase + "\"}";
  if (!p.nominated.empty()) out += R"(,"status":{"nominatedNodeName":")" + p.nominated + "\"}";
  return out + "}";
}

inline Object node(const NodeText& n) {
  return make("nodes", text(n));
}
inline Object pod(const PodText& p) {
  return make("pods", text(p));
}

}  // namespace kubus::scheduler::testing
