// Serves the past as if it were the present: a restored state, a clock that goes through it, and
// the store's own readers in front. What was published then is published again, byte for byte, in
// the same order, under the name of a replay. Nothing can be written. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "bus/replay/control.h"
#include "bus/replay/player.h"
#include "services/store/allocator/allocator.h"
#include "services/store/auth/authorizer.h"
#include "services/store/executor/executor.h"
#include "services/store/intake/intake.h"
#include "services/store/state/state.h"

namespace kubus::store {

struct ReplayerOptions {
  std::string name;  // of the replay: it speaks as cluster "replay.<name>"
  ClusterName home;  // the cluster of the administrator who steers it
  replay::PlayerOptions play;
  bool standing = false;  // the clock stands at `play.to`; nothing is published
  QueueLimits queues;
  ExecutorOptions executor;
};

class Replayer {
 public:
  using OnEnd = std::function<void(Status)>;

  // `state` holds everything up to `play.to` at least and nothing writes to it. kExpired,
  // kBadRequest: it cannot be read at that range.
  static Result<std::unique_ptr<Replayer>> open(bus::Ports ports, ReplayerOptions options,
                                                std::unique_ptr<State> state, OnEnd on_end);
  Replayer(const Replayer&) = delete;
  ~Replayer();

  replay::Player& player() { return *player_; }
  State& state() { return *state_; }

 private:
  Replayer(bus::Ports ports, ReplayerOptions options, std::unique_ptr<State> state,
           std::unique_ptr<ClusterAllocator> allocator, OnEnd on_end);
  void serve();
  bool publish(const kit::EventView& event);
  void on_seek(Revision position);
  void on_end(Status status);
  void touch(const Published& change);
  void tell_heads();
  void on_heads_timeout();

  bus::Ports ports_;
  ReplayerOptions options_;
  bus::Subjects subjects_;
  OnEnd on_end_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<ClusterAllocator> allocator_;
  Replier replier_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<replay::Source> source_;
  std::unique_ptr<replay::Player> player_;
  std::unique_ptr<replay::Control> control_;
  std::map<std::string, std::pair<Lane, Revision>> moved_;  // since heads were last told
  std::unique_ptr<bus::Timer> heads_timer_;
};

}  // namespace kubus::store
