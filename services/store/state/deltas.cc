#include "services/store/state/deltas.h"

#include "services/store/state/view.h"

namespace kubus::store {
namespace {

FindRecord in_tables(const Snapshot& tables) {
  return [&tables](uint64_t revision) {
    return tables.get(Keyspace::kJournal, as_bytes(revision_key(Revision(revision))));
  };
}

std::optional<EventBytes> whole(const FindRecord& find, const Record& record, size_t steps) {
  if (record.header.format != RecordHeader::kDelta) return EventBytes{{}, record.event};
  auto value = steps < archive::kMostSteps ? find(record.header.base) : std::nullopt;
  auto base = value ? decode_record(*value) : std::nullopt;
  auto event = base ? whole(find, *base, steps + 1) : std::nullopt;
  auto made = event ? archive::decode_delta(record, event->view) : std::nullopt;
  if (!made) return std::nullopt;
  EventBytes out{*std::move(made), {}};
  out.view = out.made;
  return out;
}

}  // namespace

std::optional<EventBytes> event_of(const FindRecord& find, const Record& record) {
  return whole(find, record, 0);
}
std::optional<EventBytes> event_of(const Snapshot& tables, const Record& record) {
  return whole(in_tables(tables), record, 0);
}

void stand_behind(const FindRecord& find, uint64_t previous, RecordHeader* header) {
  auto header_of = [&](uint64_t revision) -> std::optional<RecordHeader> {
    auto value = revision != 0 ? find(revision) : std::nullopt;
    auto record = value ? decode_record(*value) : std::nullopt;
    return record ? std::optional(record->header) : std::nullopt;
  };
  uint64_t base = previous;
  auto at = header_of(base);
  if (!at || at->place + 1 >= archive::kGroup) return;
  auto place = static_cast<uint16_t>(at->place + 1);
  for (uint16_t wanted = archive::base_place(place); at->place != wanted;) {
    base = at->base;
    at = header_of(base);
    if (!at) return;
  }
  header->base = base;
  header->place = place;
}

std::vector<uint64_t> lineage(const Snapshot& tables, uint64_t revision) {
  std::vector<uint64_t> all;
  while (revision != 0 && all.size() <= archive::kMostSteps) {
    all.push_back(revision);
    auto value = tables.get(Keyspace::kJournal, as_bytes(revision_key(Revision(revision))));
    auto record = value ? decode_record(*value) : std::nullopt;
    revision = record ? record->header.base : 0;
  }
  return all;
}

DeltaWriter::DeltaWriter(const Snapshot& tables, const std::vector<Erasure>& erasures)
    : tables_(tables) {
  for (const Erasure& e : erasures) {
    if (e.space == Keyspace::kJournal) erased_.insert(read_u64(as_bytes(e.key), 0));
  }
}

void DeltaWriter::pass(const Put& put, std::vector<Put>* puts) {
  auto record = decode_record(put.value);
  if (!record || record->header.format != RecordHeader::kFull) return;
  const RecordHeader& header = record->header;
  uint64_t revision = read_u64(put.key, 0);
  passed_[revision] = put.value;
  auto value = header.base != 0 ? find(header.base) : std::nullopt;
  auto base = value ? decode_record(*value) : std::nullopt;
  auto event = base ? event_of([this](uint64_t r) { return find(r); }, *base) : std::nullopt;
  auto delta = event ? archive::encode_delta(*record, event->view) : std::nullopt;
  if (delta) {
    const std::string& kept = memory_.emplace_back(*std::move(delta));
    puts->push_back({Keyspace::kJournal, false, put.key, as_bytes(kept)});
  }
  bool lives = header.type != static_cast<uint8_t>(ChangeType::kDeleted);
  bool beside = delta && lives && (header.flags & RecordHeader::kSecret) == 0;
  if (!beside && revision == header.oid) return;  // its name is new: nothing can lie there
  const std::string& key = memory_.emplace_back(latest_key(header.oid));
  puts->push_back({Keyspace::kLatest, !beside, as_bytes(key), beside ? put.value : ByteView()});
}

std::optional<ByteView> DeltaWriter::find(uint64_t revision) const {
  if (erased_.contains(revision)) return std::nullopt;
  if (auto at = passed_.find(revision); at != passed_.end()) return at->second;
  return tables_.get(Keyspace::kJournal, as_bytes(revision_key(Revision(revision))));
}

}  // namespace kubus::store
