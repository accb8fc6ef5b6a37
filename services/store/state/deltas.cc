#include "services/store/state/deltas.h"

#include "schemas/bus/event_generated.h"
#include "services/store/state/view.h"

namespace kubus::store {
namespace {

const wire::Event* root_of(const Record& record) {
  return flatbuffers::GetRoot<wire::Event>(record.event.data());
}

bool is(const Record& record, ChangeType type) {
  return record.header.type == static_cast<uint8_t>(type);
}

}  // namespace

std::optional<EventBytes> event_of(const Snapshot& tables, const Record& record) {
  if (record.header.format != RecordHeader::kDelta) return EventBytes{{}, record.event};
  auto value = tables.get(Keyspace::kJournal, as_bytes(revision_key(Revision(record.header.base))));
  auto base = value ? decode_record(*value) : std::nullopt;
  if (!base || base->header.format == RecordHeader::kDelta) return std::nullopt;
  auto made = archive::decode_delta(record, base->event);
  if (!made) return std::nullopt;
  EventBytes out{*std::move(made), {}};
  out.view = out.made;
  return out;
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
  uint64_t revision = read_u64(put.key, 0);
  passed_[revision] = put.value;
  uint64_t previous = root_of(*record)->previous_object();
  if (is(*record, ChangeType::kAdded) || previous == 0) return;
  convert(previous, puts);
  // Nobody reads what is gone as often as what is there.
  if (is(*record, ChangeType::kDeleted)) convert(revision, puts);
}

std::optional<Record> DeltaWriter::find(uint64_t revision) const {
  if (erased_.contains(revision)) return std::nullopt;
  if (auto at = passed_.find(revision); at != passed_.end()) return decode_record(at->second);
  auto value = tables_.get(Keyspace::kJournal, as_bytes(revision_key(Revision(revision))));
  return value ? decode_record(*value) : std::nullopt;
}

void DeltaWriter::convert(uint64_t revision, std::vector<Put>* puts) {
  auto record = find(revision);
  if (!record || record->header.format != RecordHeader::kFull) return;
  uint64_t before = root_of(*record)->previous_object();
  if (is(*record, ChangeType::kAdded) || before == 0) return;
  auto previous = find(before);
  if (!previous) return;
  bool hangs = previous->header.format == RecordHeader::kDelta;
  uint64_t base = hangs ? previous->header.base : before;
  auto place = static_cast<uint16_t>(hangs ? previous->header.place + 1 : 1);
  auto whole = hangs ? find(base) : previous;
  if (place > kMostOnBase || !whole || whole->header.format == RecordHeader::kDelta) return;
  auto delta = archive::encode_delta(*record, whole->event, Revision(base), place);
  if (!delta) return;
  const std::string& value = memory_.emplace_back(*std::move(delta));
  const std::string& key = memory_.emplace_back(revision_key(Revision(revision)));
  passed_[revision] = as_bytes(value);
  puts->push_back({Keyspace::kJournal, false, as_bytes(key), as_bytes(value)});
}

}  // namespace kubus::store
