#include "services/store/executor/refusals.h"

#include <algorithm>

namespace kubus::store {
namespace {

bool decided(const ReplyData& reply) {
  auto refused = [](const OutcomeData& o) { return o.failure.has_value(); };
  auto waits = [](const OutcomeData& o) {
    return o.failure && o.failure->code == Code::kUnavailable;
  };
  return std::any_of(reply.outcomes.begin(), reply.outcomes.end(), refused) &&
         !std::all_of(reply.outcomes.begin(), reply.outcomes.end(), waits);
}

size_t size_of(const OutcomeData& o) {
  size_t bytes = sizeof o;
  if (!o.failure) return bytes;
  bytes += o.failure->message.size();
  for (const Cause& c : o.failure->causes)
    bytes += sizeof c + c.reason.size() + c.message.size() + c.field.size();
  return bytes;
}

}  // namespace

void Refusals::note(const std::string& key, const ReplyData& reply, bus::Instant now) {
  if (!decided(reply)) return;
  forget(key);
  Entry entry{{}, key.size() * 2 + sizeof(Entry) + sizeof(Age), next_++};
  for (const OutcomeData& o : reply.outcomes) {
    OutcomeData& kept = entry.told.emplace_back();
    kept.failure = o.failure;
    kept.revision = o.revision;
    kept.repeated = true;
    entry.bytes += size_of(kept);
  }
  bytes_ += entry.bytes;
  by_age_.push_back({now, key, entry.number});
  entries_[key] = std::move(entry);
  while (!by_age_.empty() && (bytes_ > most_bytes_ || now - by_age_.front().at > keep_)) {
    auto oldest = entries_.find(by_age_.front().key);
    if (oldest != entries_.end() && oldest->second.number == by_age_.front().number) {
      bytes_ -= oldest->second.bytes;
      entries_.erase(oldest);
    }
    by_age_.pop_front();
  }
}

void Refusals::forget(const std::string& key) {
  auto found = entries_.find(key);
  if (found == entries_.end()) return;
  bytes_ -= found->second.bytes;
  entries_.erase(found);
}

const Refusals::Told* Refusals::find(const std::string& key) const {
  auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second.told;
}

}  // namespace kubus::store
