#include "services/store/state/purge.h"

#include <map>

#include "schemas/bus/event_generated.h"
#include "services/store/state/deltas.h"
#include "services/store/state/encoding.h"
#include "services/store/state/purged_event.h"

namespace kubus::store {
namespace {

constexpr size_t kMostVersions = 64, kMostBytes = 4 << 20;

template <class T>
ByteView bytes_in(const T* vector) {
  return vector == nullptr ? ByteView() : ByteView(vector->data(), vector->size());
}

class Step {
 public:
  Step(const Snapshot& tables, PurgeStep* step)
      : tables_(tables), step_(*step), redactor_(*step->plan->query.redactor) {}

  Status run() {
    const auto& versions = step_.plan->versions;
    size_t& at = step_.at = step_.from;
    for (; at < versions.size() && versions[at] <= step_.to; ++at) {
      if (at - step_.from >= kMostVersions || bytes_ >= kMostBytes) break;
      if (Status s = version(versions[at]); !s.ok()) return s;
    }
    return {};
  }
  std::vector<Rewritten> take() { return std::move(out_); }

 private:
  // One that was compacted meanwhile has nothing any more.
  Status version(uint64_t revision) {
    std::string key = revision_key(Revision(revision));
    auto value = record_at(revision);
    if (!value) return {};
    bytes_ += value->size();
    auto record = decode_record(*value);
    Buffer whole;
    if (!record || !make_whole(&*record, &whole)) return malformed(revision);
    const auto* event = flatbuffers::GetRoot<wire::Event>(record->event.data());
    bool secret = (record->header.flags & RecordHeader::kSecret) != 0;
    Buffer body;
    std::optional<ByteView> stored;
    if (secret) stored = tables_.get(Keyspace::kSecrets, as_bytes(key));
    if (stored) {
      auto opened = secrets::open(*step_.plan->keys, place(revision), *stored);
      if (!opened) return opened.error();
      body = *std::move(opened);
    }
    ByteView shown = secret ? bytes_in(event->metadata()) : bytes_in(event->object());
    if (!step_.scans)
      return rewrite(revision, *record, *event, shown, stored ? &*stored : nullptr, body);
    redactor_.collect(secret ? ByteView(body) : shown, &step_.values);
    return {};
  }

  // As this step leaves it.
  std::optional<ByteView> record_at(uint64_t revision) const {
    auto mine = made_whole_.find(revision);
    if (mine != made_whole_.end()) return as_bytes(mine->second);
    return tables_.get(Keyspace::kJournal, as_bytes(revision_key(Revision(revision))));
  }

  // Gives a delta its event. False: what it hangs on is not there.
  bool make_whole(Record* record, Buffer* event) const {
    if (record->header.format != RecordHeader::kDelta) return true;
    auto whole = event_of([this](uint64_t r) { return record_at(r); }, *record);
    if (!whole) return false;
    *event = std::move(whole->made);
    record->event = *event;
    return true;
  }

  // What hangs on a version is kept whole from now on: the version is about to change or to go. Its
  // header goes on to name the version, so that what both hang on stays for those behind them.
  Status free_dependents(uint64_t revision, uint64_t oid) {
    auto at = tables_.cursor(Keyspace::kHistory);
    std::string prefix = with_u64({}, oid);
    for (at->lower_bound(as_bytes(history_key(oid, Revision(revision + 1)))); at->valid();
         at->next()) {
      if (!as_text(at->key()).starts_with(prefix)) break;
      uint64_t later = read_u64(at->key(), prefix.size());
      auto value = record_at(later);
      auto record = value ? decode_record(*value) : std::nullopt;
      if (!record || record->header.place == 0) break;  // of another group
      bool hangs = record->header.format == RecordHeader::kDelta && record->header.base == revision;
      if (!hangs) continue;
      Buffer event;
      if (!make_whole(&*record, &event)) return malformed(later);
      std::string whole = archive::encode_record(record->header, event, record->notices);
      out_.push_back(
          {Keyspace::kJournal, revision_key(Revision(later)), Buffer(whole.begin(), whole.end())});
      made_whole_[later] = std::move(whole);
    }
    return {};
  }

  // What was kept only because versions hang on it holds the values too: it goes.
  Status clear_hidden(uint64_t oid) {
    for (uint64_t r : hidden_below(oid)) {
      if (Status s = free_dependents(r, oid); !s.ok()) return s;
      out_.push_back({Keyspace::kJournal, revision_key(Revision(r)), {}});
    }
    return {};
  }

  // Of the oldest version that can be read: what it hangs on and cannot be read itself.
  std::vector<uint64_t> hidden_below(uint64_t oid) const {
    auto at = tables_.cursor(Keyspace::kHistory);
    std::string prefix = with_u64({}, oid);
    at->lower_bound(as_bytes(prefix));
    if (!at->valid() || !as_text(at->key()).starts_with(prefix)) return {};
    std::vector<uint64_t> all = lineage(tables_, read_u64(at->key(), prefix.size()));
    all.erase(all.begin());
    return all;
  }

  Status rewrite(uint64_t revision, const Record& record, const wire::Event& event, ByteView shown,
                 const ByteView* stored, const Buffer& body) {
    auto new_shown = shown.empty() ? std::nullopt : redactor_.redact(shown, step_.values);
    auto new_body = body.empty() ? std::nullopt : redactor_.redact(body, step_.values);
    if (!new_shown && !new_body) return {};
    ++step_.changed;
    if (step_.first == 0) step_.first = revision;
    step_.last = revision;
    if (step_.plan->query.dry_run) return {};
    uint64_t oid = record.header.oid;
    if (Status s = free_dependents(revision, oid); !s.ok()) return s;
    if (Status s = clear_hidden(oid); !s.ok()) return s;
    std::string key = revision_key(Revision(revision));
    if (new_body && stored != nullptr) {
      out_.push_back({Keyspace::kSecrets, key,
                      secrets::replace(*step_.plan->keys, place(revision), *stored, *new_body,
                                       secrets::fresh_of(step_.seed, revision))});
    }
    Purged purged;
    purged.shown = new_shown ? ByteView(*new_shown) : shown;
    purged.paths = redactor_.paths();
    purged.scrub = [&](std::string_view text) { return redactor_.scrub(text, step_.values); };
    Buffer rebuilt = build_purged(event, purged);
    archive::Digest digest = archive::event_digest(record, record.event);
    std::string whole = archive::encode_record(record.header, rebuilt, record.notices, &digest);
    out_.push_back({Keyspace::kJournal, key, Buffer(whole.begin(), whole.end())});
    return {};
  }

  secrets::Place place(uint64_t revision) const { return {step_.plan->cluster, revision}; }
  static Error malformed(uint64_t revision) {
    return Error(Code::kInvalid,
                 "the tables hold no sound record of revision " + std::to_string(revision));
  }

  const Snapshot& tables_;
  PurgeStep& step_;
  const Redactor& redactor_;
  size_t bytes_ = 0;
  std::vector<Rewritten> out_;
  std::map<uint64_t, std::string> made_whole_;  // by revision
};

}  // namespace

std::vector<Rewritten> plan_purge(const Snapshot& tables, PurgeStep* step) {
  if (!step->plan) return {};
  Step s(tables, step);
  step->failure = s.run();
  return step->failure.ok() ? s.take() : std::vector<Rewritten>();
}

}  // namespace kubus::store
