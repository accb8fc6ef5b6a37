// When a purge's steps run, and what follows from them.
#include <algorithm>

#include "schemas/lib/base/check.h"
#include "services/store/state/core.h"
#include "services/store/state/past.h"

namespace kubus::store {

Result<PurgeProgress> StateCore::start_purge(PurgeQuery query) {
  if (purge_.step.plan || purge_.closing)
    return Error(Code::kConflict, "another purge is under way: wait until it has come to its end");
  auto plan = std::make_shared<PurgePlan>();
  std::string key = object_key(query.kind->number, query.ns, query.name);
  auto live = entry(Keyspace::kObjects, key, committed_number_);
  auto known = live ? live : entry(Keyspace::kDead, key, committed_number_);
  if (!known)
    return Error(Code::kNotFound, query.kind->qualified_resource() + " \"" + query.name +
                                      "\" has no past that is kept");
  Merged m = merged(Keyspace::kHistory, committed_number_);
  std::string prefix = with_u64({}, known->oid);
  for (m.seek_from(history_key(known->oid, query.after.next())); m.at_prefix(prefix); m.next()) {
    uint64_t revision = read_u64(m.key(), 8);
    bool present = live && revision == live->revision;
    if (present || (query.to && revision > query.to.value())) break;
    plan->versions.push_back(revision);
  }
  plan->query = std::move(query);
  plan->keys = keys_;
  plan->cluster = cluster_id_;
  purge_ = Purging();
  purge_.progress.id = ports_.random.next() >> 1;
  purge_.step.plan = std::move(plan);
  maybe_apply();
  return progress_of_purge();
}

PurgeProgress StateCore::progress_of_purge() const {
  PurgeProgress out = purge_.progress;
  out.done = !purge_.step.plan && !purge_.closing;
  if (purge_.step.plan) {
    size_t rest = purge_.step.plan->versions.size() - purge_.step.from;
    out.left = rest + (purge_.step.scans ? purge_.step.plan->versions.size() : 0);
  }
  return out;
}

void StateCore::plan_purge_of(ApplyJob* job) {
  if (!purge_.step.plan) return;
  job->purge = purge_.step;
  job->purge.to = applied_.revision;
  job->purge.seed = secrets::seed_of(ports_.random);
}

void StateCore::on_purged(const PurgeStep& step) {
  if (!step.plan || step.plan != purge_.step.plan) return;
  if (!step.failure.ok()) return end_purge(step.failure);
  PurgeProgress& p = purge_.progress;
  p.changed += step.changed;
  if (p.first == 0) p.first = step.first;
  p.last = std::max(p.last, step.last);
  purge_.step.values = step.values;
  purge_.step.from = step.at;
  if (step.at < step.plan->versions.size()) return;
  if (!step.scans) return end_purge({});
  if (Status s = leave_present(&purge_.step); !s.ok()) return end_purge(s);
  purge_.step.scans = false;
  purge_.step.from = 0;
}

// What stands in the present version would be in the next one's past again: it stays.
Status StateCore::leave_present(PurgeStep* step) const {
  const PurgeQuery& q = step->plan->query;
  auto live =
      entry(Keyspace::kObjects, object_key(q.kind->number, q.ns, q.name), committed_number_);
  if (!live || step->values.empty()) return {};
  Stored present = stored_of(*this, *live, committed_number_);
  Values now;
  q.redactor->collect(present.bytes.view(), &now);
  for (const std::string& value : now) step->values.erase(value);
  std::string holds =
      "the present version of " + q.kind->qualified_resource() + " \"" + q.name + "\" still holds ";
  if (step->values.empty()) return Error(Code::kConflict, holds + "the value: change it first");
  if (q.redactor->holds_copy(present.bytes.view(), step->values))
    return Error(Code::kConflict,
                 holds + "a copy of the value, as in an annotation: change it first");
  return {};
}

void StateCore::end_purge(const Status& status) {
  PurgeProgress& p = purge_.progress;
  const PurgeQuery& q = purge_.step.plan->query;
  if (!status.ok()) p.failure = status.error();
  if (p.changed > 0 && !q.dry_run) {
    ports_.log.info(q.who.actor + " purged " + std::to_string(p.changed) + " versions of " +
                    q.kind->qualified_resource() + " \"" + q.name + "\"");
    scrub_files(Revision(applied_.revision));
    if (on_purged_) on_purged_(q, p);
    purge_.closing = true;
  }
  purge_.step = PurgeStep();
}

}  // namespace kubus::store
