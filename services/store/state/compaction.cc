#include "services/store/state/compaction.h"

#include "schemas/bus/event_generated.h"

namespace kubus::store {
namespace {

class Planner {
 public:
  explicit Planner(const Snapshot& tables) : tables_(tables) {}

  // False: it is too young.
  bool pass(uint64_t revision, const Record& record, const CompactionStep& step,
            Applied* compacted) {
    const auto* event = flatbuffers::GetRoot<wire::Event>(record.event.data());
    if (revision > step.anyway && event->time() >= step.before_ns) return false;
    bool secret = (record.header.flags & RecordHeader::kSecret) != 0;
    extend_chain(revision, record, secret, compacted);
    if (event->previous_object() != 0) forget(record.header.oid, event->previous_object(), secret);
    if (event->type() == wire::EventType::Deleted) {
      forget(record.header.oid, revision, secret);
      forget_name(revision, *event, record.header.kind);
    }
    forget_marks(revision, *event, record);
    return true;
  }

  std::vector<Erasure> take() { return std::move(erasures_); }

 private:
  void extend_chain(uint64_t revision, const Record& record, bool secret, Applied* compacted) {
    compacted->chain = chain_next(compacted->chain, record.event);
    if (!secret) return;
    auto body = tables_.get(Keyspace::kSecrets, as_bytes(revision_key(Revision(revision))));
    if (body) compacted->chain = chain_next(compacted->chain, *body);
  }

  void forget(uint64_t oid, uint64_t revision, bool secret) {
    std::string key = revision_key(Revision(revision));
    erasures_.push_back({Keyspace::kHistory, history_key(oid, Revision(revision))});
    if (secret) erasures_.push_back({Keyspace::kSecrets, key});
    erasures_.push_back({Keyspace::kJournal, std::move(key)});
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
    Applied next = *compacted;
    if (!planner.pass(revision, *record, step, &next)) break;
    next.revision = revision;
    next.time_ns = flatbuffers::GetRoot<wire::Event>(record->event.data())->time();
    *compacted = next;
  }
  return planner.take();
}

}  // namespace kubus::store
