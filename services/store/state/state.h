// The state machine of the store: revisions, batches, the overlay of what is journaled but not yet
// in the tables, and the reads. Deterministic: time comes from the Clock, order from the loop.
//
//   begin() → Transaction → commit() ── journal (one sync) ──► done(Committed) ── apply (later) ──►
//   tables
//
// Loop thread only. Destroying it is a crash: what was not journaled is gone, what was is found by
// open().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/ports/ports.h"
#include "bus/secrets/keyring.h"
#include "schemas/lib/base/result.h"
#include "services/store/engine/engine.h"
#include "services/store/journal/journal.h"
#include "services/store/state/aside.h"
#include "services/store/state/batch.h"
#include "services/store/state/purge.h"
#include "services/store/state/view.h"

namespace kubus::store {

struct StateOptions {
  std::string cluster_id;  // of a new store; an existing one keeps its own, and differing is an
                           // error. "" : any
  // Apply: when so many changes, bytes, or so much time waits.
  size_t apply_changes = 8192;
  size_t apply_bytes = 16 << 20;
  bus::Duration apply_delay = std::chrono::milliseconds(250);
  // Beyond this much waiting for apply, saturated() turns true.
  size_t overlay_bytes = 96 << 20;
  // Compaction: what is older than both numbers is compacted.
  uint64_t keep_revisions = 1'000'000;
  bus::Duration keep_time = std::chrono::hours(24);
  // And, whatever the age: never more than that many revisions.
  uint64_t keep_revisions_max = 4'000'000;
  uint32_t compact_step = 2048;  // revisions per apply
  bus::Duration remember_requests = std::chrono::minutes(10);
  size_t remember_requests_max = 200'000;
  // The keys of confidential bodies, read at the start and when they shall be sealed anew. None:
  // bodies are kept plain.
  std::function<Result<secrets::KeyRing>()> read_keys;
  // For readers of archives: sealed bodies are not opened, an object's metadata stands for it.
  bool closed_secrets = false;
};

// What may be written now.
enum class Room : uint8_t {
  kOk,
  kDeletesOnly,  // the disk or the map is nearly full
  kNone,         // the journal failed or nothing is left: reads go on
};

// What became of an earlier write request.
struct PastRequest {
  std::vector<Revision> revisions;  // of its changes, in order
  bool committed = false;           // false: still on its way to the disk
};

// How far the sealing anew of confidential bodies is.
struct RekeyProgress {
  uint64_t key = 0;      // the id of the newest key
  uint64_t changed = 0;  // bodies sealed anew
  uint64_t left = 0;     // revisions to look at
  bool done = false;
};

struct StateStats {
  uint64_t batches = 0, changes = 0, applies = 0, applied_changes = 0, compacted = 0, syncs = 0;
  size_t overlay_bytes = 0, overlay_changes = 0;
  uint64_t engine_used = 0, engine_size = 0;  // bytes of the map
};

class State {
 public:
  using Done = std::function<void(Result<Committed>)>;

  // Reads what the engine and the journal hold: kInvalid: corrupt (names file and offset), of a
  // newer format, or a confidential body does not open with the keys; kConflict: another cluster's;
  // kUnavailable: I/O.
  static Result<std::unique_ptr<State>> open(bus::Ports ports, std::unique_ptr<Engine> engine,
                                             std::unique_ptr<Journal> journal,
                                             StateOptions options);
  ~State();
  State(const State&) = delete;

  View committed() const;  // for readers: durable changes only
  View latest() const;     // for the executor: appended ones too

  // From now on readers stand at that revision of the past: committed() is the state as it was
  // then, with nothing behind it, and moves only by another call. Nothing may be written any more.
  // kExpired below what can be read, kBadRequest ahead of it.
  Status stand_at(Revision revision);
  // All there is, wherever readers stand.
  View whole() const;
  // What nodes were told of that change beside its event.
  std::vector<Published::Notice> notices_of(Revision revision) const;
  // The lanes of resources, namespaces and nodes that there ever were.
  std::vector<Lane> all_lanes() const;

  // A new batch; the one before must be committed or gone.
  Transaction begin();
  // Seals the batch and journals it. `done` runs once, later, on the loop, in the order of the
  // calls: Committed, or kUnavailable when the journal failed: then neither it nor any batch after
  // it happened, and latest() forgets them. A transaction without a change is done at once, in
  // order.
  void commit(Transaction transaction, Done done);

  const std::string& cluster_id() const;
  Room room() const;
  std::string room_reason() const;  // a sentence for the error, "" if kOk
  // True while too much waits for the tables: the executor stops, and is called once by on_relief
  // when it may go on.
  bool saturated() const;
  void on_relief(std::function<void()> f);

  std::optional<PastRequest> remembered(std::string_view actor, std::string_view request_id) const;

  // Lanes that moved by committed changes since the last call, with their heads: for head messages.
  // The cluster's first.
  std::vector<std::pair<Lane, Revision>> take_moved_lanes();

  // Oldest first: live objects of a kind created before that time (unix ns), or as many as exceed
  // `keep`; at most `limit`. For kinds with a bounded share (Kubernetes Events): the executor
  // deletes them.
  std::vector<View::Name> oldest(const schema::KindInfo& kind, int64_t before_ns, uint64_t keep,
                                 size_t limit) const;

  // Reads the keys again; if there is a newer one, all confidential bodies are sealed under it, in
  // steps. Ask again for how far it is. kBadRequest: no keys were given, or one that is in use is
  // not among them any more.
  Result<RekeyProgress> rekey();

  // Takes values out of past versions of an object, in steps: first they are looked for, then, if
  // the present version holds none of them, the versions that do are written anew. Ask for the
  // progress of the last one begun. kConflict: another is under way; kNotFound: there is no such
  // past.
  Result<PurgeProgress> purge(PurgeQuery query);
  PurgeProgress purge_progress() const;
  // Called when one that changed something has come to its end.
  void on_purged(std::function<void(const PurgeQuery&, const PurgeProgress&)> f);

  void set_aside(Aside aside);
  // What the tables hold of it, in the order of keys.
  void read_aside(const std::function<void(ByteView)>& each) const;

  // Compacts up to `horizon` (at most what is applied) in steps, besides what the options ask for.
  void compact_to(Revision horizon);
  // Applies everything committed, then calls `done`: before a clean shutdown or a backup.
  void flush(std::function<void(Status)> done);
  // Reads the whole journal in the tables and compares it with the chain hash. Costs a scan; for
  // tests and tools.
  Status verify() const;

  StateStats stats() const;

 private:
  explicit State(std::unique_ptr<StateCore> core);
  std::unique_ptr<StateCore> core_;
};

}  // namespace kubus::store
