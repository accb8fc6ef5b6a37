#include "services/scheduler/scheduler.h"

#include "bus/kit/requests.h"
#include "schemas/lib/base/check.h"
#include "services/scheduler/not_regarded.h"

namespace kubus::scheduler {
namespace {

constexpr std::string_view kLease = "kube-scheduler";
constexpr std::string_view kGated = "Scheduling is blocked due to non-empty scheduling gates";
constexpr size_t kAtOnce = 256;        // decisions of one turn, and bindings of one request
constexpr size_t kRequests = 8;        // with bindings, under way
constexpr size_t kPreemptions = 1024;  // under way
constexpr bus::Duration kAskAgain = std::chrono::milliseconds(200);

const schema::KindInfo& core_kind(std::string_view resource) {
  const auto* kind = schema::Registry::get().by_resource("", resource);
  KUBUS_CHECK(kind);
  return *kind;
}

bus::LaneId pods_lane() {
  return {"", "pods", "", "", ""};
}

Revision revision_of(const kit::Informer::Change& change) {
  return change.event ? change.event->revision() : Revision();
}

}  // namespace

Scheduler::Scheduler(bus::Ports ports, SchedulerOptions options)
    : ports_(ports),
      client_(ports, options.client),
      pods_(ports, client_, {.kind = &core_kind("pods")}),
      nodes_(ports, client_, {.kind = &core_kind("nodes")}),
      namespaces_(ports, client_, {.kind = &core_kind("namespaces")}),
      recorder_(ports, client_, {.component = "default-scheduler"}),
      engine_(ports.random),
      binder_(ports, client_, [this](const Decision& d, Binder::Outcome o) { on_answer(d, o); }),
      evictor_(ports, client_,
               [this](const Decision& d, bool done, Revision r) { on_preempted(d, done, r); }),
      reporter_(ports, client_, recorder_, [this] { arm(); }),
      election_(
          ports, client_,
          {.lease = std::string(kLease),
           .identity = options.identity,
           .ttl = options.lease_ttl,
           .renew = options.lease_ttl / 3},
          [this](const kit::Fence& fence) { on_elected(fence); }, [this] { on_lost(); }) {
  pods_.on_change([this](const kit::Informer::Change& c) { on_pod(c); });
  nodes_.on_change([this](const kit::Informer::Change& c) { on_node(c); });
  namespaces_.on_change([this](const kit::Informer::Change& c) { on_namespace(c); });
  pods_.on_progress([this] { on_progress(); });
  nodes_.on_progress([this] { on_progress(); });
  namespaces_.on_progress([this] { on_progress(); });
  namespaces_.start();
  nodes_.start();
  pods_.start();
}

// ---- ways in ----

void Scheduler::on_pod(const kit::Informer::Change& change) {
  if (!change.now && !change.before) return;
  engine_.on_pod(change.before, change.now, revision_of(change), ports_.clock.now());
  if (gated(change.now)) {
    kit::Cause cause{.revisions = {revision_of(change)}, .trigger = 0};
    reporter_.want(change.now, {std::string(kSchedulingGated), std::string(kGated), ""}, cause,
                   false);
  } else if (wants_node(change.now)) {
    if (change.before && gated(change.before)) reporter_.forget(key_of(change.now));
    reporter_.on_pod(change.now);
  } else {
    reporter_.forget(key_of(change.now ? change.now : change.before));
  }
}

void Scheduler::on_node(const kit::Informer::Change& change) {
  if (!change.now && !change.before) return;
  engine_.on_node(change.before, change.now, revision_of(change), ports_.clock.now());
}

void Scheduler::on_namespace(const kit::Informer::Change& change) {
  if (!change.now && !change.before) return;
  engine_.on_namespace(change.before, change.now, ports_.clock.now());
}

void Scheduler::on_progress() {
  if (fence_ && !head_) ask_for_head();
  arm();
}

void Scheduler::on_elected(const kit::Fence& fence) {
  fence_ = fence;
  head_.reset();
  ask_for_head();
}

void Scheduler::on_lost() {
  fence_.reset();
  head_.reset();
}

void Scheduler::on_turn() {
  turn_.reset();
  if (!may_decide()) return;
  act(engine_.decide(kAtOnce, ports_.clock.now()));
  reporter_.flush(*fence_);
  arm();
}

void Scheduler::on_answer(const Decision& d, Binder::Outcome outcome) {
  if (outcome == Binder::Outcome::kBound) {
    kit::Cause cause = cause_of({d});
    recorder_.normal(d.pod, "Scheduled", "Successfully assigned " + d.key + " to " + d.node, "",
                     cause);
    if (std::string fields = not_regarded(d.pod); !fields.empty()) {
      recorder_.warning(d.pod, "NotRegarded", "Scheduled without regard to " + fields, "", cause);
    }
  } else {
    engine_.unbound(d.key, d.pod.uid(), ports_.clock.now());
  }
  arm();
}

void Scheduler::on_preempted(const Decision& d, bool done, Revision written) {
  kit::Cause cause = cause_of({d});
  if (done) {
    engine_.preempted(d, written);
    for (const Victim& v : d.victims) {
      size_t slash = v.key.find('/');
      Object victim = pods_.find(v.key.substr(0, slash), v.key.substr(slash + 1));
      if (!victim || victim.uid() != v.uid) continue;
      recorder_.normal(victim, "Preempted",
                       "Preempted by pod " + std::string(d.pod.uid()) + " on node " + d.nominated,
                       "", cause);
    }
  } else {
    engine_.not_preempted(d, ports_.clock.now());
  }
  Object pod = pods_.find(d.pod.ns(), d.pod.name());
  if (pod && pod.uid() == d.pod.uid() && wants_node(pod) && !engine_.assumed(d.key)) {
    std::string nominated = engine_.nominated(d.key);
    reporter_.want(pod, {std::string(kUnschedulable), d.why, nominated}, cause, true, written);
  }
  arm();
}

void Scheduler::on_head(uint64_t epoch, const Result<kit::Answer>& answer) {
  asks_for_head_ = false;
  if (!fence_) return;
  bool good = answer && kit::status_of(answer->outcome()) && fence_->epoch == epoch;
  if (!good) {
    head_timer_ = ports_.clock.after(kAskAgain, [this] {
      if (fence_ && !head_) ask_for_head();
    });
    return;
  }
  head_ = Revision(answer->outcome().head());
  arm();
}

// ---- what they do ----

// Under the new epoch nothing of the old leader's can be written any more, so what the head says
// now is all that it did.
void Scheduler::ask_for_head() {
  if (asks_for_head_ || !pods_.synced()) return;
  asks_for_head_ = true;
  client_.call(
      kit::events_after_request(pods_lane(), pods_.position()),
      [this, epoch = fence_->epoch](Result<kit::Answer> answer) { on_head(epoch, answer); });
}

bool Scheduler::may_decide() const {
  return fence_ && head_ && nodes_.synced() && namespaces_.synced() && pods_.synced() &&
         pods_.position() >= *head_ && binder_.requests() < kRequests &&
         evictor_.requests() < kPreemptions;
}

void Scheduler::act(std::vector<Decision> decisions) {
  std::vector<Decision> placed;
  for (Decision& d : decisions) {
    if (!d.node.empty()) {
      reporter_.forget(d.key);
      placed.push_back(std::move(d));
    } else if (d.preempts) {
      evictor_.preempt(std::move(d), *fence_);
    } else {
      reporter_.want(d.pod, {std::string(kUnschedulable), d.why, d.nominated}, cause_of({d}),
                     d.tried);
    }
  }
  if (!placed.empty()) binder_.bind(std::move(placed), *fence_);
}

// The next turn comes when there is something to decide or to say; what arrives until then is
// decided together.
void Scheduler::arm() {
  if (!may_decide()) return;
  bus::Instant now = ports_.clock.now();
  auto due = reporter_.has_news() ? now : engine_.due(now);
  if (!due || (turn_ && turn_at_ <= *due)) return;
  turn_at_ = *due;
  turn_ = ports_.clock.after(std::max(*due - now, bus::Duration(0)), [this] { on_turn(); });
}

}  // namespace kubus::scheduler
