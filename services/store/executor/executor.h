// The one writer. Each turn takes what waits, runs every request against the latest state in a
// serial order, and hands the changes to the journal as one batch; the next turn runs while that
// batch syncs. Answers to writes go out once everything that they may have seen is durable, before
// the events. Loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "services/store/admission/asker.h"
#include "services/store/executor/refusals.h"
#include "services/store/executor/scope.h"
#include "services/store/intake/queues.h"

namespace kubus::store {

struct ExecutorOptions {
  size_t turn_requests = 1024;
  size_t turn_answer_bytes = 8 << 20;
  size_t batch_bytes = 4 << 20;
  // How long a request may wait for a revision that is not there yet, and how many may.
  bus::Duration revision_wait = std::chrono::seconds(3);
  size_t most_parked = 1024;
  // What was told of refused writes is remembered so long, and so much of it.
  bus::Duration remember_refusals = std::chrono::minutes(10);
  size_t refusal_bytes = 16 << 20;
};

struct ExecutorStats {
  uint64_t turns = 0, batches = 0, reads = 0, writes = 0;
  uint64_t late = 0, repeated = 0, fenced = 0, refused = 0, lost_batches = 0;
  uint64_t events = 0, unpublished = 0;
  uint64_t run_ns = 0;  // the loop's time in turns
};

class Executor {
 public:
  Executor(Environment environment, const bus::Subjects& subjects, FairQueues& queues,
           Replier& replier, ExecutorOptions options);
  Executor(const Executor&) = delete;

  // Something waits: a turn will come.
  void wake();
  const ExecutorStats& stats() const { return stats_; }
  const AskerStats& admission_stats() const { return asker_.stats(); }

 private:
  struct Answer {
    std::string to;
    ReplyData reply;
    std::string key;  // of the request, under which refusals are remembered
  };
  struct Parked {
    Incoming incoming;
    Revision needed;
    bus::Instant until;
  };

  void turn();
  void run_parked();
  void run_admitted();
  const Subscribers& subscribers();
  // Runs it; where somebody outside has a say, asks first. nullopt: it is being asked.
  std::optional<ReplyData> run_write(Incoming* incoming, const std::string& key);
  // False: it must run in the next turn.
  bool run(Incoming incoming);
  bool refuse_if_late(const Incoming& incoming);
  void park(Incoming incoming, Revision needed);
  void answer(const std::string& to, ReplyData reply);
  ReplyData run_operations(const Incoming& incoming, AdmissionPass* admission = nullptr);
  void undo_all(const wire::Request& request, size_t failed, ReplyData* reply);
  Status run_operation(const Incoming& incoming, const wire::Operation& op, const Origin& origin,
                       AdmissionPass* admission, OutcomeData* out);
  ReplyData recall(const Incoming& incoming, const PastRequest& past) const;
  ReplyData recall(const Incoming& incoming, const Refusals::Told& told) const;
  void show_again(const wire::Operation& op, OutcomeData* out) const;
  Status check_fence(const wire::Request& request);
  void commit();
  void on_committed(Result<Committed> committed, std::vector<Answer>* answers);
  void publish(const Committed& committed);

  Environment env_;
  const bus::Subjects& subjects_;
  FairQueues& queues_;
  Replier& replier_;
  ExecutorOptions options_;
  std::optional<Transaction> tx_;        // of this turn, once a write came
  std::vector<Answer> answers_;          // to the writes of this turn
  std::unordered_set<std::string> ids_;  // of the writes of this turn
  size_t answer_bytes_ = 0;
  Refusals refusals_;
  std::vector<Parked> parked_;
  Subscribers subscribers_;
  bool subscribers_known_ = false;
  Asker asker_;
  std::unordered_set<std::string> asking_;  // of the writes that admission is asked about
  std::vector<Incoming> admitted_;          // what was asked about and may run
  std::unique_ptr<bus::Timer> turn_timer_, parked_timer_;
  bool awake_ = false;
  ExecutorStats stats_;
};

}  // namespace kubus::store
