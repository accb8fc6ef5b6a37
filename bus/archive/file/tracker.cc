#include "bus/archive/file/tracker.h"

#include <cstring>

namespace kubus::archive {
namespace {

constexpr uint32_t kMostEvent = 4 << 20;

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
  const RecordHeader& header = record.header;
  std::vector<Base>& bases = bases_[header.oid];
  while (!bases.empty() && bases.back().revision > header.base) bases.pop_back();
  if (header.base == 0) bases.clear();
  event_ = record.event;
  if (header.format == RecordHeader::kDelta) {
    if (bases.empty() || bases.back().revision != header.base) return false;
    auto event = decode_delta(record, bases.back().event);
    if (!event) return false;
    unpacked_ = *std::move(event);
    event_ = unpacked_;
  }
  if (may_carry(header.place) && bases.size() <= kMostSteps)
    bases.push_back({revision, Buffer(event_.begin(), event_.end())});
  return true;
}

}  // namespace kubus::archive
