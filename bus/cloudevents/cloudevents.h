// Events as CloudEvents 1.0 in JSON: what the bridge sends and `kubus events -o cloudevents`
// prints. Pure; the same event gives the same bytes, so that a receiver may tell a repetition by
// source and id.
//
//   {"specversion":"1.0","id":"42","source":"/kubus/default","type":"io.kubus.pods.modified",
//    "subject":"pods/default/web","time":"…","datacontenttype":"application/json",
//    "sequence":"00000000000000000042","partitionkey":"pods/default/web",
//    "data":{"revision":42,"actor":"scheduler","changed":["spec.nodeName"],"object":{…}, …}}
//
// `sequence` sorts as text; `partitionkey` keeps the events of an object in order in systems that
// order by it. Absent fields of `data` are left out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bus/kit/feed.h"

namespace kubus::cloudevents {

inline constexpr std::string_view kMediaType = "application/cloudevents+json";
inline constexpr std::string_view kBatchMediaType = "application/cloudevents-batch+json";

// "/kubus/<cluster>": where events come from unless the user names it otherwise.
std::string source_of(std::string_view cluster);

// "io.kubus.pods.modified", "io.kubus.deployments.apps.added".
std::string type_of(const wire::Event& event);

// The event as one line of JSON. Kinds marked confidential carry metadata alone, without the
// annotation in which clients keep the whole object as they last applied it.
// `kEnvelope` leaves the object out and says so ("objectOmitted"): for targets that take no message
// of that size.
enum class Content : uint8_t { kWhole, kEnvelope };
std::string encode(const kit::EventView& event, std::string_view source,
                   Content content = Content::kWhole);

// Told in place of events that a follower can no longer have, because the past was compacted.
struct Loss {
  Revision after, until;  // what happened after the one and up to the other is missing
  int64_t time_ns = 0;
  std::string follower;
  std::string reason;
};
// Of type "io.kubus.bridge.lost".
std::string encode(const Loss& loss, std::string_view source);

// Several encoded events as a batch: a JSON array.
std::string batch(const std::vector<std::string>& events);

}  // namespace kubus::cloudevents
