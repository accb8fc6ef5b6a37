#include "services/controllers/nodelifecycle/plan.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

#include "schemas/core/v1/node_generated.h"
#include "schemas/lib/codec/codec.h"
#include "services/controllers/values.h"

namespace kubus::controllers::nodelifecycle {
namespace {

namespace json = boost::json;

constexpr std::string_view kNoSchedule = "NoSchedule", kNoExecute = "NoExecute";
constexpr std::string_view kUnschedulable = "node.kubernetes.io/unschedulable";
// What a kubelet vouches for.
constexpr std::array<std::string_view, 4> kTold = {"Ready", "MemoryPressure", "DiskPressure",
                                                   "PIDPressure"};
struct Pressure {
  std::string_view condition, taint;
};
constexpr std::array<Pressure, 4> kPressures = {
    {{"MemoryPressure", "node.kubernetes.io/memory-pressure"},
     {"DiskPressure", "node.kubernetes.io/disk-pressure"},
     {"PIDPressure", "node.kubernetes.io/pid-pressure"},
     {"NetworkUnavailable", "node.kubernetes.io/network-unavailable"}}};

struct Mark {
  std::string_view key, effect;
  friend bool operator==(const Mark&, const Mark&) = default;
};

Mark mark_of(const json::value& taint) {
  const json::object* o = taint.if_object();
  return o ? Mark{text_in(*o, "key"), text_in(*o, "effect")} : Mark{};
}

bool has(const json::array& taints, const Mark& mark) {
  return std::any_of(taints.begin(), taints.end(),
                     [&](const json::value& t) { return mark_of(t) == mark; });
}

bool drives_out(const json::array& taints) {
  return has(taints, {kNotReady, kNoExecute}) || has(taints, {kUnreachable, kNoExecute});
}

bool ours(const Mark& mark) {
  if (mark.key == kNotReady || mark.key == kUnreachable) {
    return mark.effect == kNoSchedule || mark.effect == kNoExecute;
  }
  bool pressure = std::any_of(kPressures.begin(), kPressures.end(),
                              [&](const Pressure& p) { return p.taint == mark.key; });
  return (pressure || mark.key == kUnschedulable) && mark.effect == kNoSchedule;
}

json::object* find_condition(json::array& list, std::string_view type) {
  for (json::value& v : list) {
    if (v.is_object() && text_in(v.get_object(), "type") == type) return &v.get_object();
  }
  return nullptr;
}

// "" : all say so already.
std::string unknown_conditions(const json::object& status, int64_t now) {
  json::array list = array_in(status, "conditions");
  bool news = false;
  for (std::string_view type : kTold) {
    json::object* known = find_condition(list, type);
    if (known && text_in(*known, "status") == "Unknown") continue;
    json::object c = known ? *known : json::object{{"type", type}};
    c["status"] = "Unknown";
    c["reason"] = known ? "NodeStatusUnknown" : "NodeStatusNeverUpdated";
    c["message"] = known ? "Nothing is heard from the kubelet." : "The kubelet never said.";
    c["lastTransitionTime"] = time_text(now);
    news = true;
    if (known) {
      *known = std::move(c);
    } else {
      list.push_back(std::move(c));
    }
  }
  if (!news) return "";
  json::object patch{{"status", json::object{{"conditions", std::move(list)}}}};
  return json::serialize(patch);
}

std::vector<Mark> wanted_marks(const Object& node, bool unschedulable, bool drive_out) {
  std::vector<Mark> out;
  std::string_view ready = condition_of(node, "Ready");
  if (ready != "True") {
    std::string_view key = ready == "Unknown" ? kUnreachable : kNotReady;
    out.push_back({key, kNoSchedule});
    if (drive_out && !ready.empty()) out.push_back({key, kNoExecute});
  }
  for (const Pressure& p : kPressures) {
    if (condition_of(node, p.condition) == "True") out.push_back({p.taint, kNoSchedule});
  }
  if (unschedulable) out.push_back({kUnschedulable, kNoSchedule});
  return out;
}

// "" : they are as wanted.
std::string taints_patch(const json::array& taints, const std::vector<Mark>& wanted, int64_t now) {
  json::array out;
  for (const json::value& t : taints) {
    Mark mark = mark_of(t);
    bool stays = !ours(mark) || std::find(wanted.begin(), wanted.end(), mark) != wanted.end();
    if (stays) out.push_back(t);
  }
  bool news = out.size() != taints.size();
  for (const Mark& mark : wanted) {
    if (has(taints, mark)) continue;
    out.push_back(
        json::object{{"key", mark.key}, {"effect", mark.effect}, {"timeAdded", time_text(now)}});
    news = true;
  }
  if (!news) return "";
  return json::serialize(json::object{{"spec", json::object{{"taints", std::move(out)}}}});
}

}  // namespace

Plan plan(const Object& node, Presence presence, DriveOut drive_out, int64_t now) {
  json::value whole = codec::to_value(node.kind(), node.bytes());
  const json::object& value = whole.as_object();
  Plan out;
  if (presence == Presence::kSilent) {
    out.status_patch = unknown_conditions(object_in(value, "status"), now);
    if (!out.status_patch.empty()) return out;
  }
  const json::object& spec = object_in(value, "spec");
  json::array taints = array_in(spec, "taints");
  bool begun = drives_out(taints);
  bool drive = drive_out == DriveOut::kPermit || (drive_out == DriveOut::kHold && begun);
  out.taints_patch =
      taints_patch(taints, wanted_marks(node, flag_in(spec, "unschedulable"), drive), now);
  std::string_view ready = condition_of(node, "Ready");
  bool judged = (ready == "False" && presence == Presence::kHeard) ||
                (ready == "Unknown" && presence == Presence::kSilent);
  out.wants_permit = judged && !begun;
  return out;
}

std::string_view condition_of(const Object& node, std::string_view type) {
  const auto* status = node.as<core::v1::Node>()->status();
  if (!status || !status->conditions()) return {};
  for (const auto* c : *status->conditions()) {
    if (c->type() && c->type()->string_view() == type)
      return c->status() ? c->status()->string_view() : std::string_view();
  }
  return {};
}

std::string zone_of(const Object& node) {
  return std::string(node.label("topology.kubernetes.io/region").value_or("")) + "/" +
         std::string(node.label("topology.kubernetes.io/zone").value_or(""));
}

}  // namespace kubus::controllers::nodelifecycle
