#include "services/store/state/loader.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::store {
namespace {

constexpr size_t kFlushBytes = 32 << 20;
constexpr flatbuffers::uoffset_t kMostDepth = 64, kMostTables = 1'000'000;

const wire::Event* verified(ByteView bytes) {
  if (bytes.size() < sizeof(uint64_t)) return nullptr;
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), kMostDepth, kMostTables);
  if (!verifier.VerifyBuffer<wire::Event>(nullptr)) return nullptr;
  const auto* event = flatbuffers::GetRoot<wire::Event>(bytes.data());
  return event->namespace_() == nullptr || event->name() == nullptr ? nullptr : event;
}

Error malformed(uint64_t revision, const char* what) {
  return Error(Code::kInvalid, "revision " + std::to_string(revision) + ": " + what);
}

// What Record::all_notices relies on.
bool sound_notices(const Record& record) {
  constexpr size_t kFixed = 10, kLengthAt = 9;
  size_t at = 0;
  for (uint32_t i = 0; i < record.header.notices; ++i) {
    if (at + kFixed > record.notices.size()) return false;
    at += kFixed + record.notices[at + kLengthAt];
    if (at > record.notices.size()) return false;
  }
  return true;
}

std::string text(ByteView bytes) {
  return std::string(as_text(bytes));
}

}  // namespace

Loader::Loader(Engine& engine, std::string cluster, const Applied& base)
    : engine_(engine), cluster_(std::move(cluster)), base_(base) {
  last_ = base.revision;
  last_time_ = base.time_ns;
}

Status Loader::add(const archive::Entry& entry, ByteView event) {
  auto record = decode_record(entry.record);
  if (!record || !sound_notices(*record))
    return malformed(entry.revision, "a record of a form that this program does not know");
  if (Status s = take(entry, *record, event); !s) return s;
  return pending_bytes_ < kFlushBytes ? Status() : flush();
}

Status Loader::take(const archive::Entry& entry, const Record& record, ByteView bytes) {
  const RecordHeader& header = record.header;
  const auto* kind = schema::Registry::get().by_number(header.kind);
  if (kind == nullptr)
    return malformed(entry.revision, "of a kind that this program does not know");
  const wire::Event* event = verified(bytes);
  if (event == nullptr || event->revision() != entry.revision)
    return malformed(entry.revision, "its event is malformed");
  bool above = entry.revision > base_.revision;
  auto type = static_cast<ChangeType>(header.type);
  int live = type == ChangeType::kAdded ? 1 : type == ChangeType::kDeleted ? -1 : 0;
  // A last state, or the base of one: what was dead there is gone.
  if (!above) live = names_.count(header.oid) == 0 ? 1 : 0;
  last_time_ = std::max(last_time_, event->time());
  if (!above) base_.time_ns = last_time_;
  std::string ns = event->namespace_()->str();
  auto marked = [&](uint8_t bit) { return (header.marks & bit) != 0; };
  ride(resource_lane(header.kind), entry.revision, live, marked(RecordHeader::kMarkResource));
  if (!ns.empty())
    ride(namespace_lane(header.kind, ns), entry.revision, live,
         marked(RecordHeader::kMarkNamespace));
  if (event->node() != nullptr)
    ride(node_lane(event->node()->string_view()), entry.revision, 0,
         marked(RecordHeader::kMarkNode));
  for (const NoticeEntry& notice : record.all_notices())
    ride(node_lane(notice.node), entry.revision, 0, notice.mark);
  if (kind->confidential && entry.what != archive::Entry::Secret::kBody) {
    const auto* metadata = event->metadata();
    put(Keyspace::kSecrets, revision_key(Revision(entry.revision)),
        metadata == nullptr ? "" : text({metadata->data(), metadata->size()}));
  }
  if (above) index_causes(entry.revision, *event);
  move_name(entry, record, object_key(header.kind, ns, event->name()->string_view()));
  last_ = std::max(last_, entry.revision);
  return {};
}

void Loader::index_causes(uint64_t revision, const wire::Event& event) {
  if (event.cause() == nullptr || event.cause()->revisions() == nullptr) return;
  for (uint64_t cause : *event.cause()->revisions()) {
    if (cause < revision) put(Keyspace::kCauses, cause_key(cause, revision), "");
  }
}

void Loader::move_name(const archive::Entry& entry, const Record& record, const std::string& key) {
  Name& name = names_[record.header.oid];
  if (name.key.empty()) name.key = key;
  auto type = static_cast<ChangeType>(record.header.type);
  // When a life began that the archive does not hold is not known; not before its name.
  bool began = type == ChangeType::kAdded || name.entry.created == 0;
  if (began) {
    name.entry.created =
        type == ChangeType::kAdded ? entry.revision : std::max<uint64_t>(record.header.oid, 1);
  }
  name.entry.revision = entry.revision;
  name.entry.oid = record.header.oid;
  name.live = type != ChangeType::kDeleted;
  if (!name.live) name.entry.created = 0;
  std::string revision = revision_key(Revision(entry.revision));
  put(Keyspace::kJournal, revision, text(entry.record));
  put(Keyspace::kHistory, history_key(record.header.oid, Revision(entry.revision)),
      std::string(1, static_cast<char>(type)));
  if (entry.what == archive::Entry::Secret::kBody)
    put(Keyspace::kSecrets, revision, text(entry.secret));
}

void Loader::ride(std::string lane, uint64_t revision, int live, bool mark) {
  LaneEntry& entry = lanes_[lane];
  entry.revision = revision;
  entry.live += static_cast<uint64_t>(static_cast<int64_t>(live));
  entry.events = mark ? (entry.events / kMarkEvery + 1) * kMarkEvery : entry.events + 1;
  if (mark) put(Keyspace::kMarks, mark_key(lane, Revision(revision)), "");
}

void Loader::put(Keyspace space, std::string key, std::string value) {
  pending_bytes_ += key.size() + value.size();
  pending_.push_back({space, std::move(key), std::move(value)});
}

Status Loader::flush() {
  std::sort(pending_.begin(), pending_.end(), [](const Pending& a, const Pending& b) {
    return a.space != b.space ? a.space < b.space : a.key < b.key;
  });
  std::vector<Put> puts;
  puts.reserve(pending_.size());
  for (const Pending& p : pending_)
    puts.push_back({p.space, false, as_bytes(p.key), as_bytes(p.value)});
  Status written = engine_.write(puts);
  pending_.clear();
  pending_bytes_ = 0;
  return written;
}

Status Loader::finish(const Chain& chain) {
  for (const auto& [oid, name] : names_)
    put(name.live ? Keyspace::kObjects : Keyspace::kDead, name.key, encode(name.entry));
  for (const auto& [lane, entry] : lanes_) put(Keyspace::kLanes, lane, encode(entry));
  uint32_t format = kStateFormat;
  put(Keyspace::kMeta, std::string(kMetaFormat),
      std::string(reinterpret_cast<const char*>(&format), sizeof(format)));
  put(Keyspace::kMeta, std::string(kMetaCluster), cluster_);
  put(Keyspace::kMeta, std::string(kMetaCompacted), encode(base_));
  put(Keyspace::kMeta, std::string(kMetaApplied), encode(Applied{last_, last_time_, chain}));
  return flush();
}

}  // namespace kubus::store
