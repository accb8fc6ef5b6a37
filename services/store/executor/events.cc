// What happened in a lane, and how far the lanes are.
#include "services/store/executor/scope.h"
#include "services/store/executor/words.h"
#include "services/store/state/event_builder.h"

namespace kubus::store {
namespace {

Result<Lane> lane_of(const Scope& s) {
  const wire::Lane* lane = s.op.lane();
  Lane out;
  out.kind = s.kind;
  if (lane == nullptr) {
    out.ns = s.ns;
    out.name = s.name;
  } else {
    out.ns = text_of(lane->namespace_());
    out.name = text_of(lane->name());
    out.node = text_of(lane->node());
  }
  if (!out.node.empty()) out = Lane{nullptr, "", "", out.node};
  bool loose = out.kind == nullptr && (!out.ns.empty() || !out.name.empty());
  bool homeless =
      out.kind != nullptr && out.kind->namespaced && !out.name.empty() && out.ns.empty();
  if (loose || homeless || out.ns.size() > kMaxNs || out.name.size() > kMaxName ||
      out.node.size() > kMaxName)
    return Error(Code::kBadRequest, "there can be no such lane");
  return out;
}

}  // namespace

// An open batch counts in no lane yet: a revision of its own would promise events that the page
// does not hold.
Status run_events_after(Scope& s) {
  auto lane = lane_of(s);
  if (!lane) return lane.error();
  View view = s.env.state.committed();
  auto page = view.events_after(*lane, Revision(s.op.after()));
  if (!page) return page.error();
  s.out->events = std::move(page->events);
  if (s.op.without_objects()) strip_objects(&s.out->events);
  s.out->oldest = view.compacted();
  s.out->head = page->head;
  s.out->revision = view.revision();
  return {};
}

Status run_heads(Scope& s) {
  auto lane = lane_of(s);
  if (!lane) return lane.error();
  View view = s.env.state.committed();
  s.out->revision = view.revision();
  s.out->head = view.head(*lane);
  s.out->heads.emplace_back(*std::move(lane), s.out->head);
  return {};
}

}  // namespace kubus::store
