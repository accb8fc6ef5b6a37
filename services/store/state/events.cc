// Events after a revision in a lane. The events of a lane are linked backward by their previous_*
// fields; marks, one every kMarkEvery events, say where to begin, so that no walk is longer than
// that, however much lies behind.
#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/base/check.h"
#include "services/store/state/core.h"

namespace kubus::store {
namespace {

enum class Form { kCluster, kResource, kNamespace, kObject, kNode };

Form form_of(const Lane& lane) {
  if (!lane.node.empty()) return Form::kNode;
  if (lane.kind == nullptr) return Form::kCluster;
  if (!lane.name.empty()) return Form::kObject;
  return lane.ns.empty() ? Form::kResource : Form::kNamespace;
}

std::string key_of(const Lane& lane) {
  switch (form_of(lane)) {
    case Form::kResource:
      return resource_lane(lane.kind->number);
    case Form::kNamespace:
      return namespace_lane(lane.kind->number, lane.ns);
    case Form::kNode:
      return node_lane(lane.node);
    default:
      return "";
  }
}

class Reader {
 public:
  Reader(const StateCore& core, const Lane& lane, uint64_t limit, size_t max_bytes)
      : core_(core), lane_(lane), form_(form_of(lane)), limit_(limit), max_bytes_(max_bytes) {}

  // The lane's last event at or before `at`, found from the first mark behind it or from its head.
  uint64_t last_before(uint64_t at, uint64_t head) {
    std::string lane = key_of(lane_), prefix = lane + '\0';
    Merged marks = core_.merged(Keyspace::kMarks, limit_);
    marks.seek_from(mark_key(lane, Revision(at + 1)));
    uint64_t found = marks.at_prefix(prefix) ? read_u64(marks.key(), prefix.size()) : head;
    while (found > at && found > core_.compacted().value()) found = link_at(found).previous;
    return found;
  }

  EventsPage run(uint64_t after, uint64_t head) {
    page_.head = Revision(head);
    page_.complete_to = Revision(std::max(after, head));
    if (after >= head) return std::move(page_);
    switch (form_) {
      case Form::kCluster:
        read_cluster(after, head);
        break;
      case Form::kObject:
        read_object(after, head);
        break;
      default:
        read_marked(after, head);
    }
    return std::move(page_);
  }

 private:
  struct Link {
    Payload value;
    Payload bytes;  // the event
    Record record;
    const wire::Event* event = nullptr;
    std::optional<NoticeEntry> notice;  // it is this node's only by a notice
    uint64_t previous = 0;
  };

  Link link_at(uint64_t revision) const {
    Link link;
    link.value = core_.get(Keyspace::kJournal, revision_key(Revision(revision)), limit_);
    read(revision, &link);
    if (form_ == Form::kResource) link.previous = link.event->previous_resource();
    if (form_ == Form::kNamespace) link.previous = link.event->previous_namespace();
    if (form_ != Form::kNode) return link;
    if (link.event->node() != nullptr && link.event->node()->string_view() == lane_.node) {
      link.previous = link.event->previous_node();
      return link;
    }
    link.notice = link.record.notice(lane_.node);
    KUBUS_CHECK(link.notice);
    link.previous = link.notice->previous;
    return link;
  }

  void read(uint64_t revision, Link* link) const {
    auto record = decode_record(link->value.view());
    KUBUS_CHECK(record);
    link->record = *record;
    link->bytes = core_.event_of(Revision(revision), link->value, *record, limit_);
    link->event = flatbuffers::GetRoot<wire::Event>(link->bytes.data());
  }

  // False: the page is full, and ends before this event.
  bool take(const Link& link) {
    if (bytes_ >= max_bytes_) return false;
    if (link.notice) {
      page_.events.emplace_back(
          build_notice(link.bytes.view(), link.notice->node, link.notice->previous));
    } else {
      page_.events.push_back(link.bytes);
    }
    bytes_ += page_.events.back().size();
    page_.complete_to = Revision(link.event->revision());
    return true;
  }

  void read_cluster(uint64_t after, uint64_t head) {
    Merged m = core_.merged(Keyspace::kJournal, limit_);
    for (m.seek_from(revision_key(Revision(after + 1))); m.valid(); m.next()) {
      if (read_u64(m.key(), 0) > head) break;
      Link link;
      link.value = core_.payload_of(m);
      read(read_u64(m.key(), 0), &link);
      if (!take(link)) return;
    }
    page_.complete_to = Revision(head);
  }

  void read_object(uint64_t after, uint64_t head) {
    std::string key = object_key(lane_.kind->number, lane_.ns, lane_.name);
    auto entry = core_.entry(Keyspace::kObjects, key, limit_);
    if (!entry) entry = core_.entry(Keyspace::kDead, key, limit_);
    KUBUS_CHECK(entry);
    Merged m = core_.merged(Keyspace::kHistory, limit_);
    std::string prefix = with_u64({}, entry->oid);
    for (m.seek_from(history_key(entry->oid, Revision(after + 1))); m.at_prefix(prefix); m.next()) {
      if (read_u64(m.key(), 8) > head || !take(link_at(read_u64(m.key(), 8)))) return;
    }
  }

  // From mark to mark.
  void read_marked(uint64_t after, uint64_t head) {
    std::string lane = key_of(lane_), prefix = lane + '\0';
    Merged marks = core_.merged(Keyspace::kMarks, limit_);
    while (after < head) {
      marks.seek_from(mark_key(lane, Revision(after + 1)));
      uint64_t from = marks.at_prefix(prefix) ? read_u64(marks.key(), prefix.size()) : head;
      from = std::min(from, head);
      std::vector<Link> links;
      for (uint64_t at = from; at > after; at = links.back().previous) links.push_back(link_at(at));
      for (auto link = links.rbegin(); link != links.rend(); ++link) {
        if (!take(*link)) return;
      }
      after = from;
    }
    page_.complete_to = Revision(head);
  }

  const StateCore& core_;
  const Lane& lane_;
  Form form_;
  uint64_t limit_;
  size_t max_bytes_, bytes_ = 0;
  EventsPage page_;
};

}  // namespace

Revision View::past_head(const Lane& lane) const {
  Form form = form_of(lane);
  if (form == Form::kCluster) return revision_;
  if (form != Form::kObject) {
    uint64_t head = core_->lane(key_of(lane), limit_).revision;
    return Revision(Reader(*core_, lane, limit_, 0).last_before(revision_.value(), head));
  }
  HistoryPage page = history(*lane.kind, lane.ns, lane.name, Revision(), 1);
  if (page.events.empty()) return {};
  return Revision(flatbuffers::GetRoot<wire::Event>(page.events.front().data())->revision());
}

Revision View::head(const Lane& lane) const {
  if (past_) return past_head(lane);
  switch (form_of(lane)) {
    case Form::kCluster:
      return revision_;
    case Form::kObject: {
      std::string key = object_key(lane.kind->number, lane.ns, lane.name);
      auto entry = core_->entry(Keyspace::kObjects, key, limit_);
      if (!entry) entry = core_->entry(Keyspace::kDead, key, limit_);
      return entry ? Revision(entry->revision) : Revision();
    }
    default:
      return Revision(core_->lane(key_of(lane), limit_).revision);
  }
}

Result<EventsPage> View::events_after(const Lane& lane, Revision after, size_t max_bytes) const {
  if (after < compacted()) return readable_at(after).error();
  if (past_ && after > revision_ && after != Revision(UINT64_MAX)) {
    return Error(Code::kExpired, "revision " + std::to_string(after.value()) +
                                     " has not happened yet: the clock was set back to " +
                                     std::to_string(revision_.value()));
  }
  return Reader(*core_, lane, limit_, max_bytes).run(after.value(), head(lane).value());
}

}  // namespace kubus::store
