// Subjects of the optional stream of events. They lie in a space (a NATS account) of their own,
// from which nothing of the cluster can be reached: JetStream delivers to whatever subject a client
// names.
#pragma once

#include "bus/subjects.h"

namespace kubus::bus {

class StreamSubjects {
 public:
  explicit StreamSubjects(ClusterName cluster);

  const std::string& stream() const { return name_; }  // the stream's name, "KUBUS_default"
  Subject message(std::string_view group, std::string_view resource, std::string_view ns,
                  std::string_view name) const;
  Pattern messages_of(const LaneId& lane) const;  // not of a node's lane
  // JetStream's own: "STREAM.INFO", "CONSUMER.LIST": about the stream.
  Subject api(std::string_view operation) const;
  // "CONSUMER.INFO": about a consumer of it.
  Subject consumer_api(std::string_view operation, std::string_view consumer) const;
  Pattern make_consumer(std::string_view consumer, const LaneId& lane) const;
  Pattern acknowledgements(std::string_view consumer) const;
  Pattern all_api() const;
  Pattern all_acknowledgements() const;
  // The name of a user's durable consumer of its `n`th lane (from 0) out of `of`.
  static std::string consumer(std::string_view user, size_t n, size_t of);

 private:
  std::string prefix_, name_;
};

}  // namespace kubus::bus
