#include "bus/kit/feed.h"
#include "schemas/bus/event_generated.h"

namespace kubus::kit {

std::optional<EventView> EventView::from(Payload payload) {
  flatbuffers::Verifier verifier(payload.data(), payload.size());
  if (payload.empty() || !verifier.VerifyBuffer<wire::Event>(nullptr)) return std::nullopt;
  EventView view;
  view.event_ = flatbuffers::GetRoot<wire::Event>(payload.data());
  view.payload_ = std::move(payload);
  return view;
}

Revision EventView::revision() const {
  return Revision(event_->revision());
}

Revision EventView::previous(const bus::LaneId& lane) const {
  switch (lane.form()) {
    case bus::LaneId::Form::kCluster:
      return Revision(event_->revision() ? event_->revision() - 1 : 0);
    case bus::LaneId::Form::kResource:
      return Revision(event_->previous_resource());
    case bus::LaneId::Form::kNamespace:
      return Revision(event_->previous_namespace());
    case bus::LaneId::Form::kObject:
      return Revision(event_->previous_object());
    case bus::LaneId::Form::kNode:
      return Revision(event_->previous_node());
  }
  return {};
}

std::optional<Object> EventView::object() const {
  if (!event_->object() || !event_->resource()) return std::nullopt;
  const auto* group = event_->group();
  const auto* kind = schema::Registry::get().by_resource(
      group ? group->string_view() : std::string_view(), event_->resource()->string_view());
  if (!kind) return std::nullopt;
  return Object::from(*kind, payload_.part({event_->object()->data(), event_->object()->size()}));
}

}  // namespace kubus::kit
