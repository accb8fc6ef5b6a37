// The message bus as components see it. Two adapters: bus/nats (a real nats-server) and bus/sim
// (seeded, in one process).
//
// Promises of every adapter: handlers run on the component's loop thread, one at a time; messages
// of one publisher on matching subjects of one Bus arrive in the order published; delivery is at
// most once: a message may be lost, and the loss is not always told. Not promised: order across
// publishers, or that a publish while disconnected arrives.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bus/subjects.h"
#include "schemas/lib/base/bytes.h"

namespace kubus::bus {

struct Message {
  std::string subject;
  std::string reply;  // "" if the publisher wants no answer
  Payload payload;
};

enum class BusState : uint8_t {
  kConnected,     // first connection, or again: subscriptions are in force; messages may have been
                  // missed
  kDisconnected,  // publishes are refused until connected
  kLossy,         // this client dropped messages because it was slow; feeds must check their heads
};

// Ends when destroyed: no call of its handler begins afterwards.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class Bus {
 public:
  using Handler = std::function<void(Message)>;
  using StateHandler = std::function<void(BusState)>;

  virtual ~Bus() = default;

  // Sends with the end of the loop's present turn. false: refused (not connected, larger than
  // max_payload(), the server takes nothing); then nothing is sent. true is no promise of arrival.
  // `reply` must lie under the own actor's reply subject, see subjects.h.
  virtual bool publish(const Subject& subject, ByteView payload,
                       const Subject* reply = nullptr) = 0;

  // Calls `handler` for every message that matches. Permission problems are logged by the adapter
  // with the subject.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(const Pattern& pattern,
                                                                Handler handler) = 0;

  // Tells changes of state, and at once the present one. Ends with the returned Subscription.
  [[nodiscard]] virtual std::unique_ptr<Subscription> watch_state(StateHandler handler) = 0;
  virtual bool connected() const = 0;

  virtual size_t max_payload() const = 0;
};

}  // namespace kubus::bus
