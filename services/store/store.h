// The store: the cluster's state behind its subjects. main.cc gives it files and NATS, tests give
// it memory and the simulator. Loop thread only.
#pragma once

#include <memory>
#include <string>

#include "bus/ports/ports.h"
#include "schemas/lib/token/token.h"
#include "services/store/allocator/allocator.h"
#include "services/store/auth/authorizer.h"
#include "services/store/executor/executor.h"
#include "services/store/heads/heads.h"
#include "services/store/intake/intake.h"
#include "services/store/maintenance/maintenance.h"
#include "services/store/state/state.h"

namespace kubus::store {

struct StoreOptions {
  ClusterName cluster;
  std::string instance = "0";  // of several; names its stats
  StateOptions state;
  QueueLimits queues;
  ExecutorOptions executor;
  MaintenanceOptions maintenance;
  AuditLimits audit;
  Ranges ranges;
  std::string cluster_ca;   // PEM; goes into every namespace
  std::string token_key;    // PEM; signs tokens of service accounts; "" : none is made
  std::string api_address;  // "" or loopback: Service kubernetes gets no endpoint
  int api_port = 6443;
};

class Store {
 public:
  // Reads what is on the disks and begins to serve. Errors: State::open's, and kBadRequest for
  // ranges that are none or a key that is none.
  static Result<std::unique_ptr<Store>> open(bus::Ports ports, StoreOptions options,
                                             std::unique_ptr<Engine> engine,
                                             std::unique_ptr<Journal> journal);
  Store(const Store&) = delete;

  // Hears no more requests, brings everything into the tables, then calls `done`.
  void close(std::function<void(Status)> done);

  State& state() { return *state_; }
  const ExecutorStats& stats() const { return executor_->stats(); }
  const IntakeStats& intake_stats() const { return intake_->stats(); }
  // One JSON object of figures.
  std::string stats_text() const;

 private:
  Store(bus::Ports ports, StoreOptions options, std::unique_ptr<State> state,
        std::unique_ptr<ClusterAllocator> allocator, std::unique_ptr<token::Signer> signer);
  void serve();
  void keep_audit();
  void note_purge(const PurgeQuery& query, const PurgeProgress& progress);
  void answer_stats(const bus::Message& message);

  bus::Ports ports_;
  StoreOptions options_;
  bus::Subjects subjects_;
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<token::Signer> signer_;
  std::unique_ptr<ClusterAllocator> allocator_;
  AuditLog audit_;
  std::unique_ptr<State> state_;
  Replier replier_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Heads> heads_;
  std::unique_ptr<Maintenance> maintenance_;
  std::unique_ptr<bus::Subscription> stats_subscription_;
};

}  // namespace kubus::store
