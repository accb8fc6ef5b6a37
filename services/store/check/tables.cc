#include "services/store/check/tables.h"

#include <algorithm>

#include "bus/archive/file/unpacker.h"
#include "bus/secrets/seal.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/schema/registry.h"
#include "services/store/check/expected.h"
#include "services/store/check/places.h"
#include "services/store/state/deltas.h"
#include "services/store/state/derivation.h"
#include "services/store/state/index_terms.h"

namespace kubus::store {
namespace {

constexpr size_t kEntryBytes = 25;
constexpr flatbuffers::uoffset_t kMostDepth = 64, kMostTables = 1'000'000;

std::string at_revision(uint64_t revision, const std::string& what) {
  return "revision " + std::to_string(revision) + ": " + what;
}

ByteView metadata_of(const wire::Event& event) {
  const auto* bytes = event.metadata() != nullptr ? event.metadata() : event.object();
  return bytes == nullptr ? ByteView() : ByteView(bytes->data(), bytes->size());
}

class Check {
 public:
  Check(const Snapshot& tables, const TablesCheck& options) : tables_(tables), options_(options) {}

  Result<CheckedTables> run() {
    Status s = read_meta();
    if (s) {
      derived_.emplace(out_.horizon);
      places_.emplace(out_.horizon.revision);
      s = walk_records();
    }
    if (s) s = compare_end();
    if (s) {
      derived_->finish();
      s = compare_all();
    }
    if (!s) return s.error();
    return out_;
  }

 private:
  Status compare_all() {
    for (auto part : {&Check::compare_history, &Check::compare_names, &Check::compare_lanes,
                      &Check::compare_marks, &Check::compare_causes, &Check::compare_index,
                      &Check::compare_latest, &Check::compare_secrets, &Check::check_audit}) {
      if (Status s = (this->*part)(); !s) return s;
    }
    return {};
  }

  Status read_meta() {
    auto value = [&](std::string_view key, size_t size) -> std::optional<ByteView> {
      auto v = tables_.get(Keyspace::kMeta, as_bytes(key));
      return v && v->size() == size ? v : std::nullopt;
    };
    auto format = value(kMetaFormat, sizeof(uint32_t));
    uint32_t number = 0;
    if (format) std::memcpy(&number, format->data(), sizeof(number));
    if (number != kStateFormat) {
      return differs("meta", "the format is " + std::to_string(number) + ", not " +
                                 std::to_string(kStateFormat) +
                                 "; an older store is brought to it by its next start");
    }
    auto cluster = tables_.get(Keyspace::kMeta, as_bytes(kMetaCluster));
    if (!cluster || cluster->empty()) return differs("meta", "the name of the cluster is missing");
    cluster_ = as_text(*cluster);
    auto applied = value(kMetaApplied, sizeof(Applied)),
         compacted = value(kMetaCompacted, sizeof(Applied));
    if (!applied || !compacted)
      return differs("meta", "how far it is applied or compacted is missing or malformed");
    out_.applied = decode_applied(*applied);
    out_.horizon = decode_applied(*compacted);
    if (out_.horizon.revision <= out_.applied.revision) return {};
    return differs("meta", "it is compacted beyond what is applied");
  }

  // ---- records ----

  Status walk_records() {
    chain_ = out_.horizon.chain;
    uint64_t last = 0;
    auto at = tables_.cursor(Keyspace::kJournal);
    for (at->lower_bound({}); at->valid(); at->next()) {
      if (at->key().size() != sizeof(uint64_t))
        return differs("journal", shown_key(as_text(at->key())) + " is no revision");
      uint64_t revision = read_u64(at->key(), 0);
      bool dense = revision <= out_.horizon.revision ||
                   revision == std::max(last, out_.horizon.revision) + 1;
      if (!dense) {
        return differs("journal", at_revision(std::max(last, out_.horizon.revision) + 1,
                                              "its record is missing"));
      }
      last = revision;
      auto record = decode_record(at->value());
      if (!record)
        return differs("journal", at_revision(revision, "a record of no form that there is"));
      if (Status s = pass(revision, *record); !s) return s;
      ++out_.records;
    }
    return {};
  }

  Status pass(uint64_t revision, const Record& record) {
    auto bytes = unpacker_.take(revision, record);
    if (!bytes) {
      return differs("journal", at_revision(revision,
                                            "the version that it hangs on is missing or "
                                            "does not fit"));
    }
    auto event = sound_event(revision, record, *bytes);
    if (!event) return differs("journal", event.error().message);
    if (Status s = derived_->add(revision, record, **event); !s)
      return differs("journal", s.error().message);
    if (!places_->add(revision, record))
      return differs("journal", at_revision(revision, "it stands elsewhere among its versions"));
    if (revision <= out_.horizon.revision) return {};
    Chain digest = archive::event_digest(record, *bytes);
    chain_ = chain_next(chain_, digest);
    if ((record.header.flags & RecordHeader::kSecret) != 0) {
      auto body = tables_.get(Keyspace::kSecrets, as_bytes(revision_key(Revision(revision))));
      if (!body) return differs("secrets", at_revision(revision, "the body is missing"));
      secrets_.push_back(revision);
      chain_ = chain_next(chain_, *body);
    }
    return options_.each ? options_.each(revision, digest, chain_) : Status();
  }

  Status compare_end() {
    uint64_t last = std::max(derived_->last(), out_.horizon.revision);
    if (last < out_.applied.revision)
      return differs("journal", at_revision(last + 1, "its record is missing"));
    if (last > out_.applied.revision) {
      return differs("journal", at_revision(out_.applied.revision + 1,
                                            "it is there, though it was not applied"));
    }
    if (chain_ != out_.applied.chain) {
      return differs("meta", "the chain of hashes does not lead from revision " +
                                 std::to_string(out_.horizon.revision) + " to " +
                                 std::to_string(last) + ": a record was altered");
    }
    if (last > out_.horizon.revision && derived_->last_time_ns() != out_.applied.time_ns)
      return differs("meta", "the time of the last record is another");
    return {};
  }

  // ---- what follows from them ----

  Status compare_history() {
    auto& versions = derived_->versions();
    std::sort(versions.begin(), versions.end(), [](const auto& a, const auto& b) {
      return a.oid != b.oid ? a.oid < b.oid : a.revision < b.revision;
    });
    auto at = tables_.cursor(Keyspace::kHistory);
    at->lower_bound({});
    for (const auto& v : versions) {
      std::string key = history_key(v.oid, Revision(v.revision));
      bool there = at->valid() && as_text(at->key()) == key;
      if (!there && at->valid() && as_text(at->key()) < key) return not_in_history(at->key());
      if (!there) return differs("history", at_revision(v.revision, "it is missing"));
      if (at->value().size() != 1 || at->value()[0] != v.type)
        return differs("history", at_revision(v.revision, "it says another kind of change"));
      at->next();
    }
    return at->valid() ? Status(not_in_history(at->key())) : Status();
  }
  Error not_in_history(ByteView key) const {
    if (key.size() != 2 * sizeof(uint64_t))
      return differs("history", shown_key(as_text(key)) + " is no version");
    uint64_t revision = read_u64(key, sizeof(uint64_t));
    if (!tables_.get(Keyspace::kJournal, as_bytes(revision_key(Revision(revision)))))
      return differs("history", at_revision(revision, "the table journal holds no record of it"));
    return differs("history", at_revision(revision, "it is no version that can be read"));
  }

  Status compare_names() {
    std::vector<const Derivation::Name*> live, dead;
    for (const auto& [oid, name] : derived_->names()) (name.live ? live : dead).push_back(&name);
    out_.objects = live.size();
    if (Status s = compare_entries(Keyspace::kObjects, "objects", &live); !s) return s;
    return compare_entries(Keyspace::kDead, "dead", &dead);
  }
  Status compare_entries(Keyspace space, const char* table,
                         std::vector<const Derivation::Name*>* names) {
    std::sort(names->begin(), names->end(),
              [](const auto* a, const auto* b) { return a->key < b->key; });
    auto at = tables_.cursor(space);
    at->lower_bound({});
    for (const auto* name : *names) {
      std::string_view key = at->valid() ? as_text(at->key()) : std::string_view();
      if (at->valid() && key < name->key)
        return differs(table, shown_key(key) + " should not be there");
      if (!at->valid() || key != name->key)
        return differs(table, shown_key(name->key) + " is missing");
      if (Status s = compare_entry(table, *name, at->value()); !s) return s;
      at->next();
    }
    if (!at->valid()) return {};
    return differs(table, shown_key(as_text(at->key())) + " should not be there");
  }
  Status compare_entry(const char* table, const Derivation::Name& name, ByteView value) {
    auto other = [&](const char* what) {
      return differs(table, shown_key(name.key) + " has another " + what);
    };
    if (value.size() != kEntryBytes) return other("value");
    ObjectEntry entry = decode_entry(value);
    if (entry.oid != name.entry.oid) return other("number");
    if (entry.revision != name.entry.revision) return other("revision");
    // When a life began below the horizon, the records do not say.
    bool begins = name.began || !name.live
                      ? entry.created == name.entry.created
                      : entry.created >= entry.oid && entry.created <= entry.revision;
    if (!begins) return other("beginning");
    if (name.live) entries_[entry.oid] = entry;
    return {};
  }

  Status compare_lanes() {
    auto at = tables_.cursor(Keyspace::kLanes);
    auto derived = derived_->lanes().begin(), end = derived_->lanes().end();
    for (at->lower_bound({}); at->valid(); at->next()) {
      std::string key(as_text(at->key()));
      if (derived != end && derived->first < key) break;
      if (at->value().size() != sizeof(LaneEntry))
        return differs("lanes", shown_key(key) + " has a malformed value");
      LaneEntry entry = decode_lane(at->value());
      bool known = derived != end && derived->first == key;
      if (Status s = compare_lane(key, entry, known ? &derived->second : nullptr); !s) return s;
      if (known) ++derived;
    }
    return derived == end ? Status()
                          : Status(differs("lanes", shown_key(derived->first) + " is missing"));
  }
  // `derived` nullptr: nothing is left of what rode there.
  Status compare_lane(const std::string& key, const LaneEntry& entry,
                      const Derivation::LaneState* derived) const {
    static const Derivation::LaneState kNone;
    const auto& d = derived == nullptr ? kNone : *derived;
    auto other = [&](const char* what) {
      return differs("lanes", shown_key(key) + " has another " + what);
    };
    bool head = d.exact ? entry.revision == d.entry.revision
                        : entry.revision >= d.entry.revision &&
                              entry.revision <= out_.horizon.revision && entry.revision > 0;
    if (!head) return other("head");
    if (entry.live != d.entry.live) return other("number of objects");
    bool events = out_.horizon.revision == 0
                      ? entry.events == d.entry.events
                      : !d.phased || entry.events % kMarkEvery == d.entry.events % kMarkEvery;
    return events ? Status() : Status(other("number of events"));
  }

  Status compare_marks() {
    Expected marks(Keyspace::kMarks, "marks");
    for (std::string& mark : derived_->marks()) marks.add(std::move(mark));
    return marks.compare(tables_);
  }

  // Programs that knew no causes wrote none: what they left is taken as it is.
  Status compare_causes() {
    uint64_t from = 0;
    if (auto v = tables_.get(Keyspace::kMeta, as_bytes(kMetaCausesFrom));
        v && v->size() == sizeof(from))
      std::memcpy(&from, v->data(), sizeof(from));
    Expected causes(Keyspace::kCauses, "causes");
    for (const auto& e : derived_->effects()) {
      if (e.revision >= from) causes.add(cause_key(e.cause, e.revision));
    }
    auto at = tables_.cursor(Keyspace::kCauses);
    for (at->lower_bound({}); from > 0 && at->valid(); at->next()) {
      bool older =
          at->key().size() == 2 * sizeof(uint64_t) && read_u64(at->key(), sizeof(uint64_t)) < from;
      if (older) causes.add(std::string(as_text(at->key())));
    }
    return causes.compare(tables_);
  }

  // ---- what follows from the living ----

  std::optional<EventBytes> event_at(uint64_t revision) {
    auto value = tables_.get(Keyspace::kJournal, as_bytes(revision_key(Revision(revision))));
    auto record = value ? decode_record(*value) : std::nullopt;
    return record ? event_of(tables_, *record) : std::nullopt;
  }

  Status compare_index() {
    Expected index(Keyspace::kIndex, "index");
    for (const auto& [oid, name] : derived_->names()) {
      if (!name.live) continue;
      auto bytes = event_at(name.entry.revision);
      if (!bytes) return differs("journal", at_revision(name.entry.revision, "it cannot be read"));
      if (Status s = expect_index(name, bytes->view, &index); !s) return s;
    }
    return index.compare(tables_);
  }
  Status expect_index(const Derivation::Name& name, ByteView bytes, Expected* index) {
    const auto* kind = schema::Registry::get().by_number(name.kind);
    const auto* event = flatbuffers::GetRoot<wire::Event>(bytes.data());
    Indexed indexed = options_.indexed_of(*kind, metadata_of(*event));
    const ObjectEntry& entry = entries_[name.entry.oid];
    auto terms = index_terms(indexed.owners, name.node, indexed.references);
    for (const std::string& term : terms)
      index->add(with_u64(term, entry.oid), std::string(term_value(term, name.key, name.node)));
    if (!terms.empty()) index->add(terms_key(entry.oid), encode_terms(terms));
    uint8_t flags =
        (terms.empty() ? 0 : ObjectEntry::kHasTerms) | (indexed.aged ? ObjectEntry::kAged : 0);
    if (entry.flags != flags)
      return differs("objects", shown_key(name.key) + " says another thing of the index");
    if (!indexed.aged) return {};
    std::string key = with_u64(age_prefix(name.kind), entry.created);
    int64_t time = name.created_ns;
    if (!name.began) {  // when it was made, the records do not say
      auto value = tables_.get(Keyspace::kIndex, as_bytes(key));
      if (value && value->size() >= sizeof(uint64_t))
        time = static_cast<int64_t>(read_u64(*value, 0));
    }
    index->add(std::move(key), with_u64({}, static_cast<uint64_t>(time)) + name.key);
    return {};
  }

  Status compare_latest() {
    for (const auto& [oid, name] : derived_->names()) {
      if (!name.live) continue;
      bool secret = schema::Registry::get().by_number(name.kind)->confidential;
      bool needed = name.format == RecordHeader::kDelta && !secret;
      auto value = tables_.get(Keyspace::kLatest, as_bytes(latest_key(oid)));
      if (!value && needed)
        return differs("latest", "the object " + shown_key(name.key) + " is missing");
      if (!value) continue;
      auto beside = decode_record(*value);
      auto event = event_at(name.entry.revision);
      bool same = beside && event && !secret && beside->header.oid == oid &&
                  beside->header.format != RecordHeader::kDelta &&
                  as_text(beside->event) == as_text(event->view);
      if (!same)
        return differs("latest", "the object " + shown_key(name.key) + " is another version");
    }
    auto at = tables_.cursor(Keyspace::kLatest);
    for (at->lower_bound({}); at->valid(); at->next()) {
      if (!lives(at->key()))
        return differs("latest", shown_key(as_text(at->key())) + " should not be there");
    }
    return {};
  }
  bool lives(ByteView key) const {
    if (key.size() != sizeof(uint64_t)) return false;
    auto at = derived_->names().find(read_u64(key, 0));
    return at != derived_->names().end() && at->second.live;
  }

  // ---- the rest ----

  Status compare_secrets() {
    for (const auto& v : derived_->versions()) {
      uint16_t kind = derived_->names().at(v.oid).kind;
      bool below = v.revision <= out_.horizon.revision;
      if (below && schema::Registry::get().by_number(kind)->confidential)
        secrets_.push_back(v.revision);
    }
    std::sort(secrets_.begin(), secrets_.end());
    auto at = tables_.cursor(Keyspace::kSecrets);
    at->lower_bound({});
    for (uint64_t revision : secrets_) {
      std::string key = revision_key(Revision(revision));
      if (at->valid() && as_text(at->key()) < key) break;
      if (!at->valid() || as_text(at->key()) != key)
        return differs("secrets", at_revision(revision, "the body is missing"));
      if (options_.keys != nullptr) {
        Status opens = secrets::check(*options_.keys, {cluster_, revision}, at->value());
        if (!opens) return differs("secrets", at_revision(revision, opens.error().message));
      }
      at->next();
    }
    if (!at->valid()) return {};
    return differs("secrets", shown_key(as_text(at->key())) + " should not be there");
  }

  Status check_audit() {
    auto at = tables_.cursor(Keyspace::kAudit);
    for (at->lower_bound({}); at->valid(); at->next()) {
      ByteView value = at->value();
      bool sound = value.size() > sizeof(uint64_t);
      if (sound) {
        value = value.subspan(sizeof(uint64_t));
        flatbuffers::Verifier verifier(value.data(), value.size(), kMostDepth, kMostTables);
        sound = verifier.VerifyBuffer<wire::Refusal>(nullptr);
      }
      if (!sound) return differs("audit", shown_key(as_text(at->key())) + " is malformed");
    }
    return {};
  }

  const Snapshot& tables_;
  const TablesCheck& options_;
  CheckedTables out_;
  std::string cluster_;
  std::optional<Derivation> derived_;
  std::optional<Places> places_;
  archive::Unpacker unpacker_;
  Chain chain_{};
  std::vector<uint64_t> secrets_;                      // revisions that have a body
  std::unordered_map<uint64_t, ObjectEntry> entries_;  // of the living, by oid
};

}  // namespace

Result<CheckedTables> check_tables(const Snapshot& tables, const TablesCheck& check) {
  return Check(tables, check).run();
}

}  // namespace kubus::store
