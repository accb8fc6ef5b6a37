#include "tests/sim/checkers/bridge_rules.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <set>

#include "bus/cloudevents/cloudevents.h"
#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"

namespace kubus::sim {
namespace {

namespace json = boost::json;
using To = RouteSpec::To;

constexpr auto kPatience = std::chrono::minutes(2);
constexpr size_t kOneOf = 4;  // of so many one is compared with the event itself

uint64_t sequence_of(const json::object& event) {
  return std::stoull(std::string(event.at("sequence").as_string()));
}

bool is_loss(const json::object& event) {
  return event.at("type").as_string() == "io.kubus.bridge.lost";
}

}  // namespace

BridgeRules::BridgeRules(Cluster& cluster, Chronicle& chronicle, Story& story)
    : cluster_(cluster), chronicle_(chronicle), story_(story) {
  for (const RouteSpec& spec : cluster.spec().routes) routes_.push_back({&spec, {}});
  if (!routes_.empty())
    chronicle.listen([this](const kit::EventView& e, const Object&) { on_event(e); });
}

void BridgeRules::on_event(const kit::EventView& event) {
  for (Route& route : routes_) {
    const RouteSpec& spec = *route.spec;
    if (text_of(event->resource()) == spec.kind->resource &&
        text_of(event->group()) == spec.kind->group &&
        (spec.ns.empty() || text_of(event->namespace_()) == spec.ns))
      route.events.push_back(event.revision());
  }
}

Revision BridgeRules::last_arrived(const Route& route) const {
  const Abroad& abroad = *cluster_.abroad();
  if (route.spec->to == To::kFile) {
    std::string lines = abroad.lines_of(*route.spec);
    if (lines.empty() || lines.back() != '\n') return {};
    size_t from = lines.rfind('\n', lines.size() - 2) + 1;  // npos + 1: the first line
    return Revision(sequence_of(json::parse(lines.substr(from)).as_object()));
  }
  auto found = abroad.webhooks.find(route.spec->name);
  if (found == abroad.webhooks.end() || found->second.events.empty()) return {};
  return Revision(sequence_of(found->second.events.back()));
}

// Who hears subjects may miss what the bus loses.
bool BridgeRules::current() const {
  for (const Route& route : routes_) {
    if (route.spec->to == To::kSubjects || route.events.empty()) continue;
    if (last_arrived(route) < route.events.back()) return false;
  }
  return true;
}

BridgeRules::Arrivals BridgeRules::arrived(const Route& route) {
  Abroad& abroad = *cluster_.abroad();
  if (route.spec->to == To::kBatches || route.spec->to == To::kEach)
    return abroad.webhooks[route.spec->name].events;
  Arrivals out;
  if (route.spec->to == To::kSubjects) {
    for (const std::string& text : abroad.heard) out.push_back(json::parse(text).as_object());
    return out;
  }
  std::string lines = abroad.lines_of(*route.spec);
  for (size_t from = 0, end; from < lines.size(); from = end + 1) {
    end = lines.find('\n', from);
    boost::system::error_code bad;
    json::value line = json::parse(lines.substr(from, end - from), bad);
    if (end == lines.npos || bad || !line.is_object()) {
      wrong(route, "its file does not hold whole lines");
      break;
    }
    out.push_back(line.as_object());
  }
  return out;
}

Revision BridgeRules::oldest() {
  std::optional<Result<kit::Answer>> answer;
  chronicle_.client().call(kit::events_after_request({}, Revision(UINT64_MAX)),
                           [&](auto a) { answer.emplace(std::move(a)); });
  if (cluster_.world.run_until([&] { return answer.has_value(); }, kPatience) && *answer)
    return Revision((*answer)->outcome().oldest());
  story_.wrong("bridge", "the horizon cannot be asked for");
  return {};
}

void BridgeRules::check_end() {
  if (routes_.empty()) return;
  Revision horizon = oldest();
  for (const Route& route : routes_) {
    Arrivals arrivals = arrived(route);
    for (size_t i = 0; i < arrivals.size(); ++i) {
      if (!is_loss(arrivals[i]) && i % kOneOf == 0) check_true(route, arrivals[i]);
    }
    if (route.spec->to != To::kSubjects) check(route, arrivals, horizon);
  }
}

void BridgeRules::check_true(const Route& route, const json::object& event) {
  uint64_t revision = sequence_of(event);
  if (revision == 0 || revision > chronicle_.events().size())
    return wrong(route, "was told of revision " + std::to_string(revision) + ", which never was");
  std::string source = cloudevents::source_of(chronicle_.client().options().cluster.value());
  std::string truth = cloudevents::encode(chronicle_.events()[revision - 1], source);
  if (json::parse(truth).as_object() != event)
    wrong(route, "was told other than it was: revision " + std::to_string(revision));
  story_.count("bridged event");
}

void BridgeRules::check(const Route& route, const Arrivals& arrivals, Revision oldest) {
  auto next = route.events.begin();
  std::map<uint64_t, const json::object*> known;
  for (const json::object& event : arrivals) {
    uint64_t revision = sequence_of(event);
    if (is_loss(event)) {
      story_.count("bridge's loss");
      if (revision > oldest.value())
        return wrong(route, "is told that what was up to " + std::to_string(revision) +
                                " is lost, and the oldest is " + std::to_string(oldest.value()));
      while (next != route.events.end() && next->value() <= revision) ++next;
      continue;
    }
    auto [before, fresh] = known.emplace(revision, &event);
    if (!fresh && *before->second != event)
      return wrong(route, "revision " + std::to_string(revision) + " is repeated otherwise");
    if (!fresh && route.spec->to == To::kFile)
      return wrong(route, "revision " + std::to_string(revision) + " stands there twice");
    if (!fresh) continue;
    if (next == route.events.end() || next->value() != revision)
      return wrong(route,
                   "revision " + std::to_string(revision) + " arrives where " +
                       (next == route.events.end() ? "nothing" : std::to_string(next->value())) +
                       " is due");
    ++next;
  }
  if (next != route.events.end())
    wrong(route, "revision " + std::to_string(next->value()) + " never arrives");
}

}  // namespace kubus::sim
