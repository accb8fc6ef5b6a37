// Where a route's events go: a webhook, NATS subjects, a file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/ports/clock.h"
#include "bus/subjects.h"
#include "schemas/lib/base/ids.h"
#include "schemas/lib/base/result.h"

namespace kubus::bridge {

// One event on its way: encoded, with what a target may sort it by.
struct Item {
  Revision revision;
  bus::LaneId object;  // no resource: what the bridge itself has to say
  std::string text;    // a CloudEvent, one line
};
using Items = std::vector<std::shared_ptr<const Item>>;

// What became of a delivery.
struct Delivery {
  size_t taken = 0;  // the first so many are the target's now; more than that may be
  Status problem;    // why not all
  std::optional<bus::Duration> not_before;  // the target asks for that much patience
};

class Sink {
 public:
  using Done = std::function<void(Delivery)>;

  virtual ~Sink() = default;  // a delivery under way ends without its callback
  // Brings them to the target, in order. One delivery at a time; `done` is called once, never
  // before this has returned.
  virtual void deliver(Items items, Done done) = 0;
  // At most so many in one delivery, and no event that is longer.
  virtual size_t most_items() const = 0;
  virtual size_t most_event_bytes() const = 0;
  // What the target is known to have already; a route never goes back before it.
  virtual Revision has() const { return {}; }
  virtual std::string target() const = 0;  // for logs, without secrets
};

}  // namespace kubus::bridge
