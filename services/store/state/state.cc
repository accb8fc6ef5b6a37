#include "services/store/state/state.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "services/store/state/core.h"
#include "services/store/state/deltas.h"

namespace kubus::store {

State::State(std::unique_ptr<StateCore> core) : core_(std::move(core)) {}
State::~State() = default;

Result<std::unique_ptr<State>> State::open(bus::Ports ports, std::unique_ptr<Engine> engine,
                                           std::unique_ptr<Journal> journal, StateOptions options) {
  auto core =
      std::make_unique<StateCore>(ports, std::move(engine), std::move(journal), std::move(options));
  if (Status s = core->open(); !s.ok()) return s.error();
  return std::unique_ptr<State>(new State(std::move(core)));
}

View State::committed() const {
  return core_->committed();
}
View State::latest() const {
  return core_->latest();
}

Status State::stand_at(Revision revision) {
  Status there = whole().readable_at(revision);
  if (there) core_->standing_ = revision;
  return there;
}
View State::whole() const {
  return View(core_.get(), core_->committed_number_, core_->committed_revision_);
}

std::vector<Published::Notice> State::notices_of(Revision revision) const {
  std::vector<Published::Notice> out;
  Payload value = core_->get(Keyspace::kJournal, revision_key(revision), core_->committed_number_);
  auto record = decode_record(value.view());
  if (!record || record->header.notices == 0) return out;
  Payload event = whole().event(revision);
  for (const NoticeEntry& n : record->all_notices())
    out.push_back({std::string(n.node), Payload(build_notice(event.view(), n.node, n.previous))});
  return out;
}

std::vector<Lane> State::all_lanes() const {
  std::vector<Lane> out;
  Merged m = core_->merged(Keyspace::kLanes, core_->committed_number_);
  for (m.seek_from(""); m.valid(); m.next()) out.push_back(lane_of_key(as_text(m.key())));
  return out;
}

Transaction State::begin() {
  core_->begin();
  return Transaction(core_.get());
}
void State::commit(Transaction transaction, Done done) {
  transaction.core_ = nullptr;
  core_->commit(std::move(done));
}

const std::string& State::cluster_id() const {
  return core_->cluster_id_;
}
Room State::room() const {
  return core_->room();
}
std::string State::room_reason() const {
  return core_->room_reason();
}
bool State::saturated() const {
  bool saturated = core_->saturated();
  if (saturated) core_->wants_relief_ = true;
  return saturated;
}
void State::on_relief(std::function<void()> f) {
  core_->on_relief_ = std::move(f);
}

std::optional<PastRequest> State::remembered(std::string_view actor,
                                             std::string_view request_id) const {
  return core_->requests_.find(actor, request_id);
}

std::vector<std::pair<Lane, Revision>> State::take_moved_lanes() {
  std::vector<std::pair<Lane, Revision>> lanes;
  if (core_->moved_.empty()) return lanes;
  lanes.emplace_back(Lane(), core_->committed_revision_);
  for (auto& [key, moved] : core_->moved_) lanes.push_back(std::move(moved));
  core_->moved_.clear();
  return lanes;
}

std::vector<View::Name> State::oldest(const schema::KindInfo& kind, int64_t before_ns,
                                      uint64_t keep, size_t limit) const {
  std::vector<View::Name> names;
  View view = latest();
  uint64_t live = view.count(kind, std::nullopt), excess = live > keep ? live - keep : 0;
  std::string prefix = age_prefix(kind.number);
  Merged m = core_->merged(Keyspace::kIndex, core_->last_number_);
  for (m.seek_from(prefix); m.at_prefix(prefix) && names.size() < limit; m.next()) {
    if (names.size() >= excess && static_cast<int64_t>(read_u64(m.value(), 0)) >= before_ns) break;
    names.push_back(decode_object_key(as_text(m.value()).substr(8)));
  }
  return names;
}

Result<RekeyProgress> State::rekey() {
  return core_->rekey();
}

Result<PurgeProgress> State::purge(PurgeQuery query) {
  return core_->start_purge(std::move(query));
}
PurgeProgress State::purge_progress() const {
  return core_->progress_of_purge();
}
void State::on_purged(std::function<void(const PurgeQuery&, const PurgeProgress&)> f) {
  core_->on_purged_ = std::move(f);
}

void State::set_aside(Aside aside) {
  core_->aside_ = std::move(aside);
}
void State::read_aside(const std::function<void(ByteView)>& each) const {
  auto at = core_->snapshot_->cursor(Keyspace::kAudit);
  for (at->lower_bound({}); at->valid(); at->next()) each(at->value());
}

void State::compact_to(Revision horizon) {
  core_->compact_to(horizon);
}
void State::flush(std::function<void(Status)> done) {
  core_->flush(std::move(done));
}

Status State::verify() const {
  auto broken = [](uint64_t revision, const std::string& what) {
    return Error(Code::kInvalid, "revision " + std::to_string(revision) + ": " + what);
  };
  Chain chain = core_->compacted_.chain;
  uint64_t expected = core_->compacted_.revision;
  auto cursor = core_->snapshot_->cursor(Keyspace::kJournal);
  for (cursor->lower_bound(as_bytes(revision_key(Revision(expected + 1)))); cursor->valid();
       cursor->next()) {
    uint64_t revision = read_u64(cursor->key(), 0);
    auto record = decode_record(cursor->value());
    if (revision != ++expected || !record)
      return broken(expected, "its record is missing or malformed");
    auto event = event_of(*core_->snapshot_, *record);
    if (!event) return broken(revision, "the version that it hangs on is missing or does not fit");
    chain = chain_next(chain, archive::event_digest(*record, event->view));
    if ((record->header.flags & RecordHeader::kSecret) == 0) continue;
    auto body = core_->snapshot_->get(Keyspace::kSecrets, cursor->key());
    if (!body) return broken(revision, "its confidential body is missing");
    chain = chain_next(chain, *body);
    if (core_->options_.closed_secrets) continue;
    Status opens = secrets::check(core_->keys(), {core_->cluster_id_, revision}, *body);
    if (!opens.ok()) return opens;
  }
  if (expected != core_->applied_.revision) return broken(expected + 1, "its record is missing");
  if (chain != core_->applied_.chain)
    return broken(expected, "the chain of hashes does not fit: a record was altered");
  return {};
}

StateStats State::stats() const {
  StateStats stats = core_->stats_;
  stats.syncs = core_->journal_->syncs();
  stats.overlay_bytes = core_->overlay_bytes_;
  stats.overlay_changes = core_->last_revision_.value() - core_->applied_.revision;
  stats.engine_used = core_->usage_.used;
  stats.engine_size = core_->usage_.size;
  return stats;
}

}  // namespace kubus::store
