#include "services/store/state/compaction.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "services/store/state/deltas.h"

namespace kubus::store {
namespace {

class Planner {
 public:
  explicit Planner(const Snapshot& tables) : tables_(tables) {}

  // False: it is too young.
  bool pass(uint64_t revision, const Record& record, ByteView bytes, const CompactionStep& step,
            Applied* compacted) {
    const auto* event = flatbuffers::GetRoot<wire::Event>(bytes.data());
    if (revision > step.anyway && event->time() >= step.before_ns) return false;
    bool secret = (record.header.flags & RecordHeader::kSecret) != 0;
    extend_chain(revision, record, bytes, secret, compacted);
    if (event->previous_object() != 0)
      forget_previous(record.header.oid, revision, event->previous_object(), secret);
    if (event->type() == wire::EventType::Deleted) {
      forget(record.header.oid, revision, secret);
      for (uint64_t r : lineage(tables_, revision)) forget_record(r);
      forget_name(revision, *event, record.header.kind);
    }
    forget_marks(revision, *event, record);
    forget_causes(revision, *event);
    compacted->revision = revision;
    compacted->time_ns = event->time();
    return true;
  }

  std::vector<Erasure> take() { return std::move(erasures_); }

 private:
  void extend_chain(uint64_t revision, const Record& record, ByteView bytes, bool secret,
                    Applied* compacted) {
    compacted->chain = chain_next(compacted->chain, archive::event_digest(record, bytes));
    if (!secret) return;
    auto body = tables_.get(Keyspace::kSecrets, as_bytes(revision_key(Revision(revision))));
    if (body) compacted->chain = chain_next(compacted->chain, *body);
  }

  // The version before `by`, and what it hung on: but not what `by` hangs on.
  void forget_previous(uint64_t oid, uint64_t by, uint64_t previous, bool secret) {
    forget(oid, previous, secret);
    std::vector<uint64_t> kept = lineage(tables_, by);
    for (uint64_t r : lineage(tables_, previous)) {
      if (std::find(kept.begin(), kept.end(), r) == kept.end()) forget_record(r);
    }
  }

  void forget(uint64_t oid, uint64_t revision, bool secret) {
    erasures_.push_back({Keyspace::kHistory, history_key(oid, Revision(revision))});
    if (secret) erasures_.push_back({Keyspace::kSecrets, revision_key(Revision(revision))});
  }
  void forget_record(uint64_t revision) {
    erasures_.push_back({Keyspace::kJournal, revision_key(Revision(revision))});
  }

  void forget_causes(uint64_t revision, const wire::Event& event) {
    if (event.cause() == nullptr || event.cause()->revisions() == nullptr) return;
    for (uint64_t cause : *event.cause()->revisions())
      erasures_.push_back({Keyspace::kCauses, cause_key(cause, revision)});
  }

  // A name that was not used again since.
  void forget_name(uint64_t revision, const wire::Event& event, uint16_t kind) {
    std::string key =
        object_key(kind, event.namespace_()->string_view(), event.name()->string_view());
    auto value = tables_.get(Keyspace::kDead, as_bytes(key));
    if (value && decode_entry(*value).revision == revision)
      erasures_.push_back({Keyspace::kDead, std::move(key)});
  }

  void forget_marks(uint64_t revision, const wire::Event& event, const Record& record) {
    uint8_t marks = record.header.marks;
    auto forget = [&](const std::string& lane) {
      erasures_.push_back({Keyspace::kMarks, mark_key(lane, Revision(revision))});
    };
    if ((marks & RecordHeader::kMarkResource) != 0) forget(resource_lane(record.header.kind));
    if ((marks & RecordHeader::kMarkNamespace) != 0) {
      forget(namespace_lane(record.header.kind, event.namespace_()->string_view()));
    }
    if ((marks & RecordHeader::kMarkNode) != 0) forget(node_lane(event.node()->string_view()));
    if (record.header.notices == 0) return;
    for (const NoticeEntry& notice : record.all_notices()) {
      if (notice.mark) forget(node_lane(notice.node));
    }
  }

  const Snapshot& tables_;
  std::vector<Erasure> erasures_;
};

}  // namespace

Result<std::vector<Erasure>> plan_compaction(const Snapshot& tables, const CompactionStep& step,
                                             Applied* compacted) {
  Planner planner(tables);
  auto cursor = tables.cursor(Keyspace::kJournal);
  cursor->lower_bound(as_bytes(revision_key(Revision(compacted->revision + 1))));
  for (; cursor->valid() && compacted->revision < step.to; cursor->next()) {
    uint64_t revision = read_u64(cursor->key(), 0);
    auto record = decode_record(cursor->value());
    if (revision != compacted->revision + 1 || !record) {
      return Error(Code::kInvalid, "the tables hold no sound record of revision " +
                                       std::to_string(compacted->revision + 1));
    }
    auto event = event_of(tables, *record);
    if (!event) {
      return Error(Code::kInvalid, "the base of revision " + std::to_string(revision) +
                                       " is not in the tables or does not fit");
    }
    if (!planner.pass(revision, *record, event->view, step, compacted)) break;
  }
  return planner.take();
}

}  // namespace kubus::store
