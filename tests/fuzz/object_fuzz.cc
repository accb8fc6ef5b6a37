// FlatBuffers of objects and events, as the bus brings them: "KIND\nJSON\0EDITS", or "raw\n" and
// the bytes. What is verified can be read, whatever is in it.
#include <boost/json.hpp>
#include <memory>

#include "bus/kit/feed.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/table/table.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;

void look_at(const Object& object) {
  object.key().str();
  object.label("app");
  object.annotation("a");
  object.revision();
  for (const std::string& path : object.kind().selectable) object.field(path);
  table::cells(object, 1'700'000'000);
}

void read_object(const schema::KindInfo& kind, const Payload& bytes) {
  if (!codec::verify(kind, bytes.view())) return;
  std::string text;
  codec::to_json(kind, bytes.view(), {}, &text);
  boost::json::value value = codec::to_value(kind, bytes.view());
  // It may hold what no text could have brought; but what can be made of it, stays.
  if (auto again = codec::from_value(kind, value, nullptr)) {
    KUBUS_CHECK(codec::verify(kind, *again));
    boost::json::value settled = codec::to_value(kind, *again);
    auto third = codec::from_value(kind, settled, nullptr);
    KUBUS_CHECK(third && codec::to_value(kind, *third) == settled);
  }
  if (auto object = Object::from(kind, bytes)) look_at(*object);
}

void read_event(const Payload& bytes) {
  auto event = kit::EventView::from(bytes);
  if (!event) return;
  std::unique_ptr<wire::EventT>(event->event().UnPack());
  for (const bus::LaneId& lane :
       {bus::LaneId{}, bus::LaneId{"", "pods", "", "", ""}, bus::LaneId{"", "", "", "", "n1"}})
    event->previous(lane);
  if (auto object = event->object()) look_at(*object);
}

Buffer event_with(const schema::KindInfo& kind, const Buffer& object) {
  wire::EventT event;
  event.revision = 7;
  event.group = kind.group;
  event.resource = kind.resource;
  event.name = std::string("x");
  event.object = object;
  event.changed = {"spec"};
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::Event::Pack(builder, &event));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  std::string_view word = in.line();
  const schema::KindInfo& kind = fuzz::kind_of(word);
  if (word == "raw") {
    Payload bytes = Payload::copy_of(as_bytes(in.rest()));
    read_object(*schema::Registry::get().by_resource("", "pods"), bytes);
    read_event(bytes);
    return 0;
  }
  auto object = codec::from_json(kind, in.until('\0'), nullptr);
  if (!object) return 0;
  Buffer event = event_with(kind, *object);
  fuzz::edit(&*object, in.rest());
  read_object(kind, Payload(*std::move(object)));
  fuzz::edit(&event, in.rest());
  read_event(Payload(std::move(event)));
  return 0;
}
