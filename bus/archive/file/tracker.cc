#include "bus/archive/file/tracker.h"

#include <algorithm>

namespace kubus::archive {

bool Digests::take(const Entry& entry, const Record& record, ByteView bytes) {
  event = event_digest(record, bytes);
  has_secret = entry.what != Entry::Secret::kNone;
  if (entry.what == Entry::Secret::kBody) secret = digest_of(entry.secret);
  if (entry.what != Entry::Secret::kDigest) return true;
  if (entry.secret.size() != secret.size()) return false;
  std::copy(entry.secret.begin(), entry.secret.end(), secret.begin());
  return true;
}

Chain Digests::after(const Chain& chain) const {
  Chain next = chain_next(chain, event);
  return has_secret ? chain_next(next, secret) : next;
}

bool ChainTracker::add(const Entry& entry) {
  auto record = decode_record(entry.record);
  auto event = record ? unpacker_.take(entry.revision, *record) : std::nullopt;
  if (!event) return false;
  event_ = *event;
  if (entry.revision <= base_.value()) return true;
  Digests digests;
  if (!digests.take(entry, *record, event_)) return false;
  chain_ = digests.after(chain_);
  return true;
}

}  // namespace kubus::archive
