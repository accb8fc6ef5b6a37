#include "services/store/state/requests.h"

namespace kubus::store {

std::string RequestMemory::key_of(std::string_view actor, std::string_view request_id) {
  if (request_id.empty()) return "";
  std::string key;
  key.reserve(actor.size() + 1 + request_id.size());
  key.append(actor).push_back('\0');
  return key.append(request_id);
}

void RequestMemory::add(const std::string& key, Revision revision, int64_t time_ns,
                        bool committed) {
  auto [at, fresh] = requests_.try_emplace(key);
  if (fresh) by_age_.emplace_back(time_ns, key);
  at->second.revisions.push_back(revision);
  at->second.committed = committed;
}

void RequestMemory::commit(const std::string& key) {
  if (auto at = requests_.find(key); at != requests_.end()) at->second.committed = true;
}

void RequestMemory::forget(const std::string& key) {
  requests_.erase(key);
}

std::optional<PastRequest> RequestMemory::find(std::string_view actor,
                                               std::string_view request_id) const {
  auto at = requests_.find(key_of(actor, request_id));
  if (at == requests_.end() || request_id.empty()) return std::nullopt;
  return at->second;
}

void RequestMemory::expire(int64_t now_ns) {
  while (!by_age_.empty() && (by_age_.size() > max_ || by_age_.front().first < now_ns - keep_ns_)) {
    requests_.erase(by_age_.front().second);
    by_age_.pop_front();
  }
}

}  // namespace kubus::store
