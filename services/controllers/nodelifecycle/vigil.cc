#include "services/controllers/nodelifecycle/vigil.h"

#include <algorithm>

namespace kubus::controllers::nodelifecycle {
namespace {

constexpr std::chrono::seconds kSurvey{1}, kNormalInterval{10}, kSlowInterval{100};
// A zone is in trouble from this share of its nodes on, and is large from that size on.
constexpr size_t kMuchPercent = 55, kFewNodes = 2, kLargeZone = 50;

}  // namespace

void Vigil::put(std::string_view node, std::string zone, bool says_ready, bus::Instant now) {
  auto [at, fresh] = nodes_.try_emplace(std::string(node));
  if (fresh) at->second.first = now;
  at->second.zone = std::move(zone);
  at->second.says_ready = says_ready;
}

void Vigil::erase(std::string_view node) {
  auto at = nodes_.find(node);
  if (at != nodes_.end()) nodes_.erase(at);
}

void Vigil::heard(std::string_view node, bus::Instant now) {
  auto at = nodes_.find(node);
  if (at != nodes_.end()) at->second.heard = now;
}

bus::Instant Vigil::last_sign(const Node& node) const {
  return std::max({node.first, *since_, node.heard.value_or(node.first)});
}

Presence Vigil::presence(std::string_view name, bus::Instant now) const {
  auto at = nodes_.find(name);
  if (at == nodes_.end() || !since_) return Presence::kUnknown;
  const Node& node = at->second;
  if (now - last_sign(node) >= grace_) return Presence::kSilent;
  return node.heard && *node.heard >= *since_ ? Presence::kHeard : Presence::kUnknown;
}

bus::Duration Vigil::until_silent(std::string_view name, bus::Instant now) const {
  auto at = nodes_.find(name);
  if (at == nodes_.end() || !since_) return grace_;
  return std::max(bus::Duration(0), grace_ - (now - last_sign(at->second)));
}

void Vigil::survey(bus::Instant now) {
  if (surveyed_ && now - *surveyed_ < kSurvey) return;
  surveyed_ = now;
  zones_.clear();
  for (const auto& [name, node] : nodes_) {
    Zone& zone = zones_[node.zone];
    ++zone.nodes;
    bool doubtful = since_ && now - last_sign(node) >= grace_ / 2;
    if (doubtful || !node.says_ready) ++zone.bad;
  }
}

Pace Vigil::pace(std::string_view name, bus::Instant now) {
  survey(now);
  bool all = std::all_of(zones_.begin(), zones_.end(),
                         [](const auto& z) { return z.second.bad == z.second.nodes; });
  if (all) return Pace::kWithdraw;
  auto at = zones_.find(zone(name));
  if (at == zones_.end()) return Pace::kNone;
  const Zone& z = at->second;
  // All of one zone, while another is well: the zone itself is lost, and its Pods go elsewhere.
  bool much = z.bad < z.nodes && z.bad > kFewNodes && z.bad * 100 >= z.nodes * kMuchPercent;
  if (!much) return Pace::kNormal;
  return z.nodes > kLargeZone ? Pace::kSlow : Pace::kNone;
}

const std::string& Vigil::zone(std::string_view node) const {
  static const std::string kNone;
  auto at = nodes_.find(node);
  return at == nodes_.end() ? kNone : at->second.zone;
}

std::optional<bus::Duration> Permits::take(const std::string& zone, Pace pace, bus::Instant now) {
  if (pace == Pace::kNone || pace == Pace::kWithdraw) return kNormalInterval;
  bus::Duration interval = pace == Pace::kNormal ? kNormalInterval : kSlowInterval;
  auto last = last_.find(zone);
  if (last != last_.end() && now - last->second < interval) return interval - (now - last->second);
  last_[zone] = now;
  return std::nullopt;
}

}  // namespace kubus::controllers::nodelifecycle
