// Asks admission subscribers over the bus and waits for their answers, off the write path. Loop
// thread only; bounded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "bus/ports/ports.h"
#include "services/store/admission/pass.h"
#include "services/store/intake/incoming.h"

namespace kubus::store {

struct AskerStats {
  uint64_t asked = 0, denied = 0, unanswered = 0, hostile = 0;
};

class Asker {
 public:
  // With a request whose writes were all judged.
  using Done = std::function<void(Incoming)>;

  Asker(bus::Ports ports, const bus::Subjects& subjects, Done done);
  Asker(const Asker&) = delete;

  // False: too much is being asked already; then both are as they were.
  bool ask(Incoming* incoming, std::vector<Candidate>* candidates, int round);
  const AskerStats& stats() const { return stats_; }

 private:
  // One request: what is still open of it, and what is known.
  struct Round {
    Incoming incoming;
    std::shared_ptr<Verdicts> verdicts;
    std::vector<Candidate> candidates;
    // By candidate and subscriber, so that patches come in order of name.
    std::map<std::pair<size_t, size_t>, std::string> patches;
    size_t open = 0;
  };
  struct Question {
    uint64_t round;
    size_t candidate, subscriber;
    std::unique_ptr<bus::Timer> timer;
  };

  void listen();
  void send(uint64_t round, size_t candidate, size_t subscriber);
  void on_answer(const bus::Message& message);
  void on_timeout(const std::string& id);
  void judged(uint64_t round);
  Verdict& verdict_of(const Question& question);

  bus::Ports ports_;
  const bus::Subjects& subjects_;
  Done done_;
  std::string reply_;  // the subject of all answers
  std::map<uint64_t, Round> rounds_;
  uint64_t next_ = 0;
  std::map<std::string, Question> questions_;
  AskerStats stats_;
  std::unique_ptr<bus::Subscription> answers_;
};

}  // namespace kubus::store
