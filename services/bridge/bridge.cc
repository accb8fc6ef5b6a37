#include "services/bridge/bridge.h"

#include <boost/json.hpp>

namespace kubus::bridge {

Bridge::Bridge(bus::Ports ports, kit::ClientOptions client, Positions& positions)
    : ports_(ports), client_(ports, client), positions_(positions) {
  stats_ = ports_.bus.subscribe(
      bus::Pattern::given(subjects().stats("bridge", client.actor.value()).str()),
      [this](bus::Message m) { answer_stats(m); });
}

Status Bridge::start(std::vector<Leg> legs) {
  for (Leg& leg : legs) {
    if (leg.route.source.empty()) leg.route.source = "/kubus/" + client_.options().cluster.value();
    std::string name = leg.route.name;
    routes_.push_back(std::make_unique<Route>(ports_, client_, positions_, std::move(leg.route),
                                              std::move(leg.sink)));
    if (Status s = routes_.back()->start(); !s)
      return Error(s.error().code, "route " + name + ": " + s.error().message);
  }
  return {};
}

// Its subject names no actor, so only those who collect figures are answered.
void Bridge::answer_stats(const bus::Message& message) {
  for (const char* actor : {"gateway", "admin"}) {
    if (!subjects().reply_belongs_to(message.reply, actor)) continue;
    ports_.bus.publish(bus::Subject::received(message.reply), as_bytes(stats_text()));
    return;
  }
}

std::string Bridge::stats_text() const {
  boost::json::object out;
  for (const auto& route : routes_) {
    const RouteStats& s = route->stats();
    out[route->options().name] = {{"target", route->sink().target()},
                                  {"position", route->position().value()},
                                  {"waiting", route->waiting()},
                                  {"waiting_bytes", route->waiting_bytes()},
                                  {"delivered", s.delivered},
                                  {"passed_over", s.passed_over},
                                  {"failures", s.failures},
                                  {"losses", s.losses},
                                  {"pauses", s.pauses},
                                  {"trouble", route->trouble()}};
  }
  return boost::json::serialize(out);
}

}  // namespace kubus::bridge
