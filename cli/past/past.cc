#include "cli/past/past.h"

#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

Status take_events(const kit::Answer& answer, std::vector<kit::EventView>* out) {
  const auto* events = answer.outcome().events();
  for (size_t i = 0; events && i < events->size(); ++i) {
    const auto* bytes = events->Get(i)->bytes();
    if (!bytes) continue;
    auto event = kit::EventView::from(answer.payload().part({bytes->data(), bytes->size()}));
    if (!event) return Error(Code::kInternal, "the store sent a malformed event");
    out->push_back(*std::move(event));
  }
  return {};
}

}  // namespace

Result<std::vector<kit::EventView>> versions_of(Session& session, const ObjectKey& key,
                                                uint32_t limit) {
  std::vector<kit::EventView> out;
  std::string token;
  do {
    wire::RequestT request = kit::request_for(wire::Verb::History, key);
    request.operations[0]->continue_token = token;
    auto answer = session.call(std::move(request));
    if (!answer) return answer.error();
    if (Status s = take_events(*answer, &out); !s) return s.error();
    if (limit && out.size() >= limit) {
      out.resize(limit);
      return out;
    }
    const auto* next = answer->outcome().continue_token();
    token = next ? next->str() : "";
  } while (!token.empty());
  return out;
}

Result<std::vector<kit::EventView>> trace(Session& session, const std::vector<uint64_t>& revisions,
                                          Walk walk) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Trace;
  op->revisions = revisions;
  op->backward = walk.backward;
  op->forward = walk.forward;
  op->without_objects = !walk.objects;
  request.operations.push_back(std::move(op));
  auto answer = session.call(std::move(request));
  if (!answer) return answer.error();
  std::vector<kit::EventView> out;
  if (Status s = take_events(*answer, &out); !s) return s.error();
  return out;
}

boost::json::value value_of(const kit::EventView& event, bool deleted) {
  auto object = event.object();
  if (!object || (event->type() == wire::EventType::Deleted && !deleted)) return {};
  return codec::to_value(object->kind(), object->bytes());
}

const schema::KindInfo* kind_of(const kit::EventView& event) {
  auto text = [](const flatbuffers::String* s) { return s ? s->string_view() : ""; };
  return schema::Registry::get().by_resource(text(event->group()), text(event->resource()));
}

std::vector<uint64_t> causes_of(const kit::EventView& event) {
  if (!event->cause() || !event->cause()->revisions()) return {};
  return {event->cause()->revisions()->begin(), event->cause()->revisions()->end()};
}

Result<boost::json::value> present(Session& session, const ObjectKey& key) {
  auto object = session.get(key);
  if (object) return codec::to_value(object->kind(), object->bytes());
  if (object.error().code == Code::kNotFound) return boost::json::value();
  return object.error();
}

}  // namespace kubus::cli
