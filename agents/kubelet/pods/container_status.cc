#include "agents/kubelet/pods/container_status.h"

#include "schemas/lib/codec/scalars.h"

namespace kubus::kubelet {
namespace {

namespace json = boost::json;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int kUnknownExit = 137;

json::value time_of(int64_t ns) {
  if (ns <= 0) return nullptr;
  return json::value(codec::format_time(ns / kSecond));
}

std::string full_id(const std::string& runtime, const std::string& id) {
  return runtime + "://" + id;
}

json::object terminated(const ContainerStatus& c, const std::string& runtime) {
  bool known = c.state == ContainerState::kExited;
  json::object out{{"exitCode", known ? c.exit_code : kUnknownExit}};
  std::string reason = c.reason;
  if (!known) reason = "ContainerStatusUnknown";
  if (reason.empty()) reason = c.exit_code == 0 ? "Completed" : "Error";
  out["reason"] = reason;
  bool never_ran = c.reason == "StartError" || c.reason == "ContainerCannotRun";
  if (!c.message.empty()) out["message"] = never_ran ? with_advice(c.message) : c.message;
  out["startedAt"] = time_of(c.started_at);
  out["finishedAt"] = time_of(c.finished_at);
  out["containerID"] = full_id(runtime, c.id);
  return {{"terminated", std::move(out)}};
}

json::object waiting(std::string reason, const std::string& message) {
  json::object out{{"reason", std::move(reason)}};
  if (!message.empty()) out["message"] = message;
  return {{"waiting", std::move(out)}};
}

json::object not_started(const DesiredContainer& c, const PodMemory& memory, bool initialized) {
  const ContainerMemory& m = memory.of(c.name);
  if (!m.reason.empty()) return waiting(m.reason, m.message);
  bool in_turn = initialized || c.init;
  return waiting(in_turn ? "ContainerCreating" : "PodInitializing", memory.sandbox_error);
}

std::string back_off(const DesiredPod& pod, const DesiredContainer& c, int64_t delay) {
  return "back-off " + std::to_string(delay / kSecond) + "s restarting failed container=" + c.name +
         " pod=" + pod.name + "_" + pod.ns + "(" + pod.uid + ")";
}

// How it is between two runs.
json::object resting(const DesiredPod& pod, const DesiredContainer& c, const ContainerStatus& last,
                     const ContainerMemory& m, const std::string& runtime, int64_t now) {
  int64_t delay = restart_due(last) - last.finished_at;
  if (delay > 0 && now < restart_due(last))
    return waiting("CrashLoopBackOff", back_off(pod, c, delay));
  if (!m.reason.empty()) return waiting(m.reason, m.message);
  return terminated(last, runtime);
}

bool has(const json::object& state, const char* what) {
  return state.contains(what);
}

}  // namespace

std::string with_advice(const std::string& message) {
  auto says = [&](const char* words) { return message.find(words) != std::string::npos; };
  if (says("unable to set memory limit") || says("memory limit too low"))
    return message + "; raise resources.limits.memory";
  if (says("no such file or directory") || says("executable file not found"))
    return message + "; see whether the image has what `command` names";
  if (says("permission denied") && says("exec:"))
    return message + "; what `command` names is not executable in this image";
  return message;
}

ContainerView view_of(const DesiredPod& pod, const DesiredContainer& c, const ObservedPod& observed,
                      const PodMemory& memory, bool initialized, const std::string& runtime,
                      int64_t now) {
  ContainerView out;
  const ContainerStatus* last = observed.latest(c.name);
  const ContainerStatus* before = observed.previous(c.name);
  const RunMemory* run = last && runs(*last) ? memory.of(c.name).of_run(last->id) : nullptr;
  json::object state;
  if (!last) {
    state = not_started(c, memory, initialized);
  } else if (runs(*last) && run && !run->hooked) {
    state = waiting("ContainerCreating", "its postStart hook has not ended");
  } else if (runs(*last)) {
    state = {{"running", {{"startedAt", time_of(last->started_at)}}}};
    out.stage = Stage::kRunning;
  } else if (!ended(*last)) {
    state = not_started(c, memory, initialized);
  } else {
    bool winding_down =
        pod.terminating || pod.finished || overdue(pod, now) || all_done(pod, observed);
    bool again = !winding_down && wants_restart(pod, c, *last);
    state = again ? resting(pod, c, *last, memory.of(c.name), runtime, now)
                  : terminated(*last, runtime);
    bool well = last->state == ContainerState::kExited && last->exit_code == 0;
    if (!again) out.stage = well ? Stage::kEndedWell : Stage::kEndedBadly;
  }
  if (last && ended(*last) && !has(state, "terminated")) before = last;
  out.ran = (last && last->state != ContainerState::kCreated) || before;
  bool passed = c.init && !c.sidecar && out.stage == Stage::kEndedWell;
  out.json = {
      {"name", c.name},
      {"state", std::move(state)},
      {"lastState", before && ended(*before) ? terminated(*before, runtime) : json::object()},
      {"ready", passed || (run && run->ready)},
      {"restartCount", static_cast<int64_t>(last ? last->attempt : 0)},
      {"image", c.image},
      {"imageID", last ? last->image_ref : ""}};
  if (last) out.json["containerID"] = full_id(runtime, last->id);
  out.json["started"] = run && run->started;
  return out;
}

}  // namespace kubus::kubelet
