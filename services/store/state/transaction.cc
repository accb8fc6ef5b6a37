// Building a batch: entries, lanes, index, the Event, and undoing it all.
#include <algorithm>

#include "schemas/lib/base/check.h"
#include "services/store/state/core.h"
#include "services/store/state/deltas.h"
#include "services/store/state/event_builder.h"
#include "services/store/state/index_terms.h"

namespace kubus::store {

// ---- the public face ----

Transaction::~Transaction() {
  if (core_ != nullptr) core_->abandon();
}
int64_t Transaction::time_ns() const {
  return core_->open_batch().batch->time_ns;
}
Revision Transaction::next_revision() const {
  return core_->next_revision();
}
View Transaction::view() const {
  return core_->latest();
}
Revision Transaction::add(const Change& change, const Origin& origin) {
  return core_->add(change, origin);
}
void Transaction::put_note(std::string_view name, ByteView value) {
  core_->put(Keyspace::kMeta, std::string(kMetaNote).append(name), as_text(value));
}
Transaction::Savepoint Transaction::savepoint() const {
  const OpenBatch& open = core_->open_batch();
  Arena::Mark mark = open.arena->mark();
  return {open.changes.size(),   open.batch->puts.size(),
          open.lane_undo.size(), open.records.size(),
          mark.chunks,           mark.used};
}
void Transaction::rollback(const Savepoint& to) {
  core_->rollback(to);
}
size_t Transaction::changes() const {
  return core_->open_batch().changes.size();
}
size_t Transaction::bytes() const {
  return core_->open_batch().arena->bytes();
}

// ---- opening and closing ----

void StateCore::begin() {
  KUBUS_CHECK(!open_);
  open_.emplace();
  open_->arena = std::make_shared<Arena>();
  auto batch = std::make_shared<Batch>();
  batch->number = ++last_number_;
  batch->first = last_revision_.next();
  batch->last = last_revision_;
  batch->time_ns = std::max(ports_.clock.wall_ns(), last_time_);
  batch->memory = open_->arena;
  open_->batch = std::move(batch);
}

void StateCore::abandon() {
  if (!open_) return;
  overlay_.undo(open_->batch.get(), 0);
  open_.reset();
  --last_number_;
}

void StateCore::rollback(const Transaction::Savepoint& to) {
  OpenBatch& open = *open_;
  overlay_.undo(open.batch.get(), to.puts);
  while (open.lane_undo.size() > to.lanes) {
    auto& [lane, entry] = open.lane_undo.back();
    open.lanes.find(lane)->second.entry = entry;
    open.lane_undo.pop_back();
  }
  open.changes.resize(to.changes);
  open.records.resize(to.records);
  open.batch->last = Revision(open.batch->first.value() - 1 + to.changes);
  open.arena->truncate({to.chunks, to.used});
}

void StateCore::put(Keyspace space, std::string_view key, std::string_view value) {
  uint8_t* at;
  OverlayPut put = Overlay::encode(open_->arena.get(), space, false, key, value.size(), &at);
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
  overlay_.add(open_->batch.get(), put);
}

void StateCore::erase(Keyspace space, std::string_view key) {
  uint8_t* at;
  overlay_.add(open_->batch.get(), Overlay::encode(open_->arena.get(), space, true, key, 0, &at));
}

// ---- one change ----

Revision StateCore::add(const Change& change, const Origin& origin) {
  KUBUS_CHECK(open_ && change.kind != nullptr && !change.name.empty());
  KUBUS_CHECK(change.ns.size() <= kMaxNs && change.name.size() <= kMaxName &&
              change.node.size() <= kMaxName);
  OpenBatch& open = *open_;
  Revision revision = next_revision();
  std::string key = object_key(change.kind->number, change.ns, change.name);

  uint64_t previous = 0;
  ObjectEntry entry = move_entry(change, key, revision, &previous);
  Links lanes = ride_lanes(change);
  RecordHeader header;
  std::string notices = change.referable ? notices_of(change, &header.notices) : std::string();
  index(change, key, &entry);
  for (uint64_t cause : origin.cause_revisions) {
    if (cause < revision.value()) put(Keyspace::kCauses, cause_key(cause, revision.value()), {});
  }
  if (change.type != ChangeType::kDeleted) put(Keyspace::kObjects, key, encode(entry));

  bool secret = change.kind->confidential;
  header.type = static_cast<uint8_t>(change.type);
  header.kind = change.kind->number;
  header.oid = entry.oid;
  header.marks = lanes.marks;
  header.flags = secret ? RecordHeader::kSecret : 0;
  if (change.type != ChangeType::kAdded)
    stand_behind(finder(open.batch->number), previous, &header);
  ByteView event = build_event(
      &builder_, change, origin,
      {revision.value(), open.batch->time_ns, lanes.resource, lanes.ns, previous, lanes.node});
  ByteView record = write_record(header, event, notices, revision);
  open.records.push_back(record.subspan(sizeof(RecordHeader), event.size()));
  if (secret) open.records.push_back(put_body(revision, change.object));
  char type = static_cast<char>(change.type);
  put(Keyspace::kHistory, history_key(entry.oid, revision), {&type, 1});
  open.changes.push_back({revision, change.type, change.kind, record,
                          RequestMemory::key_of(origin.actor, origin.request_id)});
  open.batch->last = revision;
  return revision;
}

ByteView StateCore::write_record(const RecordHeader& given, ByteView event,
                                 std::string_view notices, Revision revision) {
  RecordHeader header = given;
  header.event_size = static_cast<uint32_t>(event.size());
  size_t event_space = (event.size() + 7) & ~size_t{7},
         notice_space = (notices.size() + 7) & ~size_t{7};
  size_t size = sizeof(header) + event_space + notice_space;
  uint8_t* at;
  OverlayPut put = Overlay::encode(open_->arena.get(), Keyspace::kJournal, false,
                                   revision_key(revision), size, &at);
  std::memset(at + size - notice_space, 0, notice_space);
  std::memset(at + sizeof(header) + event.size(), 0, event_space - event.size());
  std::memcpy(at, &header, sizeof(header));
  std::memcpy(at + sizeof(header), event.data(), event.size());
  std::memcpy(at + sizeof(header) + event_space, notices.data(), notices.size());
  overlay_.add(open_->batch.get(), put);
  return put.value;
}

// The entry as it will stand; what it replaces among the dead or the living goes, but the new live
// one is not put yet.
ObjectEntry StateCore::move_entry(const Change& change, const std::string& key, Revision revision,
                                  uint64_t* previous) {
  uint64_t now = open_->batch->number;
  auto live = entry(Keyspace::kObjects, key, now);
  KUBUS_CHECK(live.has_value() == (change.type != ChangeType::kAdded));
  if (change.type == ChangeType::kAdded) {
    auto dead = entry(Keyspace::kDead, key, now);
    if (dead) erase(Keyspace::kDead, key);
    *previous = dead ? dead->revision : 0;
    return {revision.value(), revision.value(), dead ? dead->oid : revision.value(), 0};
  }
  *previous = live->revision;
  live->revision = revision.value();
  if (change.type == ChangeType::kDeleted) {
    erase(Keyspace::kObjects, key);
    put(Keyspace::kDead, key, encode(ObjectEntry{revision.value(), 0, live->oid, 0}));
  }
  return *live;
}

// ---- lanes ----

// Moves the lane's head to the next revision; returns where it was.
uint64_t StateCore::ride(const std::string& key, const Lane& lane, int live, bool* mark) {
  OpenBatch& open = *open_;
  auto at = open.lanes.find(key);
  if (at == open.lanes.end()) {
    at = open.lanes.emplace(key, TouchedLane{lane, this->lane(key, open.batch->number)}).first;
  }
  LaneEntry& entry = at->second.entry;
  open.lane_undo.emplace_back(key, entry);
  uint64_t previous = entry.revision;
  entry.revision = next_revision().value();
  entry.live += static_cast<uint64_t>(static_cast<int64_t>(live));
  *mark = ++entry.events % kMarkEvery == 0;
  if (*mark) put(Keyspace::kMarks, mark_key(key, next_revision()), {});
  return previous;
}

StateCore::Links StateCore::ride_lanes(const Change& c) {
  Links links;
  int live = c.type == ChangeType::kAdded ? 1 : c.type == ChangeType::kDeleted ? -1 : 0;
  bool mark = false;
  links.resource = ride(resource_lane(c.kind->number), Lane{c.kind, "", "", ""}, live, &mark);
  if (mark) links.marks |= RecordHeader::kMarkResource;
  if (!c.ns.empty()) {
    links.ns = ride(namespace_lane(c.kind->number, c.ns), Lane{c.kind, std::string(c.ns), "", ""},
                    live, &mark);
    if (mark) links.marks |= RecordHeader::kMarkNamespace;
  }
  if (!c.node.empty()) {
    links.node = ride(node_lane(c.node), Lane{nullptr, "", "", std::string(c.node)}, 0, &mark);
    if (mark) links.marks |= RecordHeader::kMarkNode;
  }
  return links;
}

// Those nodes whose Pods refer to the object, but for one that is given the event itself.
std::string StateCore::notices_of(const Change& change, uint32_t* count) {
  std::string encoded;
  for (const std::string& node : latest().nodes_referring(*change.kind, change.ns, change.name)) {
    if (node == change.node) continue;
    NoticeEntry notice{0, false, node};
    notice.previous = ride(node_lane(node), Lane{nullptr, "", "", node}, 0, &notice.mark);
    encode_notice(&encoded, notice);
    ++*count;
  }
  return encoded;
}

// ---- index ----

void StateCore::index(const Change& c, const std::string& key, ObjectEntry* entry) {
  bool gone = c.type == ChangeType::kDeleted;
  std::vector<std::string> terms;
  if (!gone) terms = index_terms(c.owners, c.node, c.references);
  std::vector<std::string> old;
  if ((entry->flags & ObjectEntry::kHasTerms) != 0) {
    old = decode_terms(*peek(Keyspace::kIndex, terms_key(entry->oid), open_->batch->number));
  }
  if (c.aged && c.type == ChangeType::kAdded) {
    put(Keyspace::kIndex, with_u64(age_prefix(c.kind->number), entry->created),
        with_u64({}, static_cast<uint64_t>(open_->batch->time_ns)) + key);
    entry->flags |= ObjectEntry::kAged;
  } else if (gone && (entry->flags & ObjectEntry::kAged) != 0) {
    erase(Keyspace::kIndex, with_u64(age_prefix(c.kind->number), entry->created));
  }
  if (old == terms) return;
  for (const std::string& term : old) {
    if (!std::binary_search(terms.begin(), terms.end(), term))
      erase(Keyspace::kIndex, with_u64(term, entry->oid));
  }
  for (const std::string& term : terms) {
    if (std::binary_search(old.begin(), old.end(), term)) continue;
    put(Keyspace::kIndex, with_u64(term, entry->oid), term_value(term, key, c.node));
  }
  if (terms.empty()) {
    erase(Keyspace::kIndex, terms_key(entry->oid));
    entry->flags &= static_cast<uint8_t>(~ObjectEntry::kHasTerms);
  } else {
    put(Keyspace::kIndex, terms_key(entry->oid), encode_terms(terms));
    entry->flags |= ObjectEntry::kHasTerms;
  }
}

// ---- sealing ----

void StateCore::seal() {
  for (const auto& [key, touched] : open_->lanes) put(Keyspace::kLanes, key, encode(touched.entry));
  open_->batch->bytes = open_->arena->bytes();
}

void StateCore::commit(State::Done done) {
  KUBUS_CHECK(open_);
  if (open_->changes.empty()) {
    abandon();
    if (pending_.empty()) return done(Committed{});
    pending_.push_back({nullptr, {}, {}, std::move(done)});
    return;
  }
  if (!journal_failure_.empty()) {
    abandon();
    return done(Error(Code::kUnavailable, journal_failure_));
  }
  seal();
  OpenBatch open = *std::move(open_);
  open_.reset();
  const Batch& batch = *open.batch;
  last_revision_ = batch.last;
  last_time_ = batch.time_ns;
  overlay_bytes_ += batch.bytes;
  for (const ChangeNote& change : open.changes) {
    if (!change.request.empty())
      requests_.add(change.request, change.revision, batch.time_ns, false);
  }
  requests_.expire(last_time_);
  JournalEntry entry{batch.first, batch.last, batch.time_ns, {}, std::move(open.records)};
  for (ByteView part : open.arena->parts()) entry.parts.emplace_back(part, open.arena);
  pending_.push_back(
      {std::move(open.batch), std::move(open.changes), std::move(open.lanes), std::move(done)});
  journal_->append(std::move(entry));
}

}  // namespace kubus::store
