#include "agents/kubelet/node/node_object.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "bus/stream/keys.h"
#include "schemas/core/v1/node_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::kubelet {
namespace {

namespace json = boost::json;

constexpr int kMostPods = 110;
constexpr size_t kMostImages = 50, kMostNames = 5;
constexpr int64_t kLeastKept = int64_t{100} << 20, kMostKept = int64_t{1} << 30;

json::object condition(const char* type, const char* status, const char* reason,
                       const std::string& message, const std::string& now) {
  return {{"type", type},     {"status", status},          {"lastHeartbeatTime", now},
          {"reason", reason}, {"lastTransitionTime", now}, {"message", message}};
}

json::array conditions_of(const NodeReport& r, const std::string& now) {
  auto pressed = [&](const char* type, const std::string& why, const char* good, const char* words,
                     const char* bad) {
    return why.empty() ? condition(type, "False", good, words, now)
                       : condition(type, "True", bad, why, now);
  };
  json::array out{
      pressed("MemoryPressure", r.pressure.memory, "KubeletHasSufficientMemory",
              "kubelet has sufficient memory available", "KubeletHasInsufficientMemory"),
      pressed("DiskPressure", r.pressure.disk, "KubeletHasNoDiskPressure",
              "kubelet has no disk pressure", "KubeletHasDiskPressure"),
      pressed("PIDPressure", r.pressure.pids, "KubeletHasSufficientPID",
              "kubelet has sufficient PID available", "KubeletHasInsufficientPID")};
  out.push_back(r.ready
                    ? condition("Ready", "True", "KubeletReady", "kubelet is ready for Pods", now)
                    : condition("Ready", "False", "KubeletNotReady", r.why_not, now));
  return out;
}

json::object room_of(const Machine& m) {
  return {{"cpu", std::to_string(m.cpus)},
          {"memory", std::to_string(m.memory_bytes / 1024) + "Ki"},
          {"ephemeral-storage", std::to_string(m.disk_bytes / 1024) + "Ki"},
          {"pods", std::to_string(kMostPods)}};
}

// What is kept for the system and the kubelet: 5 % of the CPUs and of the memory (100 MiB to 1
// GiB), 10 % of the disk.
json::object room_for_pods(const Machine& m) {
  int64_t memory = std::clamp(m.memory_bytes / 20, kLeastKept, kMostKept);
  return {{"cpu", std::to_string(m.cpus * 950) + "m"},
          {"memory", std::to_string(std::max<int64_t>(m.memory_bytes - memory, 0) / 1024) + "Ki"},
          {"ephemeral-storage", std::to_string(m.disk_bytes / 10 * 9 / 1024) + "Ki"},
          {"pods", std::to_string(kMostPods)}};
}

// The largest first.
json::array images_of(std::vector<Image> images) {
  std::stable_sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    return a.size != b.size ? a.size > b.size : a.id < b.id;
  });
  if (images.size() > kMostImages) images.resize(kMostImages);
  json::array out;
  for (const Image& image : images) {
    json::array names;
    for (const auto* list : {&image.digests, &image.tags}) {
      for (size_t i = 0; i < std::min(list->size(), kMostNames); ++i)
        names.emplace_back((*list)[i]);
    }
    if (names.empty()) continue;
    out.push_back(
        json::object{{"names", std::move(names)}, {"sizeBytes", static_cast<int64_t>(image.size)}});
  }
  return out;
}

int port_of(const std::string& endpoint) {
  int port = 0;
  size_t colon = endpoint.rfind(':');
  if (colon != std::string::npos)
    std::from_chars(endpoint.data() + colon + 1, endpoint.data() + endpoint.size(), port);
  return port;
}

json::object annotations_of(const NodeReport& r) {
  json::object out;
  if (r.stream_endpoint.empty()) return out;
  out[stream::kEndpointAnnotation] = r.stream_endpoint;
  out[stream::kKeyAnnotation] = r.stream_key;
  return out;
}

json::object status_of(const NodeReport& r, int64_t now_seconds) {
  const Machine& m = r.machine;
  json::object info{{"machineID", m.machine_id},
                    {"systemUUID", m.system_uuid},
                    {"bootID", m.boot_id},
                    {"kernelVersion", m.kernel},
                    {"osImage", m.os_image},
                    {"containerRuntimeVersion", r.runtime.name + "://" + r.runtime.version},
                    {"kubeletVersion", r.version},
                    {"kubeProxyVersion", ""},
                    {"operatingSystem", "linux"},
                    {"architecture", m.architecture}};
  return {{"capacity", room_of(m)},
          {"allocatable", room_for_pods(m)},
          {"images", images_of(r.images)},
          {"conditions", conditions_of(r, codec::format_time(now_seconds))},
          {"addresses", json::array{json::object{{"type", "InternalIP"}, {"address", r.address}},
                                    json::object{{"type", "Hostname"}, {"address", r.name}}}},
          {"daemonEndpoints", {{"kubeletEndpoint", {{"Port", port_of(r.stream_endpoint)}}}}},
          {"nodeInfo", std::move(info)}};
}

const json::object* old_condition(const json::object& status, const json::value& type) {
  const json::value* list = status.if_contains("conditions");
  if (!list || !list->is_array()) return nullptr;
  for (const json::value& c : list->as_array()) {
    if (c.at("type") == type) return &c.as_object();
  }
  return nullptr;
}

bool same_but_for_times(json::object a, json::object b) {
  for (const char* time : {"lastHeartbeatTime", "lastTransitionTime"}) {
    a.erase(time);
    b.erase(time);
  }
  return a == b;
}

// Keeps the times of what has not turned. True: some condition says something new.
bool merge_conditions(const json::object& old, json::array* conditions) {
  bool news = false;
  for (json::value& v : *conditions) {
    json::object& c = v.as_object();
    const json::object* was = old_condition(old, c.at("type"));
    news |= !was || !same_but_for_times(*was, c);
    if (was && was->at("status") == c.at("status") && was->contains("lastTransitionTime"))
      c["lastTransitionTime"] = was->at("lastTransitionTime");
  }
  return news;
}

void keep_foreign_conditions(const json::object& old, json::array* conditions) {
  const json::value* list = old.if_contains("conditions");
  if (!list || !list->is_array()) return;
  for (const json::value& c : list->as_array()) {
    bool ours = false;
    for (const json::value& mine : *conditions) ours |= mine.at("type") == c.at("type");
    if (!ours) conditions->push_back(c);
  }
}

int64_t age_of_heartbeat(const json::object& old, int64_t now) {
  const json::object* ready = old_condition(old, "Ready");
  const json::value* at = ready ? ready->if_contains("lastHeartbeatTime") : nullptr;
  auto time =
      at && at->is_string() ? codec::parse_time(std::string_view(at->as_string())) : std::nullopt;
  return time ? now - *time : INT64_MAX;
}

}  // namespace

json::object new_node(const NodeReport& r, int64_t now_seconds) {
  json::object labels{{"kubernetes.io/hostname", r.name},
                      {"kubernetes.io/os", "linux"},
                      {"kubernetes.io/arch", r.machine.architecture},
                      {"beta.kubernetes.io/os", "linux"},
                      {"beta.kubernetes.io/arch", r.machine.architecture}};
  return {{"metadata",
           {{"name", r.name}, {"labels", std::move(labels)}, {"annotations", annotations_of(r)}}},
          {"spec", json::object()},
          {"status", status_of(r, now_seconds)}};
}

std::string node_status_patch(const Object& node, const NodeReport& r, int64_t now,
                              int64_t heartbeat_seconds) {
  json::value before = codec::to_value(node.kind(), node.bytes());
  const json::value* found = before.as_object().if_contains("status");
  json::object old = found && found->is_object() ? found->as_object() : json::object();
  json::object status = status_of(r, now);
  bool news = merge_conditions(old, &status["conditions"].as_array());
  keep_foreign_conditions(old, &status["conditions"].as_array());
  for (const char* field : {"capacity", "allocatable", "images", "addresses", "daemonEndpoints"}) {
    const json::value* was = old.if_contains(field);
    const json::value& now_is = status[field];
    bool nothing = !was && now_is.is_array() && now_is.as_array().empty();
    news |= !nothing && (!was || *was != now_is);
  }
  for (const auto& [key, value] : status["nodeInfo"].as_object()) {
    const json::value* info = old.if_contains("nodeInfo");
    const json::value* was =
        info && info->is_object() ? info->as_object().if_contains(key) : nullptr;
    news |= !was || *was != value;
  }
  if (!news && age_of_heartbeat(old, now) < heartbeat_seconds) return "";
  return json::serialize(json::object{{"status", std::move(status)}});
}

std::string node_annotations_patch(const Object& node, const NodeReport& r) {
  json::object wanted = annotations_of(r);
  bool same = true;
  for (const auto& [key, value] : wanted) {
    auto now = node.annotation(key);
    same &= now && *now == std::string_view(value.as_string());
  }
  if (same) return "";
  return json::serialize(json::object{{"metadata", {{"annotations", std::move(wanted)}}}});
}

bool is_ready(const Object& node) {
  const auto* status = node.as<core::v1::Node>()->status();
  if (!status || !status->conditions()) return false;
  for (const auto* c : *status->conditions()) {
    if (c->type() && c->type()->string_view() == "Ready")
      return c->status() && c->status()->string_view() == "True";
  }
  return false;
}

std::string pod_cidr_of(const Object& node) {
  const auto* spec = node.as<core::v1::Node>()->spec();
  return spec && spec->pod_cidr() ? spec->pod_cidr()->str() : "";
}

}  // namespace kubus::kubelet
