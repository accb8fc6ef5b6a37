#include "bus/stream_subjects.h"

namespace kubus::bus {
namespace {

std::string join(std::initializer_list<std::string_view> tokens) {
  std::string out;
  for (std::string_view t : tokens) out += (out.empty() ? "" : ".") + escape_token(t);
  return out;
}

}  // namespace

StreamSubjects::StreamSubjects(ClusterName cluster)
    : prefix_("kubus." + escape_token(cluster.value()) + ".stream."),
      name_("KUBUS_" + escape_actor(cluster.value())) {}

Subject StreamSubjects::message(std::string_view group, std::string_view resource,
                                std::string_view ns, std::string_view name) const {
  return Subject::received(prefix_ + join({group, resource, ns, name}));
}

Pattern StreamSubjects::messages_of(const LaneId& lane) const {
  switch (lane.form()) {
    case LaneId::Form::kResource:
      return Pattern::given(prefix_ + join({lane.group, lane.resource}) + ".>");
    case LaneId::Form::kNamespace:
      return Pattern::given(prefix_ + join({lane.group, lane.resource, lane.ns}) + ".*");
    case LaneId::Form::kObject:
      return Pattern::given(prefix_ + join({lane.group, lane.resource, lane.ns, lane.name}));
    default:
      return Pattern::given(prefix_ + ">");
  }
}

Subject StreamSubjects::api(std::string_view operation) const {
  return Subject::received("$JS.API." + std::string(operation) + "." + name_);
}

Subject StreamSubjects::consumer_api(std::string_view operation, std::string_view consumer) const {
  return Subject::received("$JS.API." + std::string(operation) + "." + name_ + "." +
                           std::string(consumer));
}

Pattern StreamSubjects::make_consumer(std::string_view consumer, const LaneId& lane) const {
  return Pattern::given(consumer_api("CONSUMER.CREATE", consumer).str() + "." +
                        messages_of(lane).str());
}

Pattern StreamSubjects::acknowledgements(std::string_view consumer) const {
  return Pattern::given("$JS.ACK." + name_ + "." + std::string(consumer) + ".>");
}

Pattern StreamSubjects::all_api() const {
  return Pattern::given("$JS.API.>");
}

Pattern StreamSubjects::all_acknowledgements() const {
  return Pattern::given("$JS.ACK.>");
}

std::string StreamSubjects::consumer(std::string_view user, size_t n, size_t of) {
  return escape_actor(user) + (of > 1 ? "-" + std::to_string(n + 1) : "");
}

}  // namespace kubus::bus
