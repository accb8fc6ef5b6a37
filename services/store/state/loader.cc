#include "services/store/state/loader.h"

#include <algorithm>

#include "bus/secrets/seal.h"
#include "schemas/lib/schema/registry.h"
#include "services/store/state/deltas.h"
#include "services/store/state/index_terms.h"

namespace kubus::store {
namespace {

constexpr size_t kFlushBytes = 64 << 20;
// So many versions are sorted in memory before they are written.
constexpr size_t kMostVersions = 32'000'000;

Error malformed(uint64_t revision, const char* what) {
  return Error(Code::kInvalid, "revision " + std::to_string(revision) + ": " + what);
}

ByteView metadata_of(const wire::Event& event) {
  const auto* bytes = event.metadata() != nullptr ? event.metadata() : event.object();
  return bytes == nullptr ? ByteView() : ByteView(bytes->data(), bytes->size());
}

}  // namespace

Loader::Loader(Engine& engine, std::string cluster, const Applied& horizon, IndexedOf indexed_of)
    : engine_(engine),
      cluster_(std::move(cluster)),
      horizon_(horizon),
      indexed_of_(std::move(indexed_of)),
      derived_(horizon) {}

Status Loader::add(const archive::Entry& entry, ByteView bytes) {
  auto record = decode_record(entry.record);
  if (!record)
    return malformed(entry.revision, "a record of a form that this program does not know");
  auto event = sound_event(entry.revision, *record, bytes);
  if (!event) return event.error();
  return add(entry, *record, **event);
}

Status Loader::add(const archive::Entry& entry, const Record& record, const wire::Event& event) {
  if (Status s = derived_.add(entry.revision, record, event); !s) return s;
  puts_.add(Keyspace::kJournal, revision_key(Revision(entry.revision)), entry.record);
  keep_secret(entry, event);
  if (derived_.versions().size() < kMostVersions) return flush(false);
  if (Status s = spill(false); !s) return s;
  return flush(false);
}

void Loader::keep_secret(const archive::Entry& entry, const wire::Event& event) {
  std::string key = revision_key(Revision(entry.revision));
  if (entry.what == archive::Entry::Secret::kBody && !entry.secret.empty())
    puts_.add(Keyspace::kSecrets, key, entry.secret);
  if (entry.what != archive::Entry::Secret::kDigest || entry.secret.size() != sizeof(Chain)) return;
  secrets::Digest digest{};
  std::copy(entry.secret.begin(), entry.secret.end(), digest.begin());
  puts_.add(Keyspace::kSecrets, key, secrets::stand_in(digest, metadata_of(event)));
}

// What is written in another order than it came in.
Status Loader::spill(bool all) {
  auto& versions = derived_.versions();
  std::sort(versions.begin(), versions.end(), [](const auto& a, const auto& b) {
    return a.oid != b.oid ? a.oid < b.oid : a.revision < b.revision;
  });
  for (const auto& v : versions) {
    puts_.add(Keyspace::kHistory, history_key(v.oid, Revision(v.revision)), {&v.type, 1});
    if (Status s = flush(false); !s) return s;
  }
  versions.clear();
  auto& effects = derived_.effects();
  std::sort(effects.begin(), effects.end(), [](const auto& a, const auto& b) {
    return a.cause != b.cause ? a.cause < b.cause : a.revision < b.revision;
  });
  for (const auto& e : effects) {
    puts_.add(Keyspace::kCauses, cause_key(e.cause, e.revision), {});
    if (Status s = flush(false); !s) return s;
  }
  effects.clear();
  if (!all) return {};
  for (const std::string& mark : derived_.marks()) puts_.add(Keyspace::kMarks, mark, {});
  return flush(true);
}

Status Loader::flush(bool all) {
  if (puts_.bytes() == 0 || (!all && puts_.bytes() < kFlushBytes)) return {};
  Status written = engine_.write(puts_.sorted());
  puts_.clear();
  return written;
}

Status Loader::finish(const Chain& chain) {
  derived_.finish();
  if (Status s = spill(true); !s) return s;
  if (Status s = write_names(); !s) return s;
  for (const auto& [key, lane] : derived_.lanes())
    puts_.add(Keyspace::kLanes, key, as_bytes(encode(lane.entry)));
  uint32_t format = kStateFormat;
  horizon_.time_ns = std::max(horizon_.time_ns, derived_.horizon_time_ns());
  uint64_t last = std::max(derived_.last(), horizon_.revision);
  int64_t time = std::max(derived_.last_time_ns(), horizon_.time_ns);
  puts_.add(Keyspace::kMeta, kMetaFormat,
            {reinterpret_cast<const uint8_t*>(&format), sizeof(format)});
  puts_.add(Keyspace::kMeta, kMetaCluster, as_bytes(cluster_));
  puts_.add(Keyspace::kMeta, kMetaCompacted, as_bytes(encode(horizon_)));
  puts_.add(Keyspace::kMeta, kMetaApplied, as_bytes(encode(Applied{last, time, chain})));
  return flush(true);
}

Status Loader::write_names() {
  auto tables = engine_.snapshot();
  if (!tables) return tables.error();
  for (const auto& [oid, name] : derived_.names()) {
    ObjectEntry entry = name.entry;
    if (name.live) {
      if (Status s = finish_name(**tables, name, &entry); !s) return s;
    }
    puts_.add(name.live ? Keyspace::kObjects : Keyspace::kDead, name.key, as_bytes(encode(entry)));
    if (Status s = flush(false); !s) return s;
  }
  tables = std::shared_ptr<const Snapshot>();
  return flush(true);
}

// The whole record of what is a delta lies beside it; and the index learns of the object.
Status Loader::finish_name(const Snapshot& tables, const Derivation::Name& name,
                           ObjectEntry* entry) {
  if (name.format != RecordHeader::kDelta && !indexed_of_) return {};
  auto value = tables.get(Keyspace::kJournal, as_bytes(revision_key(Revision(entry->revision))));
  auto record = value ? decode_record(*value) : std::nullopt;
  auto bytes = record ? event_of(tables, *record) : std::nullopt;
  if (!bytes) return malformed(entry->revision, "its record is not there any more");
  bool secret = (record->header.flags & RecordHeader::kSecret) != 0;
  if (record->header.format == RecordHeader::kDelta && !secret) {
    std::string whole = archive::encode_record(record->header, bytes->view, record->notices);
    puts_.add(Keyspace::kLatest, latest_key(entry->oid), as_bytes(whole));
  }
  if (!indexed_of_) return {};
  const auto* kind = schema::Registry::get().by_number(name.kind);
  const auto* event = flatbuffers::GetRoot<wire::Event>(bytes->view.data());
  Indexed indexed = indexed_of_(*kind, metadata_of(*event));
  auto terms = index_terms(indexed.owners, name.node, indexed.references);
  for (const std::string& term : terms) {
    puts_.add(Keyspace::kIndex, with_u64(term, entry->oid),
              as_bytes(term_value(term, name.key, name.node)));
  }
  if (!terms.empty()) {
    puts_.add(Keyspace::kIndex, terms_key(entry->oid), as_bytes(encode_terms(terms)));
    entry->flags |= ObjectEntry::kHasTerms;
  }
  if (!indexed.aged) return {};
  puts_.add(Keyspace::kIndex, with_u64(age_prefix(name.kind), entry->created),
            as_bytes(with_u64({}, static_cast<uint64_t>(name.created_ns)) + name.key));
  entry->flags |= ObjectEntry::kAged;
  return {};
}

}  // namespace kubus::store
