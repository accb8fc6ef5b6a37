#include "services/store/state/derivation.h"

#include <algorithm>

#include "schemas/lib/schema/registry.h"
#include "services/store/state/batch.h"

namespace kubus::store {
namespace {

constexpr flatbuffers::uoffset_t kMostDepth = 64, kMostTables = 1'000'000;

Error unsound(uint64_t revision, const std::string& what) {
  return Error(Code::kInvalid, "revision " + std::to_string(revision) + ": " + what);
}

bool fits(const wire::Event& event) {
  if (event.namespace_() == nullptr || event.name() == nullptr) return false;
  bool node = event.node() == nullptr || event.node()->size() <= kMaxName;
  return node && event.namespace_()->size() <= kMaxNs && event.name()->size() <= kMaxName &&
         event.name()->size() > 0;
}

bool is_key(std::string_view key, const wire::Event& event) {
  std::string_view ns = event.namespace_()->string_view(), name = event.name()->string_view();
  return key.size() == 3 + ns.size() + name.size() && key.substr(2, ns.size()) == ns &&
         key[2 + ns.size()] == '\0' && key.substr(3 + ns.size()) == name;
}

}  // namespace

Result<const wire::Event*> sound_event(uint64_t revision, const Record& record, ByteView bytes) {
  if (record.header.type > static_cast<uint8_t>(ChangeType::kDeleted))
    return unsound(revision, "a record of a form that this program does not know");
  if (schema::Registry::get().by_number(record.header.kind) == nullptr)
    return unsound(revision, "of a kind that this program does not know");
  if (bytes.size() < sizeof(uint64_t)) return unsound(revision, "its event is malformed");
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), kMostDepth, kMostTables);
  if (!verifier.VerifyBuffer<wire::Event>(nullptr))
    return unsound(revision, "its event is malformed");
  const auto* event = flatbuffers::GetRoot<wire::Event>(bytes.data());
  if (event->revision() != revision || !fits(*event))
    return unsound(revision, "its event is malformed");
  return event;
}

Status Derivation::add(uint64_t revision, const Record& record, const wire::Event& event) {
  last_time_ = std::max(last_time_, event.time());
  last_ = revision;
  if (revision <= horizon_) return take_below(revision, record, event);
  if (event.time() < last_time_) return unsound(revision, "it is older than the one before");
  Name& name = names_[record.header.oid];
  if (Status s = move_name(revision, event, record, &name); !s) return s;
  if (event.cause() != nullptr && event.cause()->revisions() != nullptr) {
    for (uint64_t cause : *event.cause()->revisions()) {
      if (cause < revision) effects_.push_back({cause, revision});
    }
  }
  return ride_all(revision, event, record, &name);
}

// A last state, or what it hangs on.
Status Derivation::take_below(uint64_t revision, const Record& record, const wire::Event& event) {
  horizon_time_ = last_time_;
  if (record.header.type == static_cast<uint8_t>(ChangeType::kDeleted))
    return unsound(revision, "what was deleted there is kept below the horizon");
  auto [at, fresh] = names_.try_emplace(record.header.oid);
  Name& name = at->second;
  if (fresh) {
    name.kind = record.header.kind;
    name.key =
        object_key(name.kind, event.namespace_()->string_view(), event.name()->string_view());
    name.entry.oid = record.header.oid;
    // When the life began is not known; not before the name.
    name.entry.created = std::max<uint64_t>(record.header.oid, 1);
    name.live = true;
  } else if (name.kind != record.header.kind || !is_key(name.key, event)) {
    return unsound(revision, "it is another object than the version before");
  }
  name.entry.revision = revision;
  name.type = record.header.type;
  name.format = record.header.format;
  name.created_ns = event.time();
  return ride_all(revision, event, record, &name);
}

Status Derivation::move_name(uint64_t revision, const wire::Event& event, const Record& record,
                             Name* name) {
  auto type = static_cast<ChangeType>(record.header.type);
  uint64_t previous = name->entry.revision;
  if (name->key.empty()) {
    // The first of its name, or of a name whose death has been compacted.
    uint64_t oid = record.header.oid;
    bool again = oid != 0 && oid <= event.previous_object() && event.previous_object() <= horizon_;
    previous = again ? event.previous_object() : 0;
    if (type != ChangeType::kAdded || !(again || oid == revision))
      return unsound(revision, "the version before it is missing");
    name->kind = record.header.kind;
    name->key =
        object_key(name->kind, event.namespace_()->string_view(), event.name()->string_view());
    name->entry.oid = record.header.oid;
  } else if (name->kind != record.header.kind || !is_key(name->key, event)) {
    return unsound(revision, "it is another object than the version before");
  }
  if (name->live == (type == ChangeType::kAdded))
    return unsound(revision, name->live ? "it is added though it is there"
                                        : "it is changed though it is not there");
  if (event.previous_object() != previous) {
    return unsound(revision, "it names revision " + std::to_string(event.previous_object()) +
                                 " as the version before it, which is " + std::to_string(previous));
  }
  count(name);
  if (type == ChangeType::kAdded) {
    name->entry.created = revision;
    name->created_ns = event.time();
    name->began = true;
  }
  name->live = type != ChangeType::kDeleted;
  if (!name->live) name->entry.created = 0;
  name->entry.revision = revision;
  name->type = record.header.type;
  name->format = record.header.format;
  name->counted = true;
  versions_.push_back({record.header.oid, revision, name->type});
  return {};
}

void Derivation::count(Name* name) {
  if (name->counted || name->entry.revision == 0) return;
  versions_.push_back({name->entry.oid, name->entry.revision, name->type});
  name->counted = true;
}

void Derivation::finish() {
  for (auto& [oid, name] : names_) count(&name);
}

Derivation::Lanes::value_type* Derivation::lane(std::string key) {
  auto [at, fresh] = lanes_.try_emplace(std::move(key));
  if (fresh && horizon_ == 0) at->second.exact = at->second.phased = true;
  return &*at;
}

Derivation::Lanes::value_type* Derivation::node_of(Name* name, const wire::Event& event) {
  std::string_view node = event.node()->string_view();
  if (name->on_node == nullptr || name->node != node) {
    name->node = node;
    name->on_node = lane(node_lane(node));
  }
  return name->on_node;
}

Status Derivation::ride_all(uint64_t revision, const wire::Event& event, const Record& record,
                            Name* name) {
  auto marked = [&](uint8_t bit) { return (record.header.marks & bit) != 0; };
  auto type = static_cast<ChangeType>(record.header.type);
  int live = type == ChangeType::kAdded ? 1 : type == ChangeType::kDeleted ? -1 : 0;
  bool fresh = name->resource == nullptr;
  if (revision <= horizon_) live = fresh ? 1 : 0;
  if (fresh) {
    name->resource = lane(resource_lane(name->kind));
    if (event.namespace_()->size() > 0)
      name->ns = lane(namespace_lane(name->kind, event.namespace_()->string_view()));
  }
  Status s = ride(name->resource, revision, event.previous_resource(), live,
                  marked(RecordHeader::kMarkResource));
  if (s && name->ns != nullptr)
    s = ride(name->ns, revision, event.previous_namespace(), live,
             marked(RecordHeader::kMarkNamespace));
  if (event.node() == nullptr) {
    name->on_node = nullptr;
    name->node.clear();
  } else if (s) {
    s = ride(node_of(name, event), revision, event.previous_node(), 0,
             marked(RecordHeader::kMarkNode));
  }
  if (record.header.notices == 0) return s;
  for (const NoticeEntry& notice : record.all_notices()) {
    if (s) s = ride(lane(node_lane(notice.node)), revision, notice.previous, 0, notice.mark);
  }
  return s;
}

Status Derivation::ride(Lanes::value_type* at, uint64_t revision, uint64_t previous, int live,
                        bool mark) {
  auto& [key, lane] = *at;
  lane.entry.live += static_cast<uint64_t>(static_cast<int64_t>(live));
  if (revision <= horizon_) {
    lane.entry.revision = revision;
    ++lane.entry.events;
    return {};
  }
  bool linked = lane.exact ? previous == lane.entry.revision
                           : previous >= lane.entry.revision && previous <= horizon_;
  if (!linked) {
    return unsound(revision, "it names revision " + std::to_string(previous) +
                                 " as the one before it in a lane, which is " +
                                 std::to_string(lane.entry.revision));
  }
  lane.exact = true;
  lane.entry.revision = revision;
  ++lane.entry.events;
  if (mark && !lane.phased) {
    lane.entry.events = (lane.entry.events + kMarkEvery - 1) / kMarkEvery * kMarkEvery;
    lane.phased = true;
  }
  if (lane.phased && mark != (lane.entry.events % kMarkEvery == 0))
    return unsound(revision, "a mark of a lane stands at the wrong place");
  if (mark) marks_.push_back(mark_key(key, Revision(revision)));
  return {};
}

}  // namespace kubus::store
