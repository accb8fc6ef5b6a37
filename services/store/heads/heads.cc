#include "services/store/heads/heads.h"

#include "schemas/bus/event_generated.h"

namespace kubus::store {
namespace {

constexpr bus::Duration kEvery = std::chrono::seconds(1);

bus::LaneId id_of(const Lane& lane) {
  if (lane.kind == nullptr) return {"", "", "", "", lane.node};
  return {lane.kind->group, lane.kind->resource, lane.ns, lane.name, ""};
}

}  // namespace

bool publish_head(bus::Bus& bus, const bus::Subjects& subjects, const Lane& lane,
                  Revision revision) {
  flatbuffers::FlatBufferBuilder b(256);
  bus::LaneId id = id_of(lane);
  auto named = wire::CreateLaneDirect(
      b, id.group.c_str(), id.resource.empty() ? nullptr : id.resource.c_str(),
      id.ns.empty() ? nullptr : id.ns.c_str(), id.name.empty() ? nullptr : id.name.c_str(),
      id.node.empty() ? nullptr : id.node.c_str());
  b.Finish(wire::CreateHead(b, named, revision.value()));
  return bus.publish(subjects.head(id), {b.GetBufferPointer(), b.GetSize()});
}

Heads::Heads(bus::Ports ports, const bus::Subjects& subjects, State& state)
    : ports_(ports), subjects_(subjects), state_(state) {}

void Heads::start() {
  timer_ = ports_.clock.after(kEvery, [this] { tick(); });
}

void Heads::tick() {
  start();
  for (const auto& [lane, revision] : state_.take_moved_lanes()) {
    if (publish_head(ports_.bus, subjects_, lane, revision)) ++sent_;
  }
}

}  // namespace kubus::store
