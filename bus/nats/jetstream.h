// The log of events on JetStream, over a connection of its own into the account that has it. Loop
// thread only.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "bus/nats/nats_bus.h"
#include "bus/ports/event_log.h"
#include "bus/stream_subjects.h"

namespace kubus::bus {

struct JetStreamOptions {
  ClusterName cluster;
  Actor actor;             // under whose replies it is answered
  uint64_t max_bytes = 0;  // beyond it the stream forgets its oldest messages
};

class JetStream final : public EventLog {
 public:
  JetStream(NatsBus& bus, Clock& clock, Random& random, JetStreamOptions options);
  ~JetStream() override;  // what is outstanding ends without its callback
  JetStream(const JetStream&) = delete;

  void open(Looked done) override;
  void look(Looked done) override;
  void renew(uint64_t next, Did done) override;
  bool append(const Subject& subject, ByteView payload, uint64_t after, Did done) override;
  std::unique_ptr<Subscription> watch_state(Bus::StateHandler handler) override;
  // The stream and all that it held; it is no error if there is none.
  void remove(Did done);

 private:
  struct Waiting {
    std::function<void(Result<Payload>)> done;
    Instant since;
  };

  Subject expect_answer(std::function<void(Result<Payload>)> done);
  void on_answer(const Message& message);
  void on_watch();
  using Read = std::function<void(Result<boost::json::object>)>;
  void ask(const Subject& api, const boost::json::object& body, Read done);
  void fetch_last(LogPlace place, Looked done);
  boost::json::object configuration() const;

  NatsBus& bus_;
  Clock& clock_;
  JetStreamOptions options_;
  Subjects names_;
  StreamSubjects subjects_;
  std::string nonce_;
  uint64_t next_ = 1;
  std::map<uint64_t, Waiting> waiting_;  // by number: in order of asking
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<Subscription> answers_;
  std::unique_ptr<Timer> watch_;
};

}  // namespace kubus::bus
