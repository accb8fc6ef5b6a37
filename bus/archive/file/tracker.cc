#include "bus/archive/file/tracker.h"

#include <cstring>

namespace kubus::archive {
namespace {

constexpr uint32_t kMostEvent = 4 << 20;
constexpr size_t kMostBases = 17;  // no more versions than that hang on one

}  // namespace

bool ChainTracker::add(const Entry& entry) {
  auto record = decode_record(entry.record);
  if (!record || record->header.event_size > kMostEvent || !take_event(entry.revision, *record))
    return false;
  if (entry.revision <= base_.value()) return true;
  chain_ = chain_next(chain_, event_digest(*record, event_));
  if (entry.what == Entry::Secret::kBody) chain_ = chain_next(chain_, entry.secret);
  if (entry.what != Entry::Secret::kDigest) return true;
  Digest given{};
  if (entry.secret.size() != given.size()) return false;
  std::memcpy(given.data(), entry.secret.data(), given.size());
  chain_ = chain_next(chain_, given);
  return true;
}

bool ChainTracker::take_event(uint64_t revision, const Record& record) {
  std::deque<Base>& bases = bases_[record.header.oid];
  if (record.header.format == RecordHeader::kDelta) {
    while (!bases.empty() && bases.front().revision < record.header.base) bases.pop_front();
    if (bases.empty() || bases.front().revision != record.header.base) return false;
    auto event = decode_delta(record, bases.front().event);
    if (!event) return false;
    unpacked_ = *std::move(event);
    event_ = unpacked_;
    return true;
  }
  event_ = record.event;
  bases.push_back({revision, Buffer(event_.begin(), event_.end())});
  if (bases.size() > kMostBases) bases.pop_front();
  return true;
}

}  // namespace kubus::archive
