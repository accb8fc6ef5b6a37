// Remembers, for a while, which requests of whom changed what: a request that is repeated is
// answered, not run again.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bus/ports/clock.h"
#include "services/store/state/state.h"

namespace kubus::store {

class RequestMemory {
 public:
  RequestMemory(bus::Duration keep, size_t max) : keep_ns_(keep.count()), max_(max) {}

  // "" if there is no request id.
  static std::string key_of(std::string_view actor, std::string_view request_id);

  void add(const std::string& key, Revision revision, int64_t time_ns, bool committed);
  void commit(const std::string& key);
  void forget(const std::string& key);
  std::optional<PastRequest> find(std::string_view actor, std::string_view request_id) const;
  // Forgets what is older than `keep`, and the oldest beyond `max`.
  void expire(int64_t now_ns);
  size_t size() const { return requests_.size(); }

 private:
  int64_t keep_ns_;
  size_t max_;
  std::unordered_map<std::string, PastRequest> requests_;
  std::deque<std::pair<int64_t, std::string>> by_age_;
};

}  // namespace kubus::store
