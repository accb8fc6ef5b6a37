#include "bus/archive/file/trimmer.h"

#include <algorithm>
#include <cstring>

namespace kubus::archive {
namespace {

std::string whole(const Record& record, ByteView event) {
  if (record.header.format != RecordHeader::kPurged)
    return encode_record(record.header, event, record.notices);
  Digest digest{};
  std::memcpy(digest.data(), record.digest.data(), digest.size());
  return encode_record(record.header, event, record.notices, &digest);
}

}  // namespace

void Trimmer::take(const Entry& entry, const Record& record, ByteView event) {
  const RecordHeader& header = record.header;
  if (header.type == RecordHeader::kDeleted) {
    versions_.erase(header.oid);
    return;
  }
  std::vector<Kept>& kept = versions_[header.oid];
  while (!kept.empty() && (!kept.back().carries || kept.back().revision > header.base))
    kept.pop_back();
  for (Kept& k : kept) {
    k.what = Entry::Secret::kNone;
    k.secret.clear();
  }
  kept.push_back({entry.revision, may_carry(header.place), whole(record, event), entry.what,
                  Buffer(entry.secret.begin(), entry.secret.end())});
}

Status Trimmer::give(size_t block_bytes, const std::function<Status(ByteView)>& each) const {
  Buffer block;
  for (const Kept* k : in_order()) {
    append_entry(&block, {k->revision, as_bytes(k->record), k->what, k->secret});
    if (block.size() < block_bytes) continue;
    if (Status s = each(block); !s) return s;
    block.clear();
  }
  return block.empty() ? Status() : each(block);
}

std::vector<const Trimmer::Kept*> Trimmer::in_order() const {
  std::vector<const Kept*> all;
  for (const auto& [oid, kept] : versions_) {
    for (const Kept& k : kept) all.push_back(&k);
  }
  std::sort(all.begin(), all.end(),
            [](const Kept* a, const Kept* b) { return a->revision < b->revision; });
  return all;
}

size_t Trimmer::count() const {
  size_t n = 0;
  for (const auto& [oid, kept] : versions_) n += kept.size();
  return n;
}

}  // namespace kubus::archive
