// The way from libnats' threads to the loop, which can be shut: afterwards nothing passes, however
// late a callback comes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace kubus::bus {

class Gate {
 public:
  using Post = std::function<void(std::function<void()>)>;
  explicit Gate(Post post) : post_(std::move(post)) {}
  void post(std::function<void()> f) {
    std::lock_guard lock(mutex_);
    if (post_) post_(std::move(f));
  }
  void shut() {
    std::lock_guard lock(mutex_);
    post_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Post post_;
};

// libnats keeps a plain pointer for its connection callbacks and may use it after everything else
// is gone: it gets a number instead, which is looked up here.
template <class T>
class Numbered {
 public:
  static uint64_t add(std::shared_ptr<T> value) {
    std::lock_guard lock(mutex());
    uint64_t number = ++next();
    all().emplace(number, std::move(value));
    return number;
  }
  static void remove(uint64_t number) {
    std::lock_guard lock(mutex());
    all().erase(number);
  }
  static std::shared_ptr<T> find(uint64_t number) {
    std::lock_guard lock(mutex());
    auto found = all().find(number);
    return found == all().end() ? nullptr : found->second;
  }
  static void* as_pointer(uint64_t number) { return reinterpret_cast<void*>(number); }
  static std::shared_ptr<T> find(void* pointer) {
    return find(reinterpret_cast<uint64_t>(pointer));
  }

 private:
  static std::mutex& mutex() {
    static auto* m = new std::mutex;  // callbacks may come while statics are being destroyed
    return *m;
  }
  static std::unordered_map<uint64_t, std::shared_ptr<T>>& all() {
    static auto* map = new std::unordered_map<uint64_t, std::shared_ptr<T>>;
    return *map;
  }
  static uint64_t& next() {
    static uint64_t n = 0;
    return n;
  }
};

}  // namespace kubus::bus
