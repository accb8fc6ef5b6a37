#include "services/controllers/nodelifecycle/eviction.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "schemas/core/v1/node_generated.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/codec/codec.h"
#include "services/controllers/nodelifecycle/plan.h"
#include "services/controllers/values.h"

namespace kubus::controllers::nodelifecycle {
namespace {

namespace json = boost::json;

// More than any cluster's age, and no overflow when it is counted in nanoseconds.
constexpr int64_t kLongest = int64_t{10} * 365 * 24 * 3600;

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

std::optional<int64_t> number(std::string_view s) {
  int64_t n = 0;
  auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
  return error == std::errc() && end == s.data() + s.size() ? std::optional(n) : std::nullopt;
}

bool compares(std::string_view op, const std::string& taint, std::string_view toleration) {
  auto a = number(taint), b = number(toleration);
  if (!a || !b) return false;
  return op == "Gt" ? *a > *b : *a < *b;
}

bool tolerates(const core::v1::Toleration& t, const DrivingTaint& taint) {
  std::string_view effect = text(t.effect()), key = text(t.key()), op = text(t.operator_());
  if (!effect.empty() && effect != "NoExecute") return false;
  if (key.empty()) return op == "Exists";
  if (key != taint.key) return false;
  if (op == "Exists") return true;
  if (op == "Gt" || op == "Lt") return compares(op, taint.value, text(t.value()));
  return text(t.value()) == taint.value;
}

const core::v1::Toleration* toleration_of(const Object& pod, const DrivingTaint& taint) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  if (!spec || !spec->tolerations()) return nullptr;
  for (const auto* t : *spec->tolerations()) {
    if (tolerates(*t, taint)) return t;
  }
  return nullptr;
}

}  // namespace

void TaintAges::look(const Object& node, bus::Instant now, int64_t wall_seconds) {
  std::vector<Seen> seen;
  const auto* spec = node.as<core::v1::Node>()->spec();
  auto known = nodes_.find(node.name());
  for (size_t i = 0; spec && spec->taints() && i < spec->taints()->size(); ++i) {
    const auto* t = spec->taints()->Get(i);
    if (text(t->effect()) != "NoExecute") continue;
    Seen fresh{t->time_added() ? std::optional<int64_t>(*t->time_added()) : std::nullopt,
               {std::string(text(t->key())), std::string(text(t->value())), now}};
    int64_t age =
        std::clamp<int64_t>(wall_seconds - fresh.added.value_or(wall_seconds), 0, kLongest);
    fresh.taint.since = now + -std::chrono::seconds(age);
    if (known != nodes_.end()) {
      for (const Seen& s : known->second) {
        if (s.added == fresh.added && s.taint.key == fresh.taint.key) {
          fresh.taint.since = s.taint.since;
        }
      }
    }
    seen.push_back(std::move(fresh));
  }
  if (seen.empty()) return forget(node.name());
  nodes_[std::string(node.name())] = std::move(seen);
}

void TaintAges::forget(std::string_view node) {
  auto at = nodes_.find(node);
  if (at != nodes_.end()) nodes_.erase(at);
}

std::vector<DrivingTaint> TaintAges::of(std::string_view node) const {
  std::vector<DrivingTaint> out;
  auto at = nodes_.find(node);
  if (at == nodes_.end()) return out;
  for (const Seen& s : at->second) out.push_back(s.taint);
  return out;
}

bool counts(const DrivingTaint& taint, Presence presence) {
  if (taint.key == kUnreachable) return presence == Presence::kSilent;
  if (taint.key == kNotReady) return presence != Presence::kUnknown;
  return true;
}

std::optional<bus::Instant> leaves_at(const Object& pod, const std::vector<DrivingTaint>& taints) {
  std::optional<bus::Instant> out;
  for (const DrivingTaint& taint : taints) {
    const auto* t = toleration_of(pod, taint);
    if (t && !t->toleration_seconds()) continue;
    int64_t bears = t ? std::clamp<int64_t>(*t->toleration_seconds(), 0, kLongest) : 0;
    bus::Instant at = taint.since + std::chrono::seconds(bears);
    if (!out || at < *out) out = at;
  }
  return out;
}

std::string condition_patch(const Object& pod, std::vector<json::object> conditions, int64_t now) {
  json::value whole = codec::to_value(pod.kind(), pod.bytes());
  json::array list = array_in(object_in(whole.as_object(), "status"), "conditions");
  for (json::object& c : conditions) {
    auto same = std::find_if(list.begin(), list.end(), [&](const json::value& v) {
      return v.is_object() && text_in(v.get_object(), "type") == text_in(c, "type");
    });
    bool turns =
        same == list.end() || text_in(same->get_object(), "status") != text_in(c, "status");
    c["lastTransitionTime"] =
        turns ? json::value(time_text(now)) : same->get_object()["lastTransitionTime"];
    if (same == list.end()) {
      list.push_back(std::move(c));
    } else {
      *same = std::move(c);
    }
  }
  return json::serialize(json::object{{"status", json::object{{"conditions", std::move(list)}}}});
}

json::object not_ready_condition() {
  return {{"type", "Ready"},
          {"status", "False"},
          {"reason", "NodeNotReady"},
          {"message", "Nothing is heard from the node."}};
}

json::object disruption_condition(std::string_view reason, std::string_view message) {
  return {
      {"type", "DisruptionTarget"}, {"status", "True"}, {"reason", reason}, {"message", message}};
}

}  // namespace kubus::controllers::nodelifecycle
