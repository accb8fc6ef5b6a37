// Opening, point reads, and what the journal answers.
#include "services/store/state/core.h"

#include <fmt/format.h>

#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/base/check.h"
#include "services/store/state/upgrade.h"

namespace kubus::store {
namespace {

std::string random_id(bus::Random& random) {
  return fmt::format("{:016x}{:016x}", random.next(), random.next());
}

}  // namespace

StateCore::StateCore(bus::Ports ports, std::unique_ptr<Engine> engine,
                     std::unique_ptr<Journal> journal, StateOptions options)
    : ports_(ports),
      engine_(std::move(engine)),
      journal_(std::move(journal)),
      options_(std::move(options)),
      requests_(options_.remember_requests, options_.remember_requests_max) {}

StateCore::~StateCore() {
  if (applying_) applying_->cancelled = true;
}

// ---- opening ----

Status StateCore::open() {
  auto snapshot = read_meta();
  if (!snapshot.ok()) return snapshot.error();
  if (!(*snapshot)->get(Keyspace::kMeta, as_bytes(kMetaFormat))) {
    if (Status s = format_new(); !s.ok()) return s;
  }
  if (Status s = check_format(); !s.ok()) return s;
  if (Status s = load_keys(); !s.ok()) return s;
  if (Status s = replay(); !s.ok()) return s;
  if (Status s = raise_format(); !s.ok()) return s;
  if (Status s = check_bodies(); !s.ok()) return s;
  usage_ = engine_->usage();
  watch_room();
  remember_tail();
  JournalHandler handler;
  handler.committed = [this](auto durable) { on_committed(durable); };
  handler.lost = [this](const Error& error) { on_lost(error); };
  handler.role = [](Role, uint64_t) {};
  journal_->start(std::move(handler));
  maybe_apply();
  return {};
}

Result<std::shared_ptr<const Snapshot>> StateCore::read_meta() {
  auto snapshot = engine_->snapshot();
  if (!snapshot.ok()) return snapshot.error();
  snapshot_ = *snapshot;
  if (auto v = snapshot_->get(Keyspace::kMeta, as_bytes(kMetaApplied)))
    applied_ = decode_applied(*v);
  if (auto v = snapshot_->get(Keyspace::kMeta, as_bytes(kMetaCompacted)))
    compacted_ = decode_applied(*v);
  return snapshot;
}

namespace {
std::string format_value() {
  uint32_t format = kStateFormat;
  return std::string(reinterpret_cast<const char*>(&format), sizeof(format));
}
}  // namespace

// An older program could not read what is written from now on.
Status StateCore::raise_format() {
  auto kept = snapshot_->get(Keyspace::kMeta, as_bytes(kMetaFormat));
  if (as_text(*kept) == format_value()) return {};
  if (Status s = upgrade_tables(*engine_, last_revision_); !s.ok()) return s;
  auto snapshot = read_meta();
  return snapshot.ok() ? Status() : Status(snapshot.error());
}

Status StateCore::format_new() {
  std::string format = format_value(), none = encode(Applied());
  std::string id = options_.cluster_id.empty() ? random_id(ports_.random) : options_.cluster_id;
  std::vector<Put> puts = {{Keyspace::kMeta, false, as_bytes(kMetaFormat), as_bytes(format)},
                           {Keyspace::kMeta, false, as_bytes(kMetaCluster), as_bytes(id)},
                           {Keyspace::kMeta, false, as_bytes(kMetaApplied), as_bytes(none)},
                           {Keyspace::kMeta, false, as_bytes(kMetaCompacted), as_bytes(none)}};
  if (Status s = engine_->write(puts); !s.ok()) return s;
  auto snapshot = read_meta();
  return snapshot.ok() ? Status() : Status(snapshot.error());
}

Status StateCore::check_format() {
  auto format = snapshot_->get(Keyspace::kMeta, as_bytes(kMetaFormat));
  uint32_t number = 0;
  if (format && format->size() == sizeof(number))
    std::memcpy(&number, format->data(), sizeof(number));
  if (number == 0 || number > kStateFormat) {
    return Error(Code::kInvalid, "the store has format " + std::to_string(number) +
                                     "; this program knows up to " + std::to_string(kStateFormat));
  }
  auto cluster = snapshot_->get(Keyspace::kMeta, as_bytes(kMetaCluster));
  cluster_id_ = cluster ? as_text(*cluster) : std::string_view();
  if (!options_.cluster_id.empty() && options_.cluster_id != cluster_id_) {
    return Error(Code::kConflict, "the store belongs to cluster \"" + cluster_id_ + "\", not \"" +
                                      options_.cluster_id + "\"");
  }
  return {};
}

Status StateCore::replay() {
  last_revision_ = committed_revision_ = Revision(applied_.revision);
  last_time_ = committed_time_ = applied_.time_ns;
  auto durable = journal_->recover(last_revision_, applied_.chain,
                                   [this](const JournalEntry& e) { return on_replayed(e); });
  if (!durable.ok()) return durable.error();
  KUBUS_CHECK(durable->size() == unapplied_.size());
  for (size_t i = 0; i < unapplied_.size(); ++i) unapplied_[i]->chain = (*durable)[i].chain;
  committed_number_ = last_number_;
  committed_revision_ = last_revision_;
  committed_time_ = last_time_;
  return {};
}

// Adds a recovered batch to the overlay; returns what the chain covers of it.
Result<std::vector<ByteView>> StateCore::on_replayed(const JournalEntry& entry) {
  std::vector<OverlayPut> puts;
  std::vector<ByteView> records;
  const Payload& bytes = entry.parts.front();
  if (entry.first != last_revision_.next()) return Error(Code::kInvalid, "revisions are not dense");
  if (!Overlay::decode(bytes.view(), &puts)) return Error(Code::kInvalid, "the batch is malformed");
  auto batch = std::make_shared<Batch>();
  batch->number = ++last_number_;
  batch->first = entry.first;
  batch->last = entry.last;
  batch->time_ns = entry.time_ns;
  batch->memory = std::make_shared<Payload>(bytes);
  batch->bytes = bytes.size();
  for (const OverlayPut& put : puts) {
    overlay_.add(batch.get(), upgraded(put));
    if (put.space == Keyspace::kSecrets && !put.erase) records.push_back(put.value);
    if (put.space != Keyspace::kJournal || put.erase) continue;
    auto record = decode_record(put.value);
    if (!record)
      return Error(Code::kInvalid, "a record has a form that this program does not know");
    records.push_back(record->event);
  }
  last_revision_ = entry.last;
  last_time_ = entry.time_ns;
  overlay_bytes_ += batch->bytes;
  unapplied_bytes_ += batch->bytes;
  unapplied_.push_back(std::move(batch));
  return records;
}

void StateCore::remember_tail() {
  struct Past {
    std::string request;
    Revision revision;
    int64_t time_ns;
  };
  std::vector<Past> past;
  int64_t oldest = ports_.clock.wall_ns() - options_.remember_requests.count();
  Merged at = merged(Keyspace::kJournal, committed_number_);
  for (at.seek_below(revision_key(last_revision_.next())); at.valid(); at.prev()) {
    auto record = decode_record(at.value());
    if (!record || past.size() >= options_.remember_requests_max) break;
    Payload bytes =
        event_of(Revision(read_u64(at.key(), 0)), payload_of(at), *record, committed_number_);
    const auto* event = flatbuffers::GetRoot<wire::Event>(bytes.data());
    if (event->time() < oldest) break;
    if (event->actor() == nullptr || event->request_id() == nullptr) continue;
    past.push_back(
        {RequestMemory::key_of(event->actor()->string_view(), event->request_id()->string_view()),
         Revision(event->revision()), event->time()});
  }
  for (auto p = past.rbegin(); p != past.rend(); ++p)
    requests_.add(p->request, p->revision, p->time_ns, true);
}

// ---- point reads ----

View StateCore::latest() const {
  if (open_) return View(this, open_->batch->number, open_->batch->last);
  return View(this, last_number_, last_revision_);
}

std::optional<ByteView> StateCore::peek(Keyspace space, std::string_view key,
                                        uint64_t limit) const {
  if (const OverlayPut* put = overlay_.find(space, key, limit)) {
    return put->erase ? std::nullopt : std::optional(put->value);
  }
  return snapshot_->get(space, as_bytes(key));
}

Payload StateCore::get(Keyspace space, std::string_view key, uint64_t limit) const {
  if (const OverlayPut* put = overlay_.find(space, key, limit)) {
    return put->erase ? Payload() : Payload(put->value, put->batch->memory);
  }
  auto value = snapshot_->get(space, as_bytes(key));
  return value ? Payload(*value, snapshot_) : Payload();
}

Payload StateCore::payload_of(const Merged& at) const {
  return at.batch() != nullptr ? Payload(at.value(), at.batch()->memory)
                               : Payload(at.value(), snapshot_);
}

Payload StateCore::latest_event(uint64_t oid, Revision revision) const {
  auto value = snapshot_->get(Keyspace::kLatest, as_bytes(latest_key(oid)));
  auto record = value ? decode_record(*value) : std::nullopt;
  if (!record) return {};
  const auto* event = flatbuffers::GetRoot<wire::Event>(record->event.data());
  if (event->revision() != revision.value()) return {};
  return Payload(record->event, snapshot_);
}

FindRecord StateCore::finder(uint64_t limit) const {
  return [this, limit](uint64_t revision) {
    return peek(Keyspace::kJournal, revision_key(Revision(revision)), limit);
  };
}

Payload StateCore::event_of(Revision revision, const Payload& value, const Record& record,
                            uint64_t limit) const {
  if (record.header.format != RecordHeader::kDelta) return value.part(record.event);
  if (Payload latest = latest_event(record.header.oid, revision); !latest.empty()) return latest;
  auto event = store::event_of(finder(limit), record);
  KUBUS_CHECK(event);
  return Payload(std::move(event->made));
}

std::optional<ObjectEntry> StateCore::entry(Keyspace space, std::string_view key,
                                            uint64_t limit) const {
  auto value = peek(space, key, limit);
  return value ? std::optional(decode_entry(*value)) : std::nullopt;
}

LaneEntry StateCore::lane(std::string_view key, uint64_t limit) const {
  auto value = peek(Keyspace::kLanes, key, limit);
  return value ? decode_lane(*value) : LaneEntry();
}

// ---- the journal's answers ----

namespace {

Committed committed_of(const Batch& batch, const std::vector<ChangeNote>& changes) {
  Committed committed{batch.first, batch.last, batch.time_ns, {}};
  committed.events.reserve(changes.size());
  for (const ChangeNote& change : changes) {
    Record record = *decode_record(change.record);
    const auto* event = flatbuffers::GetRoot<wire::Event>(record.event.data());
    Published p;
    p.revision = change.revision;
    p.type = change.type;
    p.kind = change.kind;
    p.ns = event->namespace_()->string_view();
    p.name = event->name()->string_view();
    if (event->node() != nullptr) p.node = event->node()->string_view();
    p.event = Payload(record.event, batch.memory);
    if (record.header.notices > 0) {
      for (const NoticeEntry& n : record.all_notices()) {
        p.notices.push_back(
            {std::string(n.node), Payload(build_notice(record.event, n.node, n.previous))});
      }
    }
    committed.events.push_back(std::move(p));
  }
  return committed;
}

}  // namespace

void StateCore::on_committed(std::span<const Durable> durable) {
  std::vector<std::pair<State::Done, Committed>> finished;
  auto take_empty = [&] {
    while (!pending_.empty() && pending_.front().batch == nullptr) {
      finished.emplace_back(std::move(pending_.front().done), Committed{});
      pending_.pop_front();
    }
  };
  for (const Durable& d : durable) {
    take_empty();
    KUBUS_CHECK(!pending_.empty() && pending_.front().batch->last == d.last);
    PendingBatch p = std::move(pending_.front());
    pending_.pop_front();
    p.batch->chain = d.chain;
    committed_number_ = p.batch->number;
    committed_revision_ = d.last;
    committed_time_ = p.batch->time_ns;
    unapplied_bytes_ += p.batch->bytes;
    ++stats_.batches;
    stats_.changes += p.changes.size();
    for (const ChangeNote& c : p.changes) {
      if (!c.request.empty()) requests_.commit(c.request);
    }
    for (auto& [key, touched] : p.lanes) {
      moved_[key] = {std::move(touched.lane), Revision(touched.entry.revision)};
    }
    finished.emplace_back(std::move(p.done), committed_of(*p.batch, p.changes));
    unapplied_.push_back(std::move(p.batch));
  }
  take_empty();
  maybe_apply();
  for (auto& [done, committed] : finished) done(std::move(committed));
}

void StateCore::on_lost(const Error& error) {
  KUBUS_CHECK(!open_);
  journal_failure_ = "the journal failed: " + error.message;
  ports_.log.error(journal_failure_);
  std::vector<State::Done> undone;
  while (!pending_.empty()) {
    PendingBatch p = std::move(pending_.back());
    pending_.pop_back();
    if (p.batch) {
      overlay_.undo(p.batch.get(), 0);
      overlay_bytes_ -= p.batch->bytes;
      for (const ChangeNote& c : p.changes) requests_.forget(c.request);
    }
    undone.push_back(std::move(p.done));
  }
  last_number_ = committed_number_;
  last_revision_ = committed_revision_;
  last_time_ = committed_time_;
  for (auto done = undone.rbegin(); done != undone.rend(); ++done)
    (*done)(Error(Code::kUnavailable, journal_failure_));
}

}  // namespace kubus::store
