// An ordered log beside the bus in which message n is the event of revision n: what the optional
// stream of events is made of. One writer, who says where each message belongs, so that holes and
// repeats are impossible. One adapter: JetStream. Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "bus/ports/bus.h"
#include "schemas/lib/base/result.h"

namespace kubus::bus {

// Where the log stands.
struct LogPlace {
  uint64_t first = 0, last = 0;  // sequences; of an empty one first is last + 1
  bool whole = true;             // none between them is missing
  uint64_t bytes = 0;
  uint64_t readers = 0;  // durable consumers
  Payload message;       // the last one's; empty: it was not asked for, or there is none
};

// No call of `done` before the method has returned. kUnavailable: nobody answered in time.
class EventLog {
 public:
  using Looked = std::function<void(Result<LogPlace>)>;
  using Did = std::function<void(Status)>;

  virtual ~EventLog() = default;
  // Makes the log if it is not there, brings its limits to what is wanted, reads the last message.
  virtual void open(Looked done) = 0;
  // kNotFound: it is not there.
  virtual void look(Looked done) = 0;
  // Anew and empty, whatever there was: the next message gets the sequence `next`.
  virtual void renew(uint64_t next, Did done) = 0;
  // Stores the message with sequence after + 1. kConflict: the last sequence is another than
  // `after`; nothing was stored. False: refused, and `done` is not called.
  virtual bool append(const Subject& subject, ByteView payload, uint64_t after, Did done) = 0;
  // As Bus::watch_state, of the connection to the log.
  [[nodiscard]] virtual std::unique_ptr<Subscription> watch_state(Bus::StateHandler handler) = 0;
};

}  // namespace kubus::bus
