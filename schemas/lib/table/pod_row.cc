// A Pod's row. The rules for Status and Restarts are those of Kubernetes' printer: the first
// container (from the last) that has something to tell replaces the phase; init containers that are
// not done come before all others.
#include <boost/json/array.hpp>

#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/table/rows.h"
#include "schemas/lib/table/table.h"

namespace kubus::table {
namespace {

struct Summary {
  std::string reason;
  int64_t ready = 0, total = 0, restarts = 0, sidecar_restarts = 0;
  int64_t last_restart = 0, last_sidecar_restart = 0;
};

bool condition(const json::value& pod, std::string_view type, std::string_view field,
               std::string_view value) {
  for (const json::value& c : items(pod, "status.conditions")) {
    if (text(c, "type") == type) return text(c, field) == value;
  }
  return false;
}

bool is_sidecar(const json::value& pod, const std::string& name) {
  for (const json::value& c : items(pod, "spec.initContainers")) {
    if (text(c, "name") == name) return text(c, "restartPolicy") == "Always";
  }
  return false;
}

int64_t finished_at(const json::value& status) {
  return codec::parse_time(text(status, "lastState.terminated.finishedAt")).value_or(0);
}

// "Error", "Signal:9", "ExitCode:3"
std::string terminated_text(const json::value& terminated) {
  std::string reason = text(terminated, "reason");
  if (!reason.empty()) return reason;
  if (number(terminated, "signal") != 0) return "Signal:" + text(terminated, "signal");
  return "ExitCode:" + std::to_string(number(terminated, "exitCode"));
}

// Adds what init containers tell; true if they are still at work.
bool sum_init(const json::value& pod, Summary* s) {
  const json::array& statuses = items(pod, "status.initContainerStatuses");
  size_t count = items(pod, "spec.initContainers").size();
  for (size_t i = 0; i < statuses.size(); ++i) {
    const json::value& c = statuses[i];
    bool sidecar = is_sidecar(pod, text(c, "name"));
    s->restarts += number(c, "restartCount");
    s->last_restart = std::max(s->last_restart, finished_at(c));
    if (sidecar) {
      s->sidecar_restarts += number(c, "restartCount");
      s->last_sidecar_restart = std::max(s->last_sidecar_restart, finished_at(c));
    }
    const json::value& terminated = at(c, "state.terminated");
    const json::value& started = at(c, "started");
    if (terminated.is_object() && number(terminated, "exitCode") == 0) continue;
    if (sidecar && started.is_bool() && started.get_bool()) {
      const json::value& ready = at(c, "ready");
      if (ready.is_bool() && ready.get_bool()) ++s->ready;
      continue;
    }
    std::string waiting = text(c, "state.waiting.reason");
    if (terminated.is_object()) {
      s->reason = "Init:" + terminated_text(terminated);
    } else if (!waiting.empty() && waiting != "PodInitializing") {
      s->reason = "Init:" + waiting;
    } else {
      s->reason = "Init:" + std::to_string(i) + "/" + std::to_string(count);
    }
    return true;
  }
  return false;
}

void sum_containers(const json::value& pod, Summary* s) {
  s->restarts = s->sidecar_restarts;
  s->last_restart = s->last_sidecar_restart;
  bool has_running = false;
  const json::array& statuses = items(pod, "status.containerStatuses");
  for (size_t i = statuses.size(); i-- > 0;) {
    const json::value& c = statuses[i];
    s->restarts += number(c, "restartCount");
    s->last_restart = std::max(s->last_restart, finished_at(c));
    std::string waiting = text(c, "state.waiting.reason");
    const json::value& ready = at(c, "ready");
    if (!waiting.empty()) {
      s->reason = waiting;
    } else if (at(c, "state.terminated").is_object()) {
      s->reason = terminated_text(at(c, "state.terminated"));
    } else if (ready.is_bool() && ready.get_bool() && at(c, "state.running").is_object()) {
      has_running = true;
      ++s->ready;
    }
  }
  if (s->reason == "Completed" && has_running) {
    s->reason = condition(pod, "Ready", "status", "True") ? "Running" : "NotReady";
  }
}

std::string readiness_gates(const json::value& pod) {
  const json::array& gates = items(pod, "spec.readinessGates");
  if (gates.empty()) return "<none>";
  int met = 0;
  for (const json::value& gate : gates)
    met += condition(pod, text(gate, "conditionType"), "status", "True");
  return std::to_string(met) + "/" + std::to_string(gates.size());
}

}  // namespace

void pod_row(Row& row) {
  const json::value& pod = row.object;
  Summary s;
  s.total = static_cast<int64_t>(items(pod, "spec.containers").size());
  for (const json::value& c : items(pod, "spec.initContainers"))
    s.total += text(c, "restartPolicy") == "Always";
  std::string phase = text(pod, "status.phase");
  s.reason = phase;
  if (std::string r = text(pod, "status.reason"); !r.empty()) s.reason = r;
  if (condition(pod, "PodScheduled", "reason", "SchedulingGated")) s.reason = "SchedulingGated";
  if (!sum_init(pod, &s) || condition(pod, "Initialized", "status", "True"))
    sum_containers(pod, &s);
  bool over = phase == "Succeeded" || phase == "Failed";
  if (!text(pod, "metadata.deletionTimestamp").empty()) {
    if (text(pod, "status.reason") == "NodeLost") {
      s.reason = "Unknown";
    } else if (!over) {
      s.reason = "Terminating";
    }
  }
  std::string restarts = std::to_string(s.restarts);
  if (s.restarts > 0 && s.last_restart > 0)
    restarts += " (" + human_duration(row.now - s.last_restart) + " ago)";
  row.set("Ready", std::to_string(s.ready) + "/" + std::to_string(s.total));
  row.set("Status", s.reason);
  row.set("Restarts", restarts);
  std::string ip = text(pod, "status.podIP");
  const json::array& ips = items(pod, "status.podIPs");
  if (!ips.empty()) ip = text(ips[0], "ip");
  row.set("IP", or_none(ip));
  row.set("Node", or_none(text(pod, "spec.nodeName")));
  row.set("Nominated Node", or_none(text(pod, "status.nominatedNodeName")));
  row.set("Readiness Gates", readiness_gates(pod));
}

}  // namespace kubus::table
