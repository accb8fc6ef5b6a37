#include "services/controllers/deployment/status.h"

#include <algorithm>
#include <array>
#include <limits>

#include "services/controllers/values.h"

namespace kubus::controllers::deployment {
namespace {

namespace json = boost::json;

constexpr std::array<const char*, 6> kCounts = {
    "replicas",          "updatedReplicas",     "readyReplicas",
    "availableReplicas", "unavailableReplicas", "terminatingReplicas"};

struct Counts {
  int64_t replicas = 0, updated = 0, ready = 0, available = 0, unavailable = 0, terminating = 0;

  std::array<int64_t, 6> all() const {
    return {replicas, updated, ready, available, unavailable, terminating};
  }
};

Counts count(const StatusInput& in) {
  Counts out;
  auto add = [&](const Set& s) {
    out.replicas += s.replicas;
    out.ready += s.ready;
    out.available += s.available;
    out.terminating += s.terminating;
  };
  if (in.fresh) {
    add(*in.fresh);
    out.updated = in.fresh->replicas;
  }
  for (const Set& s : in.old) add(s);
  out.unavailable = std::max<int64_t>(0, out.replicas - out.available);
  return out;
}

class Conditions {
 public:
  Conditions(json::array conditions, int64_t now) : all_(std::move(conditions)), now_(now) {}

  const json::object* find(std::string_view type) const {
    for (const json::value& c : all_) {
      if (c.is_object() && text_in(c.get_object(), "type") == type) return &c.get_object();
    }
    return nullptr;
  }
  std::string_view reason(std::string_view type) const {
    const json::object* c = find(type);
    return c ? text_in(*c, "reason") : std::string_view();
  }

  // `renew`: it is said anew, even if it was true before.
  void set(const char* type, const char* status, const char* reason, const std::string& message,
           bool renew = false) {
    const json::object* old = find(type);
    bool same = old && text_in(*old, "status") == status && text_in(*old, "reason") == reason;
    if (same && !renew) return;
    json::value since =
        old && text_in(*old, "status") == status && old->contains("lastTransitionTime")
            ? old->at("lastTransitionTime")
            : json::value(time_text(now_));
    remove(type);
    all_.push_back(json::object{{"type", type},
                                {"status", status},
                                {"lastUpdateTime", time_text(now_)},
                                {"lastTransitionTime", std::move(since)},
                                {"reason", reason},
                                {"message", message}});
    changed_ = true;
  }
  void remove(std::string_view type) {
    auto* end = std::remove_if(all_.begin(), all_.end(), [&](const json::value& c) {
      return text_in(c.as_object(), "type") == type;
    });
    changed_ |= end != all_.end();
    all_.erase(end, all_.end());
  }

  bool changed() const { return changed_; }
  json::array take() { return std::move(all_); }

 private:
  json::array all_;
  int64_t now_;
  bool changed_ = false;
};

class Reporter {
 public:
  Reporter(const StatusInput& in, int64_t now)
      : in_(in),
        now_(now),
        old_(object_in(in.value, "status")),
        counts_(count(in)),
        conditions_(array_in(old_, "conditions"), now) {
    const json::object& spec = object_in(in.value, "spec");
    if (auto d = int_in(spec, "progressDeadlineSeconds");
        d && *d != std::numeric_limits<int32_t>::max()) {
      deadline_ = *d;
    }
  }

  StatusOutput run() {
    tell_available();
    tell_progress();
    tell_failure();
    StatusOutput out;
    out.look_in = look_in_;
    json::object status;
    bool same = true;
    auto counts = counts_.all();
    for (size_t i = 0; i < kCounts.size(); ++i) {
      status[kCounts[i]] = counts[i];
      same &= int_in(old_, kCounts[i]).value_or(0) == counts[i];
    }
    status["observedGeneration"] = in_.deployment.generation();
    same &= int_in(old_, "observedGeneration").value_or(0) == in_.deployment.generation();
    if (in_.collisions > 0) status["collisionCount"] = in_.collisions;
    same &= int_in(old_, "collisionCount").value_or(0) == in_.collisions;
    if (conditions_.changed()) status["conditions"] = conditions_.take();
    if (same && !conditions_.changed()) return out;
    out.patch = json::serialize(json::object{{"status", std::move(status)}});
    return out;
  }

 private:
  void tell_available() {
    if (counts_.available >= in_.limits.least_available()) {
      conditions_.set("Available", "True", "MinimumReplicasAvailable",
                      "As many Pods are available as the strategy asks for.");
    } else {
      conditions_.set("Available", "False", "MinimumReplicasUnavailable",
                      "Fewer Pods are available than the strategy asks for.");
    }
  }

  std::string named() const { return "ReplicaSet \"" + in_.fresh_name + "\""; }

  void tell_progress() {
    if (!deadline_) return;
    switch (in_.news) {
      case News::kCreated:
        return conditions_.set("Progressing", "True", "NewReplicaSetCreated",
                               "Created new " + named() + ".", true);
      case News::kFound:
        return conditions_.set("Progressing", "True", "FoundNewReplicaSet",
                               "Goes on with " + named() + ".", true);
      case News::kPaused:
        return conditions_.set("Progressing", "Unknown", "DeploymentPaused",
                               "The rollout is paused.");
      case News::kResumed:
        return conditions_.set("Progressing", "Unknown", "DeploymentResumed",
                               "The rollout goes on.");
      case News::kNone:
        break;
    }
    bool told_complete = conditions_.reason("Progressing") == "NewReplicaSetAvailable";
    if (told_complete && counts_.replicas == counts_.updated) return;
    if (complete(in_)) {
      return conditions_.set("Progressing", "True", "NewReplicaSetAvailable",
                             named() + " has successfully progressed.");
    }
    if (progressed()) {
      conditions_.set("Progressing", "True", "ReplicaSetUpdated", named() + " is progressing.",
                      true);
    }
    watch_deadline();
  }

  bool progressed() const {
    auto before = [&](const char* key) { return int_in(old_, key).value_or(0); };
    int64_t old_ones = counts_.replicas - counts_.updated;
    return counts_.updated > before("updatedReplicas") ||
           old_ones < before("replicas") - before("updatedReplicas") ||
           counts_.ready > before("readyReplicas") ||
           counts_.available > before("availableReplicas");
  }

  void watch_deadline() {
    const json::object* c = conditions_.find("Progressing");
    if (!c || text_in(*c, "reason") == "ProgressDeadlineExceeded" ||
        text_in(*c, "reason") == "DeploymentPaused") {
      return;
    }
    auto since = parse_time_text(text_in(*c, "lastUpdateTime"));
    if (!since) return;
    int64_t left = *since + *deadline_ - now_;
    if (left > 0) {
      look_in_ = left;
    } else {
      conditions_.set("Progressing", "False", "ProgressDeadlineExceeded",
                      named() + " has timed out progressing.");
    }
  }

  // What keeps a set from making its Pods is the Deployment's trouble too.
  void tell_failure() {
    const json::object* found = nullptr;
    json::array conditions;
    auto look = [&](const Set& s) {
      if (found) return;
      conditions = array_in(object_in(s.value, "status"), "conditions");
      for (const json::value& c : conditions) {
        if (text_in(c.as_object(), "type") == "ReplicaFailure") found = &c.get_object();
      }
    };
    if (in_.fresh) look(*in_.fresh);
    for (const Set& s : in_.old) look(s);
    if (!found) {
      if (conditions_.find("ReplicaFailure")) conditions_.remove("ReplicaFailure");
      return;
    }
    std::string reason(text_in(*found, "reason"));
    conditions_.set("ReplicaFailure", "True", reason.c_str(),
                    std::string(text_in(*found, "message")));
  }

  const StatusInput& in_;
  int64_t now_;
  const json::object& old_;
  Counts counts_;
  Conditions conditions_;
  std::optional<int64_t> deadline_, look_in_;
};

}  // namespace

bool complete(const StatusInput& in) {
  Counts c = count(in);
  return in.fresh && c.updated == in.limits.wanted && c.replicas == in.limits.wanted &&
         c.available == in.limits.wanted;
}

StatusOutput status_of(const StatusInput& in, int64_t now) {
  return Reporter(in, now).run();
}

}  // namespace kubus::controllers::deployment
