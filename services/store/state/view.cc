// Reads of one object, its past, and the index.
#include "services/store/state/view.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/base/check.h"
#include "services/store/state/core.h"
#include "services/store/state/past.h"

namespace kubus::store {

// ---- past.h ----

Payload body_of(const StateCore& core, Revision revision, uint64_t limit) {
  Payload value = core.get(Keyspace::kJournal, revision_key(revision), limit);
  auto record = decode_record(value.view());
  KUBUS_CHECK(record);
  bool secret = (record->header.flags & RecordHeader::kSecret) != 0;
  if (secret) {
    Payload stored = core.get(Keyspace::kSecrets, revision_key(revision), limit);
    Payload body = core.open_body(revision, std::move(stored));
    if (!body.empty()) return body;
  }
  // Where there is no body, in what was made of an archive without them, or none may be opened, the
  // metadata on the event stands for the object.
  Payload event = core.event_of(revision, value, *record, limit);
  const auto* root = flatbuffers::GetRoot<wire::Event>(event.data());
  const auto* object = secret ? root->metadata() : root->object();
  if (object == nullptr) return {};
  return event.part({object->data(), object->size()});
}

Stored stored_of(const StateCore& core, const ObjectEntry& entry, uint64_t limit) {
  return {Revision(entry.revision), Revision(entry.created),
          body_of(core, Revision(entry.revision), limit)};
}

namespace {

ChangeType type_of(ByteView history_value) {
  return static_cast<ChangeType>(history_value[0]);
}

// When the life of the name that goes on at `at` began; as far back as the history reaches.
Revision life_began(const StateCore& core, uint64_t oid, Revision at, uint64_t limit) {
  Merged m = core.merged(Keyspace::kHistory, limit);
  Revision began = at;
  std::string prefix = with_u64({}, oid);
  for (m.seek_below(history_key(oid, at.next())); m.at_prefix(prefix); m.prev()) {
    ChangeType type = type_of(m.value());
    if (type == ChangeType::kDeleted) break;
    began = Revision(read_u64(m.key(), 8));
    if (type == ChangeType::kAdded) break;
  }
  return began;
}

}  // namespace

Stored stored_at(const StateCore& core, const ObjectEntry& entry, Revision at, uint64_t limit) {
  if (entry.oid > at.value()) return {};
  if (entry.created != 0 && entry.revision <= at.value()) return stored_of(core, entry, limit);
  Merged m = core.merged(Keyspace::kHistory, limit);
  m.seek_below(history_key(entry.oid, at.next()));
  if (!m.at_prefix(with_u64({}, entry.oid)) || type_of(m.value()) == ChangeType::kDeleted)
    return {};
  Revision revision(read_u64(m.key(), 8));
  Revision created(entry.created);
  if (entry.created == 0 || entry.created > at.value())
    created = life_began(core, entry.oid, revision, limit);
  return {revision, created, body_of(core, revision, limit)};
}

// ---- View ----

Revision View::compacted() const {
  return core_->compacted();
}

int64_t View::time_ns() const {
  if (past_) {
    Payload there = event(revision_);
    if (there.empty()) return core_->compacted_.time_ns;
    return flatbuffers::GetRoot<wire::Event>(there.data())->time();
  }
  if (limit_ <= core_->committed_number_) return core_->committed_time_;
  return core_->open_ ? core_->open_->batch->time_ns : core_->last_time_;
}

Stored View::find(const schema::KindInfo& kind, std::string_view ns, std::string_view name) const {
  if (past_) {
    auto then = find_at(kind, ns, name, revision_);
    return then ? *std::move(then) : Stored();
  }
  auto entry = core_->entry(Keyspace::kObjects, object_key(kind.number, ns, name), limit_);
  return entry ? stored_of(*core_, *entry, limit_) : Stored();
}

Revision View::revision_of(const schema::KindInfo& kind, std::string_view ns,
                           std::string_view name) const {
  if (past_) return find(kind, ns, name).revision;
  auto entry = core_->entry(Keyspace::kObjects, object_key(kind.number, ns, name), limit_);
  return entry ? Revision(entry->revision) : Revision();
}

Status View::readable_at(Revision at) const {
  if (at > revision_) {
    return Error(Code::kBadRequest, "revision " + std::to_string(at.value()) +
                                        " lies ahead; the present is " +
                                        std::to_string(revision_.value()));
  }
  if (at < compacted()) {
    return Error(Code::kExpired, "revision " + std::to_string(at.value()) +
                                     " has been compacted; the oldest is " +
                                     std::to_string(compacted().value()));
  }
  return {};
}

Result<Stored> View::find_at(const schema::KindInfo& kind, std::string_view ns,
                             std::string_view name, Revision at) const {
  if (Status s = readable_at(at); !s.ok()) return s.error();
  std::string key = object_key(kind.number, ns, name);
  auto entry = core_->entry(Keyspace::kObjects, key, limit_);
  if (!entry) entry = core_->entry(Keyspace::kDead, key, limit_);
  return entry ? stored_at(*core_, *entry, at, limit_) : Stored();
}

Payload View::event(Revision revision) const {
  Payload value = core_->get(Keyspace::kJournal, revision_key(revision), limit_);
  auto record = decode_record(value.view());
  return record ? core_->event_of(revision, value, *record, limit_) : Payload();
}

HistoryPage View::history(const schema::KindInfo& kind, std::string_view ns, std::string_view name,
                          Revision before, size_t limit, size_t max_bytes) const {
  HistoryPage page;
  std::string key = object_key(kind.number, ns, name);
  auto entry = core_->entry(Keyspace::kObjects, key, limit_);
  if (!entry) entry = core_->entry(Keyspace::kDead, key, limit_);
  if (!entry) return page;
  Merged m = core_->merged(Keyspace::kHistory, limit_);
  std::string prefix = with_u64({}, entry->oid);
  size_t bytes = 0;
  Revision last;
  Revision below = before && before <= revision_ ? before : revision_.next();
  for (m.seek_below(history_key(entry->oid, below)); m.at_prefix(prefix); m.prev()) {
    if (page.events.size() >= limit || bytes >= max_bytes) {
      page.next = last;
      break;
    }
    last = Revision(read_u64(m.key(), 8));
    page.events.push_back(event(last));
    bytes += page.events.back().size();
  }
  return page;
}

Result<Revision> View::revision_at(int64_t time_ns) const {
  auto time_of = [&](uint64_t r) {
    Payload e = event(Revision(r));
    KUBUS_CHECK(!e.empty());
    return flatbuffers::GetRoot<wire::Event>(e.data())->time();
  };
  // The last revision whose time is not later lies in [low, high): low is 0 or known to be early
  // enough.
  uint64_t low = compacted().value(), high = revision_.value() + 1;
  if (low > 0 && core_->compacted_.time_ns > time_ns) {
    return Error(Code::kExpired, "what was at that time has been compacted");
  }
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    (time_of(middle) <= time_ns ? low : high) = middle;
  }
  return Revision(low);
}

// ---- index ----

namespace {

std::vector<View::Name> names_below(const StateCore& core, const std::string& prefix,
                                    uint64_t limit, size_t max) {
  std::vector<View::Name> names;
  Merged m = core.merged(Keyspace::kIndex, limit);
  for (m.seek_from(prefix); m.at_prefix(prefix) && names.size() < max; m.next()) {
    names.push_back(decode_object_key(as_text(m.value())));
  }
  return names;
}

}  // namespace

std::vector<View::Name> View::dependents(std::string_view owner_uid, size_t limit) const {
  return names_below(*core_, owner_prefix(owner_uid), limit_, limit);
}

std::vector<View::Name> View::on_node(std::string_view node, size_t limit) const {
  return names_below(*core_, node_prefix(node), limit_, limit);
}

std::vector<std::string> View::nodes_referring(const schema::KindInfo& kind, std::string_view ns,
                                               std::string_view name) const {
  std::vector<std::string> nodes;
  std::string prefix = reference_prefix(object_key(kind.number, ns, name));
  Merged m = core_->merged(Keyspace::kIndex, limit_);
  m.seek_from(prefix);
  while (m.at_prefix(prefix)) {
    nodes.emplace_back(as_text(m.value()));
    // Skips the node's other Pods: the key goes on with the node's hash.
    uint64_t hash = read_u64(m.key(), prefix.size());
    if (hash == UINT64_MAX) break;
    m.seek_from(with_u64(prefix, hash + 1));
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

bool View::refers(std::string_view node, const schema::KindInfo& kind, std::string_view ns,
                  std::string_view name) const {
  std::string prefix = reference_prefix(object_key(kind.number, ns, name), node);
  Merged m = core_->merged(Keyspace::kIndex, limit_);
  m.seek_from(prefix);
  return m.at_prefix(prefix) && as_text(m.value()) == node;
}

std::vector<Revision> View::effects(Revision cause, size_t limit) const {
  std::vector<Revision> out;
  std::string prefix = cause_prefix(cause.value());
  Merged m = core_->merged(Keyspace::kCauses, limit_);
  for (m.seek_from(prefix); m.at_prefix(prefix) && out.size() < limit; m.next())
    out.emplace_back(read_u64(m.key(), prefix.size()));
  return out;
}

Payload View::note(std::string_view name) const {
  return core_->get(Keyspace::kMeta, std::string(kMetaNote).append(name), limit_);
}

}  // namespace kubus::store
