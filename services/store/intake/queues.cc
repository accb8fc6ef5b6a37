#include "services/store/intake/queues.h"

namespace kubus::store {

bool FairQueues::push(Incoming incoming) {
  auto at = queues_.find(incoming.actor);
  if (at == queues_.end()) {
    if (queues_.size() >= limits_.actors) return false;
    at = queues_.emplace(incoming.actor, Queue()).first;
    turn_.push_back(incoming.actor);
  }
  Queue& queue = at->second;
  size_t bytes = incoming.payload.size();
  bool full = queue.waiting.size() >= limits_.requests || queue.bytes + bytes > limits_.bytes;
  if (full && !queue.waiting.empty()) return false;
  queue.bytes += bytes;
  queue.waiting.push_back(std::move(incoming));
  ++size_;
  return true;
}

std::optional<Incoming> FairQueues::take() {
  if (returned_) return std::exchange(returned_, std::nullopt);
  if (turn_.empty()) return std::nullopt;
  auto at = queues_.find(turn_.front());
  Queue& queue = at->second;
  Incoming next = std::move(queue.waiting.front());
  queue.waiting.pop_front();
  queue.bytes -= next.payload.size();
  --size_;
  if (queue.waiting.empty()) {
    queues_.erase(at);
    turn_.pop_front();
  } else {
    turn_.splice(turn_.end(), turn_, turn_.begin());
  }
  return next;
}

void FairQueues::put_back(Incoming incoming) {
  returned_ = std::move(incoming);
}

}  // namespace kubus::store
