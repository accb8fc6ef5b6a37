#include <algorithm>

#include "bus/kit/informer.h"
#include "schemas/bus/event_generated.h"
#include "tests/sim/checkers/checkers.h"

namespace kubus::sim {

namespace {

// Whether an event rides on the lane. (Node lanes are followed through kubelets alone.)
bool rides(const wire::Event& e, const bus::LaneId& lane) {
  return (lane.resource.empty() ||
          (text_of(e.group()) == lane.group && text_of(e.resource()) == lane.resource)) &&
         (lane.ns.empty() || text_of(e.namespace_()) == lane.ns) &&
         (lane.name.empty() || text_of(e.name()) == lane.name);
}

}  // namespace

// One process that follows a lane, and caches a kind.
struct Followers::Follower {
  Follower(Cluster& cluster, const std::string& n, bus::LaneId l, std::string_view group,
           std::string_view resource)
      : name(n),
        lane(std::move(l)),
        host(cluster.outside(n)),
        client(host.ports(), cluster.client_options("admin")),
        feed(
            host.ports(), client, lane, Revision(),
            [this](const kit::EventView& e) { seen.push_back(e.revision()); },
            [this] { begin_again(); }),
        informer(host.ports(), client,
                 {.kind = schema::Registry::get().by_resource(group, resource)}) {
    informer.start();
  }

  // What it missed is compacted: it goes on from where a list would be.
  void begin_again() {
    const auto& pods = *schema::Registry::get().by_resource("", "pods");
    client.list(pods, "", "", "", 1, "", [this](const Result<kit::Page>& page) {
      if (!page) return begin_again();
      seen.clear();
      from = page->revision;
      feed.restart(from);
    });
  }

  std::string name;
  bus::LaneId lane;
  Revision from;  // what it saw begins behind this
  bus::sim::Host& host;
  kit::Client client;
  std::vector<Revision> seen;
  kit::Feed feed;
  kit::Informer informer;
};

Followers::Followers(Cluster& cluster, Chronicle& chronicle, Story& story)
    : cluster_(cluster), chronicle_(chronicle), story_(story) {
  auto add = [&](bus::LaneId lane, const char* group, const char* resource) {
    all_.push_back(std::make_unique<Follower>(cluster_, "follower-" + std::to_string(all_.size()),
                                              std::move(lane), group, resource));
  };
  add({}, "", "pods");
  add({.resource = "pods"}, "apps", "deployments");
  add({.resource = "configmaps", .ns = "default"}, "", "configmaps");
  add({.group = "apps", .resource = "deployments", .ns = "default", .name = "web"}, "", "nodes");
}
Followers::~Followers() = default;

// Neither behind the chronicle nor ahead of it.
bool Followers::current() const {
  return std::all_of(all_.begin(), all_.end(), [&](const auto& f) {
    auto rides_on = [&](const kit::EventView& e) { return rides(e.event(), f->lane); };
    const auto& events = chronicle_.events();
    auto last = std::find_if(events.rbegin(), events.rend(), rides_on);
    return f->informer.synced() &&
           (last == events.rend() || f->feed.position() >= last->revision()) &&
           f->feed.position() <= chronicle_.position();
  });
}

void Followers::check_end() {
  for (const auto& f : all_) {
    std::vector<Revision> expected;
    for (const auto& e : chronicle_.events()) {
      if (rides(e.event(), f->lane) && e.revision() > f->from) expected.push_back(e.revision());
    }
    auto [a, b] = std::mismatch(expected.begin(), expected.end(), f->seen.begin(), f->seen.end());
    if (a != expected.end() || b != f->seen.end()) {
      story_.wrong("feeds", f->name + " saw " +
                                (b == f->seen.end() ? "nothing" : std::to_string(b->value())) +
                                " where lane " + f->lane.str() + " has " +
                                (a == expected.end() ? "nothing" : std::to_string(a->value())) +
                                ", event " + std::to_string(a - expected.begin()));
    }
    const schema::KindInfo& kind = *f->informer.options().kind;
    std::map<std::string, Revision> cached, there;
    for (const auto& [key, object] : f->informer.all())
      cached[object.key().str()] = object.revision();
    for (const auto& [key, object] : chronicle_.state()) {
      if (key.kind == &kind) there[key.str()] = object.revision();
    }
    if (cached != there)
      story_.wrong("caches", f->name + " holds other " + kind.resource + " than there are");
  }
}

}  // namespace kubus::sim
