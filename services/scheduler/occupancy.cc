#include "services/scheduler/occupancy.h"

#include <algorithm>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/quantity.h"

namespace kubus::scheduler {
namespace {

using Entries = flatbuffers::Vector<flatbuffers::Offset<meta::v1::QuantityEntry>>;

Quantity quantity(const Entries* entries, std::string_view key) {
  if (!entries) return {};
  for (const auto* e : *entries) {
    if (e->key() && e->key()->string_view() == key && e->value()) {
      return Quantity::parse(e->value()->string_view()).value_or(Quantity());
    }
  }
  return {};
}

Resources from(const Entries* entries) {
  return {quantity(entries, "cpu").milli(), quantity(entries, "memory").units(), 0};
}

template <class Container>
Resources of_container(const Container& c) {
  return c.resources() ? from(c.resources()->requests()) : Resources();
}

std::string pod_id(const Object& pod) {
  return std::string(pod.ns()) + "/" + std::string(pod.name());
}

bool occupies(const Object& pod) {
  if (!pod || pod.field("spec.nodeName").value_or("").empty()) return false;
  std::string phase = pod.field("status.phase").value_or("");
  return phase != "Succeeded" && phase != "Failed";
}

}  // namespace

Resources requests_of(const Object& pod) {
  Resources sum{0, 0, 1};
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  if (!spec) return sum;
  if (spec->containers()) {
    for (const auto* c : *spec->containers()) {
      Resources r = of_container(*c);
      sum.cpu_milli += r.cpu_milli;
      sum.memory += r.memory;
    }
  }
  if (spec->init_containers()) {
    for (const auto* c : *spec->init_containers()) {
      Resources r = of_container(*c);
      sum.cpu_milli = std::max(sum.cpu_milli, r.cpu_milli);
      sum.memory = std::max(sum.memory, r.memory);
    }
  }
  return sum;
}

void Occupancy::on_node(const Object& before, const Object& now) {
  std::string name(now ? now.name() : before.name());
  nodes_[name].node = now;
  drop_if_empty(name);
}

void Occupancy::on_pod(const Object& before, const Object& now) {
  std::string id = pod_id(now ? now : before);
  take_away(&placed_, id);
  if (!now || occupies(now)) take_away(&assumed_, id);
  if (occupies(now)) put(&placed_, id, {*now.field("spec.nodeName"), requests_of(now)});
}

void Occupancy::assume(const Object& pod, const std::string& node) {
  take_away(&assumed_, pod_id(pod));
  put(&assumed_, pod_id(pod), {node, requests_of(pod)});
}

void Occupancy::forget(const Object& pod) {
  take_away(&assumed_, pod_id(pod));
}

void Occupancy::put(std::map<std::string, Place>* places, const std::string& pod, Place place) {
  Resources& used = nodes_[place.node].used;
  used.cpu_milli += place.requests.cpu_milli;
  used.memory += place.requests.memory;
  used.pods += place.requests.pods;
  places->insert_or_assign(pod, std::move(place));
}

void Occupancy::take_away(std::map<std::string, Place>* places, const std::string& pod) {
  auto at = places->find(pod);
  if (at == places->end()) return;
  Place place = std::move(at->second);
  places->erase(at);
  Resources& used = nodes_[place.node].used;
  used.cpu_milli -= place.requests.cpu_milli;
  used.memory -= place.requests.memory;
  used.pods -= place.requests.pods;
  drop_if_empty(place.node);
}

void Occupancy::drop_if_empty(const std::string& node) {
  auto at = nodes_.find(node);
  if (at != nodes_.end() && !at->second.node && at->second.used.pods == 0) nodes_.erase(at);
}

}  // namespace kubus::scheduler
