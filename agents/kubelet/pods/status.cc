#include "agents/kubelet/pods/status.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "agents/kubelet/pods/container_status.h"
#include "agents/kubelet/pods/desired.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::kubelet {
namespace {

namespace json = boost::json;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int kLostExit = 137;  // of a run whose end nobody saw
constexpr const char* kIgnored = "kubus.io/NotActedOn";

struct Condition {
  std::string type;
  bool holds = false;
  std::string reason, message;
};

class StatusBuilder {
 public:
  StatusBuilder(const Object& pod, const DesiredPod& desired, const ObservedPod& observed,
                const PodMemory& memory, const NodeFacts& node, int64_t now)
      : object_(pod), pod_(desired), observed_(observed), memory_(memory), node_(node), now_(now) {
    json::value status = codec::part_to_value(pod.kind(), pod.bytes(), "status");
    if (status.is_object()) status_ = std::move(status.as_object());
  }

  json::object build() {
    look_at_containers();
    set_phase();
    set_addresses();
    if (!status_.contains("startTime")) status_["startTime"] = codec::format_time(now_ / kSecond);
    if (object_.generation() > 0) status_["observedGeneration"] = object_.generation();
    set_conditions();
    return std::move(status_);
  }

 private:
  // What this machine no longer knows of, though it was told to run (it lost power, or somebody
  // removed the container): its run is over, in a way that nobody saw.
  void remember(json::object& container, const char* list) {
    const json::value* before = status_.if_contains(list);
    if (!before || !before->is_array()) return;
    for (const json::value& old : before->get_array()) {
      if (!old.is_object() || !old.get_object().contains("state") ||
          old.at("name") != container.at("name"))
        continue;
      const json::value* told = old.get_object().if_contains("restartCount");
      int64_t restarts = told && told->is_int64() ? told->get_int64() : 0;
      bool lost =
          !container.contains("containerID") && old.at("state").get_object().contains("running");
      if (lost) {
        container["lastState"] = lost_run(old.get_object());
        ++restarts;
      }
      container["restartCount"] = std::max(restarts, container.at("restartCount").as_int64());
    }
  }

  static json::object lost_run(const json::object& old) {
    json::object run{{"exitCode", kLostExit},
                     {"reason", "ContainerStatusUnknown"},
                     {"message", "the container is gone, and how it ended is not known"},
                     {"startedAt", nullptr},
                     {"finishedAt", nullptr}};
    if (const json::value* id = old.if_contains("containerID")) run["containerID"] = *id;
    return {{"terminated", std::move(run)}};
  }

  void look_at_containers() {
    json::array inits, mains;
    for (const DesiredContainer& c : pod_.containers) {
      ContainerView v =
          view_of(pod_, c, observed_, memory_, initialized_, node_.runtime_name, now_);
      remember(v.json, c.init ? "initContainerStatuses" : "containerStatuses");
      if (c.init) {
        bool passed = c.sidecar ? v.json.at("started").as_bool() : v.stage == Stage::kEndedWell;
        initialized_ &= passed;
        if (!passed) add_name(c.name, &uninitialized_);
        init_failed_ |= v.stage == Stage::kEndedBadly && !c.sidecar;
        sidecars_run_ |= c.sidecar && v.stage == Stage::kRunning;
        if (c.sidecar && !v.json.at("ready").as_bool()) add_name(c.name, &unready_);
        inits.push_back(std::move(v.json));
        continue;
      }
      all_ended_ &= v.stage == Stage::kEndedWell || v.stage == Stage::kEndedBadly;
      any_failed_ |= v.stage == Stage::kEndedBadly;
      all_ran_ &= v.ran;
      began_ |= v.json.at("started").as_bool();
      if (!v.json.at("ready").as_bool()) add_name(c.name, &unready_);
      mains.push_back(std::move(v.json));
    }
    // Whoever has come so far has been initialized, whatever a sidecar does now.
    initialized_ |= began_;
    if (!inits.empty()) status_["initContainerStatuses"] = std::move(inits);
    status_["containerStatuses"] = std::move(mains);
  }

  static void add_name(const std::string& name, std::string* list) {
    *list += (list->empty() ? "" : " ") + name;
  }

  void set_phase() {
    std::string phase = "Running";
    bool over = overdue(pod_, now_) && !running();
    if (init_failed_ || over) {
      phase = "Failed";
    } else if (all_ended_ && !sidecars_run_) {
      phase = any_failed_ ? "Failed" : "Succeeded";
    } else if (!all_ran_ || !initialized_) {
      phase = "Pending";
    }
    const json::value* before = status_.if_contains("phase");
    bool ran_before = before && before->is_string() && before->get_string() == "Running";
    if (phase == "Pending" && ran_before) phase = "Running";  // phases go forward only
    if (pod_.finished) phase = status_["phase"].as_string().c_str();
    status_["phase"] = phase;
    if (over && phase == "Failed") {
      status_["reason"] = "DeadlineExceeded";
      status_["message"] = "the Pod ran longer than its activeDeadlineSeconds";
    }
  }

  bool running() const {
    for (const ContainerStatus& c : observed_.containers) {
      if (runs(c)) return true;
    }
    return false;
  }

  void set_addresses() {
    status_["hostIP"] = node_.address;
    status_["hostIPs"] = json::array{json::object{{"ip", node_.address}}};
    const auto* spec = object_.as<core::v1::Pod>()->spec();
    std::vector<std::string> ips;
    if (spec && spec->host_network().value_or(false)) {
      ips.push_back(node_.address);
    } else if (observed_.sandbox()) {
      ips = observed_.sandbox()->ips;
    }
    if (ips.empty()) return;
    json::array all;
    for (const std::string& ip : ips) all.push_back(json::object{{"ip", ip}});
    status_["podIP"] = ips.front();
    status_["podIPs"] = std::move(all);
  }

  // ---- conditions ----

  void set_conditions() {
    std::string phase(status_["phase"].as_string());
    bool done = phase == "Succeeded" || phase == "Failed";
    const SandboxStatus* sandbox = observed_.sandbox();
    bool network = sandbox && sandbox->ready;
    Condition ready{"ContainersReady", !done && initialized_ && unready_.empty()};
    if (!ready.holds) {
      ready.reason = phase == "Succeeded" ? "PodCompleted"
                     : phase == "Failed"  ? "PodFailed"
                                          : "ContainersNotReady";
      if (!done && !unready_.empty())
        ready.message = "containers with unready status: [" + unready_ + "]";
    }
    Condition pod_ready = ready;
    pod_ready.type = "Ready";
    if (std::string gate = open_gate(); pod_ready.holds && !gate.empty())
      pod_ready = {"Ready", false, "ReadinessGatesNotReady",
                   "the condition " + gate + " is not True"};
    Condition initialized{"Initialized", initialized_};
    if (!initialized_) {
      initialized.reason = "ContainersNotInitialized";
      initialized.message = "containers with incomplete status: [" + uninitialized_ + "]";
    }
    set({"PodReadyToStartContainers", network});
    set(initialized);
    set(pod_ready);
    set(ready);
    set({"PodScheduled", true});
    std::string ignored;
    for (const std::string& what : not_acted_on(object_))
      ignored += (ignored.empty() ? "" : "; ") + what;
    if (!ignored.empty()) set({kIgnored, true, "NotImplemented", ignored});
  }

  // The first readiness gate whose condition does not hold.
  std::string open_gate() {
    const auto* spec = object_.as<core::v1::Pod>()->spec();
    if (!spec || !spec->readiness_gates()) return "";
    for (const auto* gate : *spec->readiness_gates()) {
      std::string type = gate->condition_type() ? gate->condition_type()->str() : "";
      const json::object* c = find(type);
      if (!c || c->at("status") != "True") return type;
    }
    return "";
  }

  json::object* find(const std::string& type) {
    json::value& list = status_["conditions"];
    if (!list.is_array()) list.emplace_array();
    for (json::value& c : list.as_array()) {
      if (c.at("type") == json::string_view(type)) return &c.as_object();
    }
    return nullptr;
  }

  void set(const Condition& c) {
    const char* status = c.holds ? "True" : "False";
    json::object* old = find(c.type);
    bool turned = !old || old->at("status") != status;
    if (!old) {
      status_["conditions"].as_array().push_back(json::object{{"type", c.type}});
      old = find(c.type);
    }
    (*old)["status"] = status;
    (*old)["lastProbeTime"] = nullptr;
    if (turned) (*old)["lastTransitionTime"] = codec::format_time(now_ / kSecond);
    put(*old, "reason", c.reason);
    put(*old, "message", c.message);
    if (object_.generation() > 0) (*old)["observedGeneration"] = object_.generation();
  }

  static void put(json::object& in, const char* key, const std::string& value) {
    if (value.empty()) {
      in.erase(key);
    } else {
      in[key] = value;
    }
  }

  const Object& object_;
  const DesiredPod& pod_;
  const ObservedPod& observed_;
  const PodMemory& memory_;
  const NodeFacts& node_;
  int64_t now_;
  json::object status_;
  bool initialized_ = true, init_failed_ = false, all_ended_ = true, any_failed_ = false,
       all_ran_ = true, sidecars_run_ = false, began_ = false;
  std::string unready_, uninitialized_;
};

}  // namespace

json::object status_of(const Object& pod, const DesiredPod& desired, const ObservedPod& observed,
                       const PodMemory& memory, const NodeFacts& node, int64_t now) {
  return StatusBuilder(pod, desired, observed, memory, node, now).build();
}

Result<std::string> status_patch(const Object& pod, const json::object& status) {
  const schema::TypeInfo& type = *pod.kind().type->find("status")->type;
  json::value before = codec::part_to_value(pod.kind(), pod.bytes(), "status");
  if (before == json::value(status)) return std::string();
  auto bytes = codec::from_value(type, status, nullptr);
  if (!bytes) return bytes.error();
  json::value canonical = codec::to_value(type, *bytes);
  if (canonical == before) return std::string();
  json::object changed;
  const json::object* old = before.if_object();
  for (const auto& [key, value] : canonical.as_object()) {
    const json::value* was = old ? old->if_contains(key) : nullptr;
    if (!was || *was != value) changed[key] = value;
  }
  return json::serialize(json::object{{"status", std::move(changed)}});
}

}  // namespace kubus::kubelet
