// When the tables are written, and what follows from it: the overlay shrinks, the journal's
// segments are released.
#include <algorithm>

#include "schemas/lib/base/check.h"
#include "services/store/state/core.h"

namespace kubus::store {
namespace {

constexpr bus::Duration kRetry = std::chrono::seconds(1);
constexpr bus::Duration kRecheck = std::chrono::seconds(30);
constexpr bus::Duration kCompactPause = std::chrono::milliseconds(50);

// While there is no room it is looked for so often: nothing may be written that would show it.
constexpr bus::Duration kRoomLook = std::chrono::seconds(1);
constexpr uint64_t kDiskDeletesOnly = 128 << 20, kDiskNone = 16 << 20;

// Parts of the map in use, in percent.
constexpr uint64_t kMapTight = 75, kMapDeletesOnly = 90, kMapNone = 97;

uint64_t percent_used(const EngineUsage& usage) {
  return usage.size == 0 ? 0 : usage.used * 100 / usage.size;
}

}  // namespace

void StateCore::maybe_apply() {
  if (applying_ || !apply_failure_.empty()) return;
  uint64_t changes = committed_revision_.value() - applied_.revision;
  bool aside = aside_.waits && aside_.waits();
  bool due = changes >= options_.apply_changes || unapplied_bytes_ >= options_.apply_bytes ||
             (!flushes_.empty() && (changes > 0 || aside));
  if (due) return start_apply();
  bool rekeys = rekeying_.active || purge_.step.plan || purge_.closing;
  if (changes == 0 && !rekeys && compaction_target() <= compacted_.revision) return;
  if (apply_timer_ == nullptr || (rechecking_ && changes > 0)) {
    rechecking_ = false;
    bus::Duration delay =
        changes > 0 ? options_.apply_delay : std::min(options_.apply_delay, kCompactPause);
    apply_timer_ = ports_.clock.after(delay, [this] { on_apply_timeout(); });
  }
}

void StateCore::on_apply_timeout() {
  apply_timer_.reset();
  apply_failure_.clear();
  if (applying_) return;
  if (!unapplied_.empty() || rekeying_.active || purge_.step.plan || purge_.closing ||
      compaction_target() > compacted_.revision)
    start_apply();
}

// How far compaction may go, age aside; never beyond what is applied.
uint64_t StateCore::compaction_target() const {
  uint64_t head = committed_revision_.value(), target = compact_to_.value();
  if (head > options_.keep_revisions) target = std::max(target, head - options_.keep_revisions);
  if (head > options_.keep_revisions_max)
    target = std::max(target, head - options_.keep_revisions_max);
  if (percent_used(usage_) >= kMapTight) target = applied_.revision;
  return std::min(target, applied_.revision);
}

void StateCore::start_apply() {
  apply_timer_.reset();
  auto job = std::make_shared<ApplyJob>();
  job->applied = applied_;
  job->compacted = compacted_;
  // A step of a purge has the tables for itself: versions that others hang on change under it.
  purge_.stepping = purge_.step.plan && (unapplied_.empty() || !purge_.stepping);
  size_t bytes = 0;
  for (const auto& batch : unapplied_) {
    if (purge_.stepping) break;
    if (!job->batches.empty() && bytes + batch->bytes > 2 * options_.apply_bytes) break;
    bytes += batch->bytes;
    job->batches.push_back(batch);
    job->applied = {batch->last.value(), batch->time_ns, batch->chain};
  }
  if (purge_.stepping) {
    plan_purge_of(job.get());
  } else {
    plan_compaction_of(job.get());
    plan_rekey_of(job.get());
  }
  job->aside = std::exchange(aside_undone_, {});
  if (aside_.take) {
    for (AsidePut& put : aside_.take()) job->aside.push_back(std::move(put));
  }
  applying_ = job;
  ports_.workers.run(
      "apply",
      [job, engine = engine_] {
        if (!job->cancelled) job->run(*engine);
      },
      [this, job] {
        if (!job->cancelled) on_applied(*job);
      });
}

// How far the job compacts. Compaction touches pages all over the tables, so it gives way to
// writers: a job that carries many changes compacts nothing, unless the history has grown a quarter
// beyond its bound or space is short.
void StateCore::plan_compaction_of(ApplyJob* job) const {
  uint64_t head = committed_revision_.value(), changes = job->applied.revision - applied_.revision;
  uint64_t held = applied_.revision - compacted_.revision;
  bool tight = percent_used(usage_) >= kMapTight;
  bool busy = changes >= options_.apply_changes / 4;
  bool pressing = tight || held > options_.keep_revisions_max / 4 * 5;
  job->compact_before = ports_.clock.wall_ns() - options_.keep_time.count();
  job->compact_anyway = compact_to_.value();
  if (head > options_.keep_revisions_max) {
    job->compact_anyway = std::max(job->compact_anyway, head - options_.keep_revisions_max);
  }
  if (tight) job->compact_anyway = std::max(job->compact_anyway, compacted_.revision + held / 2);
  if (busy && !pressing) return;
  uint64_t step = std::max<uint64_t>(options_.compact_step, 2 * changes);
  job->compact_to = std::min(compaction_target(), compacted_.revision + step);
}

void StateCore::on_applied(ApplyJob& job) {
  auto keep = std::move(applying_);
  if (job.usage.size > 0) usage_ = job.usage;
  watch_room();
  if (!job.status.ok()) {
    aside_undone_ = std::move(job.aside);
    apply_failure_ = job.status.error().message;
    ports_.log.error("the tables could not be written: " + apply_failure_);
    apply_timer_ = ports_.clock.after(kRetry, [this] { on_apply_timeout(); });
    for (auto& [revision, done] : std::exchange(flushes_, {})) done(job.status);
    return;
  }
  bool idle = job.batches.empty() && job.rekey.at == job.rekey.after && !job.purge.plan &&
              job.compacted.revision == compacted_.revision;
  ++stats_.applies;
  stats_.applied_changes += job.applied.revision - applied_.revision;
  stats_.compacted += job.compacted.revision - compacted_.revision;
  applied_ = job.applied;
  compacted_ = job.compacted;
  snapshot_ = std::move(job.after);
  finish_dropping();
  for (const auto& batch : job.batches) {
    KUBUS_CHECK(unapplied_.front() == batch);
    overlay_bytes_ -= batch->bytes;
    unapplied_bytes_ -= batch->bytes;
    unapplied_.pop_front();
    dropping_.push_back(batch);
  }
  on_drop_timeout();
  purge_.closing = false;
  on_rekeyed(job.rekey);
  on_purged(job.purge);
  if (!job.batches.empty()) journal_->release(Revision(applied_.revision));
  if (idle) {  // what there is to compact is too young yet
    rechecking_ = true;
    apply_timer_ = ports_.clock.after(kRecheck, [this] { on_apply_timeout(); });
  }
  maybe_apply();
  std::vector<std::function<void(Status)>> flushed;
  for (auto at = flushes_.begin(); at != flushes_.end();) {
    if (at->first.value() > applied_.revision) {
      ++at;
      continue;
    }
    flushed.push_back(std::move(at->second));
    at = flushes_.erase(at);
  }
  for (auto& done : flushed) done({});
  if (wants_relief_ && !saturated() && on_relief_) {
    wants_relief_ = false;
    on_relief_();
  }
}

// The overlay over what is in the tables now says the same as they do: it goes a little at a time,
// so that no turn of the loop is long, but before the tables move again.
void StateCore::on_drop_timeout() {
  constexpr size_t kPuts = 1500;
  std::vector<std::shared_ptr<Batch>> some;
  for (size_t puts = 0; puts < kPuts && !dropping_.empty(); dropping_.pop_front()) {
    puts += dropping_.front()->puts.size();
    some.push_back(std::move(dropping_.front()));
  }
  overlay_.drop(some);
  drop_timer_.reset();
  if (!dropping_.empty()) {
    drop_timer_ = ports_.clock.after(bus::Duration::zero(), [this] { on_drop_timeout(); });
  }
}

void StateCore::finish_dropping() {
  while (!dropping_.empty()) on_drop_timeout();
}

void StateCore::compact_to(Revision horizon) {
  compact_to_ = std::max(compact_to_, horizon);
  maybe_apply();
}

void StateCore::flush(std::function<void(Status)> done) {
  bool aside = aside_.waits && aside_.waits();
  if (committed_revision_.value() == applied_.revision && !aside) return done({});
  flushes_.emplace_back(committed_revision_, std::move(done));
  maybe_apply();
}

// ---- room ----

Room StateCore::room() const {
  if (!journal_failure_.empty() || !apply_failure_.empty()) return Room::kNone;
  if (percent_used(usage_) >= kMapNone || usage_.disk_free < kDiskNone) return Room::kNone;
  if (percent_used(usage_) >= kMapDeletesOnly || usage_.disk_free < kDiskDeletesOnly)
    return Room::kDeletesOnly;
  return Room::kOk;
}

void StateCore::watch_room() {
  room_timer_.reset();
  if (room() == Room::kOk) return;
  room_timer_ = ports_.clock.after(kRoomLook, [this] {
    if (!applying_) usage_ = engine_->usage();
    watch_room();
  });
}

std::string StateCore::room_reason() const {
  std::string failure = journal_failure_.empty() ? apply_failure_ : journal_failure_;
  bool full = percent_used(usage_) >= kMapNone || usage_.disk_free < kDiskNone;
  if (full) return "the store is full" + (failure.empty() ? "" : ": " + failure);
  if (!failure.empty()) return failure;
  return room() == Room::kOk ? "" : "the store is nearly full: only deletes are accepted";
}

}  // namespace kubus::store
