// Requests that wait: a bounded queue for each actor, served in turn, so that a noisy actor delays
// only itself. Loop thread only.
#pragma once

#include <deque>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "services/store/intake/incoming.h"

namespace kubus::store {

struct QueueLimits {
  size_t requests = 4096;     // of one actor
  size_t bytes = 64u << 20;   // of one actor
  size_t actors = 16 * 1024;  // with something waiting
};

class FairQueues {
 public:
  explicit FairQueues(QueueLimits limits) : limits_(limits) {}

  // False: this actor has too much waiting.
  bool push(Incoming incoming);
  // The next of the actor whose turn it is; nullopt: nothing waits.
  std::optional<Incoming> take();
  // Puts back what was just taken: it is taken next.
  void put_back(Incoming incoming);
  bool empty() const { return !returned_ && turn_.empty(); }
  size_t size() const { return size_ + (returned_ ? 1 : 0); }

 private:
  struct Queue {
    std::deque<Incoming> waiting;
    size_t bytes = 0;
  };
  QueueLimits limits_;
  std::unordered_map<std::string, Queue> queues_;
  std::list<std::string> turn_;  // actors with something waiting, next first
  std::optional<Incoming> returned_;
  size_t size_ = 0;
};

}  // namespace kubus::store
