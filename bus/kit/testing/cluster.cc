#include "bus/kit/testing/cluster.h"

#include <boost/json/parse.hpp>

#include "schemas/lib/base/check.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::kit::testing {

const schema::KindInfo& kind(std::string_view resource, std::string_view group) {
  const auto* found = schema::Registry::get().by_resource(group, resource);
  KUBUS_CHECK(found);
  return *found;
}

ObjectKey key(std::string_view resource, std::string_view ns, std::string_view name) {
  return {&kind(resource), std::string(ns), std::string(name)};
}

boost::json::value parse(std::string_view text) {
  boost::system::error_code failed;
  auto value = boost::json::parse(text, failed);
  KUBUS_CHECK(!failed);
  return value;
}

Cluster::Cluster(uint64_t seed) : world(seed), store(host("store").ports(), ClusterName("test")) {}
Cluster::~Cluster() = default;

bus::sim::Host& Cluster::host(const std::string& name) {
  auto& slot = hosts_[name];
  if (!slot) slot = &world.add_host(name);
  return *slot;
}

ClientOptions Cluster::client_options(const std::string& actor) const {
  return {.cluster = ClusterName("test"), .actor = Actor(actor)};
}

Revision Cluster::put(std::string_view resource, std::string_view ns, std::string_view text) {
  return store.put(kind(resource), ns, parse(text));
}

Revision Cluster::erase(std::string_view resource, std::string_view ns, std::string_view name) {
  return store.erase(key(resource, ns, name));
}

boost::json::value Cluster::get(std::string_view resource, std::string_view ns,
                                std::string_view name) {
  Object o = store.find(key(resource, ns, name));
  return o ? codec::to_value(o.kind(), o.bytes()) : boost::json::value();
}

void Cluster::restart_store(bus::Duration pause) {
  store.away(true);
  host("store").set_connected(false);
  world.run_for(pause);
  host("store").set_connected(true);
  store.away(false);
}

}  // namespace kubus::kit::testing
