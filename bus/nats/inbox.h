// What libnats' threads hand to the loop: messages and connection events, in order of arrival,
// bounded.
#pragma once

#include <nats/nats.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace kubus::bus {

class Inbox {
 public:
  struct Item {
    uint64_t subscription = 0;
    uint64_t connection = 0;  // which connection it came over: what an old one still had is dropped
    natsMsg* message = nullptr;
  };

  // `wake` is called from libnats' threads when the inbox was empty.
  Inbox(size_t most, size_t most_bytes, std::function<void()> wake)
      : most_(most), most_bytes_(most_bytes), wake_(std::move(wake)) {}
  ~Inbox() {
    for (Item& i : items_) natsMsg_Destroy(i.message);
  }
  Inbox(const Inbox&) = delete;

  // Any thread. Takes the message over; drops it if the inbox is full.
  void push(Item item) {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      size_t size = static_cast<size_t>(natsMsg_GetDataLength(item.message));
      if (items_.size() >= most_ || bytes_ + size > most_bytes_) {
        lossy_ = true;
        natsMsg_Destroy(item.message);
      } else {
        bytes_ += size;
        items_.push_back(item);
      }
      first = !std::exchange(woken_, true);
    }
    if (first) wake_();
  }

  // Loop thread: everything that waits; `*lossy`: something was dropped since the last call.
  std::deque<Item> take(bool* lossy) {
    std::lock_guard lock(mutex_);
    woken_ = false;
    bytes_ = 0;
    *lossy = std::exchange(lossy_, false);
    return std::exchange(items_, {});
  }

  void note_loss() {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      lossy_ = true;
      first = !std::exchange(woken_, true);
    }
    if (first) wake_();
  }

 private:
  std::mutex mutex_;
  std::deque<Item> items_;
  size_t bytes_ = 0;
  bool lossy_ = false, woken_ = false;
  const size_t most_, most_bytes_;
  std::function<void()> wake_;
};

}  // namespace kubus::bus
