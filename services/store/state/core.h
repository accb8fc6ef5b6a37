// What State, Transaction and View share. Private to this folder.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/ports/ports.h"
#include "services/store/state/apply.h"
#include "services/store/state/deltas.h"
#include "services/store/state/encoding.h"
#include "services/store/state/event_builder.h"
#include "services/store/state/merged.h"
#include "services/store/state/overlay.h"
#include "services/store/state/requests.h"
#include "services/store/state/state.h"

namespace kubus::store {

// A lane that a transaction has touched.
struct TouchedLane {
  Lane lane;
  LaneEntry entry;
};
using TouchedLanes = std::map<std::string, TouchedLane, std::less<>>;

struct ChangeNote {
  Revision revision;
  ChangeType type = ChangeType::kModified;
  const schema::KindInfo* kind = nullptr;
  ByteView record;      // the journal keyspace's value
  std::string request;  // RequestMemory's key; "" : none
};

// The open transaction.
struct OpenBatch {
  std::shared_ptr<Batch> batch;
  std::shared_ptr<Arena> arena;
  std::vector<ChangeNote> changes;
  std::vector<ByteView> records;  // what the chain covers
  TouchedLanes lanes;
  std::vector<std::pair<std::string, LaneEntry>> lane_undo;
};

// A batch on its way through the journal.
struct PendingBatch {
  std::shared_ptr<Batch> batch;  // nullptr: the transaction held no change
  std::vector<ChangeNote> changes;
  TouchedLanes lanes;
  State::Done done;
};

class StateCore {
 public:
  StateCore(bus::Ports ports, std::unique_ptr<Engine> engine, std::unique_ptr<Journal> journal,
            StateOptions options);
  ~StateCore();

  Status open();

  // ---- reading (core.cc) ----
  // A value as a view with number `limit` sees it; its Payload keeps it.
  Payload get(Keyspace space, std::string_view key, uint64_t limit) const;
  std::optional<ByteView> peek(Keyspace space, std::string_view key, uint64_t limit) const;
  Payload payload_of(const Merged& at) const;
  // The event of that revision's record, which lies in `value`.
  Payload event_of(Revision revision, const Payload& value, const Record& record,
                   uint64_t limit) const;
  // The event of an object's latest version if it lies beside its record.
  Payload latest_event(uint64_t oid, Revision revision) const;
  FindRecord finder(uint64_t limit) const;
  Merged merged(Keyspace space, uint64_t limit) const {
    return Merged(*snapshot_, overlay_, space, limit);
  }
  std::optional<ObjectEntry> entry(Keyspace space, std::string_view key, uint64_t limit) const;
  LaneEntry lane(std::string_view key, uint64_t limit) const;
  Revision compacted() const { return Revision(compacted_.revision); }

  View committed() const {
    if (standing_) return View(this, committed_number_, *standing_, true);
    return View(this, committed_number_, committed_revision_);
  }
  View latest() const;

  // ---- confidential bodies (confidential.cc) ----
  // Empty: there is none, or it may not be opened.
  Payload open_body(Revision revision, Payload stored) const;
  const secrets::KeyRing& keys() const { return *keys_; }
  Result<RekeyProgress> rekey();

  // ---- purging (purge_control.cc) ----
  Result<PurgeProgress> start_purge(PurgeQuery query);
  PurgeProgress progress_of_purge() const;

  // ---- writing (transaction.cc) ----
  void begin();
  Revision add(const Change& change, const Origin& origin);
  void put(Keyspace space, std::string_view key, std::string_view value);
  void erase(Keyspace space, std::string_view key);
  void rollback(const Transaction::Savepoint& to);
  void abandon();
  void commit(State::Done done);

  bool is_open() const { return open_.has_value(); }
  OpenBatch& open_batch() { return *open_; }
  const OpenBatch& open_batch() const { return *open_; }
  Revision next_revision() const { return open_->batch->last.next(); }

  // ---- journal's answers (core.cc) ----
  void on_committed(std::span<const Durable> durable);
  void on_lost(const Error& error);

  // ---- apply (apply_control.cc) ----
  void maybe_apply();
  void watch_room();
  void on_apply_timeout();
  void on_drop_timeout();
  void finish_dropping();
  void compact_to(Revision horizon);
  void flush(std::function<void(Status)> done);

  Room room() const;
  std::string room_reason() const;
  bool saturated() const { return overlay_bytes_ > options_.overlay_bytes; }

 private:
  friend class State;
  friend class View;

  struct Links {
    uint64_t resource = 0, ns = 0, node = 0, object = 0;
    uint8_t marks = 0;
  };
  uint64_t ride(const std::string& key, const Lane& lane, int live, bool* mark);
  Links ride_lanes(const Change& change);
  ObjectEntry move_entry(const Change& change, const std::string& key, Revision revision,
                         uint64_t* previous);
  void index(const Change& change, const std::string& key, ObjectEntry* entry);
  std::string notices_of(const Change& change, uint32_t* count);
  ByteView write_record(const RecordHeader& header, ByteView event, std::string_view notices,
                        Revision revision);
  void seal();

  struct Rekeying {
    bool active = false;
    uint64_t at = 0, to = 0;  // revisions: how far it is, and how far it must come
    uint64_t changed = 0;
    bool found_plain = false;
  };
  Status load_keys();
  Status check_bodies();
  ByteView put_body(Revision revision, ByteView body);
  void start_rekey();
  void plan_rekey_of(ApplyJob* job);
  void on_rekeyed(const RekeyStep& step);
  void scrub_files(Revision to);

  struct Purging {
    PurgeStep step;  // the next; without a plan nothing is under way
    PurgeProgress progress;
    bool closing = false;   // done, but what says so is not in the tables yet
    bool stepping = false;  // the present job, or the last one, is a step of it
  };
  void plan_purge_of(ApplyJob* job);
  void on_purged(const PurgeStep& step);
  Status leave_present(PurgeStep* step) const;
  void end_purge(const Status& status);

  Status format_new();
  Status check_format();
  Status raise_format();
  Status replay();
  Result<std::vector<ByteView>> on_replayed(const JournalEntry& entry);
  void remember_tail();
  void start_apply();
  void on_applied(ApplyJob& job);
  uint64_t compaction_target() const;
  void plan_compaction_of(ApplyJob* job) const;
  Result<std::shared_ptr<const Snapshot>> read_meta();

  bus::Ports ports_;
  std::shared_ptr<Engine> engine_;  // jobs keep it
  std::unique_ptr<Journal> journal_;
  StateOptions options_;
  std::string cluster_id_;

  std::shared_ptr<const secrets::KeyRing> keys_;  // empty: bodies are kept plain
  Rekeying rekeying_;
  Purging purge_;
  std::function<void(const PurgeQuery&, const PurgeProgress&)> on_purged_;
  Aside aside_;
  std::vector<AsidePut> aside_undone_;  // of a job that failed

  std::shared_ptr<const Snapshot> snapshot_;
  Applied applied_, compacted_;  // as the snapshot has them
  Overlay overlay_;

  uint64_t last_number_ = 0, committed_number_ = 0;  // batches
  Revision last_revision_, committed_revision_;
  std::optional<Revision> standing_;  // where in the past readers stand
  int64_t last_time_ = 0, committed_time_ = 0;

  std::optional<OpenBatch> open_;
  flatbuffers::FlatBufferBuilder builder_{4096};
  std::deque<PendingBatch> pending_;              // in the journal
  std::deque<std::shared_ptr<Batch>> unapplied_;  // committed, not in the tables
  std::deque<std::shared_ptr<Batch>> dropping_;   // in the tables, and still in the overlay
  std::unique_ptr<bus::Timer> drop_timer_;
  size_t overlay_bytes_ = 0;  // of all batches
  size_t unapplied_bytes_ = 0;

  std::shared_ptr<ApplyJob> applying_;
  std::unique_ptr<bus::Timer> apply_timer_, room_timer_;
  bool rechecking_ =
      false;  // the timer only looks whether something has become old enough to compact
  Revision compact_to_;
  std::vector<std::pair<Revision, std::function<void(Status)>>> flushes_;
  std::function<void()> on_relief_;
  bool wants_relief_ = false;

  std::string journal_failure_, apply_failure_;
  EngineUsage usage_;
  RequestMemory requests_;
  std::map<std::string, std::pair<Lane, Revision>> moved_;
  StateStats stats_;
};

}  // namespace kubus::store
