#include "services/store/executor/executor.h"

#include <array>
#include <boost/json/monotonic_resource.hpp>

#include "schemas/bus/event_generated.h"
#include "schemas/coordination/v1/coordination_generated.h"
#include "services/store/executor/audit.h"
#include "services/store/executor/dispatch.h"
#include "services/store/executor/publish.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr size_t kScratchBytes = 256 * 1024;

constexpr int kMostRounds = 3;  // of asking for admission, while others change the objects

// Under which a request is remembered.
std::string key_of(const Incoming& in) {
  return in.actor + '\n' + in.id();
}

bool has_write(const wire::Request& request) {
  for (const wire::Operation* op : *request.operations()) {
    if (is_write(op->verb())) return true;
  }
  return false;
}

Origin origin_of(const Incoming& in) {
  Origin out;
  out.actor = in.actor;
  out.request_id = in.id();
  const wire::Request& r = *in.request;
  out.source = source_of(r);
  if (r.on_behalf_of() != nullptr) out.user = text_of(r.on_behalf_of()->user());
  if (r.cause() == nullptr) return out;
  out.trigger = static_cast<uint8_t>(r.cause()->trigger());
  constexpr size_t kMostCauses = 4;
  for (size_t i = 0; r.cause()->revisions() && i < r.cause()->revisions()->size(); ++i) {
    if (i < kMostCauses) out.cause_revisions.push_back(r.cause()->revisions()->Get(i));
  }
  return out;
}

}  // namespace

Executor::Executor(Environment environment, const bus::Subjects& subjects, FairQueues& queues,
                   Replier& replier, ExecutorOptions options)
    : env_(std::move(environment)),
      subjects_(subjects),
      queues_(queues),
      replier_(replier),
      options_(options),
      refusals_(options.remember_refusals, options.refusal_bytes),
      asker_(env_.ports, subjects, [this](Incoming incoming) {
        admitted_.push_back(std::move(incoming));
        wake();
      }) {
  env_.state.on_relief([this] { wake(); });
}

void Executor::wake() {
  if (awake_) return;
  awake_ = true;
  turn_timer_ = env_.ports.clock.after(bus::Duration(0), [this] { turn(); });
}

void Executor::turn() {
  awake_ = false;
  if (env_.state.saturated()) return;
  bus::Instant began = env_.ports.clock.now();
  ++stats_.turns;
  answer_bytes_ = 0;
  run_parked();
  run_admitted();
  for (size_t n = 0; n < options_.turn_requests; ++n) {
    if (answer_bytes_ > options_.turn_answer_bytes) break;
    if (tx_ && tx_->bytes() > options_.batch_bytes) break;
    std::optional<Incoming> next = queues_.take();
    if (!next || !run(*std::move(next))) break;
  }
  if (tx_) commit();
  replier_.flush();
  Revision have = env_.state.committed().revision();
  for (const Parked& p : parked_) {
    if (p.needed <= have) wake();
  }
  stats_.run_ns += static_cast<uint64_t>((env_.ports.clock.now() - began).count());
  if (!queues_.empty()) wake();
}

// ---- requests that wait for a revision ----

void Executor::park(Incoming incoming, Revision needed) {
  if (parked_.size() >= options_.most_parked) {
    Error busy(Code::kTooManyRequests, "too many requests wait for a revision");
    busy.retry_after_seconds = 1;
    return replier_.refuse(incoming.reply_to, incoming.id(), std::move(busy));
  }
  bus::Instant until = env_.ports.clock.now() + options_.revision_wait;
  parked_.push_back({std::move(incoming), needed, until});
  if (!parked_timer_)
    parked_timer_ = env_.ports.clock.after(options_.revision_wait, [this] { wake(); });
}

void Executor::run_parked() {
  if (parked_.empty()) return;
  Revision have = env_.state.committed().revision();
  bus::Instant now = env_.ports.clock.now();
  std::vector<Parked> parked = std::move(parked_);
  parked_.clear();
  parked_timer_.reset();
  bool ended = false;  // this turn takes no more
  for (Parked& p : parked) {
    if (p.needed <= have && !ended) {
      ended = !run(std::move(p.incoming));
    } else if (p.needed <= have) {
      parked_.push_back(std::move(p));
    } else if (p.until <= now) {
      Error late(Code::kTimeout,
                 "Too large resource version: " + std::to_string(p.needed.value()) +
                     ", current: " + std::to_string(have.value()),
                 {{"ResourceVersionTooLarge", "Too large resource version", ""}});
      late.retry_after_seconds = 1;
      replier_.refuse(p.incoming.reply_to, p.incoming.id(), std::move(late));
    } else {
      if (!parked_timer_) parked_timer_ = env_.ports.clock.after(p.until - now, [this] { wake(); });
      parked_.push_back(std::move(p));
    }
  }
}

// ---- one request ----

// The sender's clock may be wrong: it is told ours, and may ask again by that.
bool Executor::refuse_if_late(const Incoming& incoming) {
  int64_t now_ms = env_.ports.clock.wall_ns() / kMillisecond;
  int64_t deadline_ms = incoming.request->deadline_ms();
  if (deadline_ms == 0 || now_ms <= deadline_ms) return false;
  ++stats_.late;
  Error error(Code::kTimeout, "the request came after its deadline and was not run");
  replier_.add(incoming.reply_to, {incoming.id(), std::move(error), {}, now_ms});
  return true;
}

bool Executor::run(Incoming incoming) {
  const wire::Request& request = *incoming.request;
  if (refuse_if_late(incoming)) return true;
  Revision needed = needed_revision(request);
  bool own = incoming.reply_to.empty();
  if (!own && needed > env_.state.committed().revision()) {
    park(std::move(incoming), needed);
    return true;
  }
  if (!has_write(request)) {
    ++stats_.reads;
    ReplyData reply = run_operations(incoming);
    answer_bytes_ += reply.bytes();
    answer(incoming.reply_to, std::move(reply));
    return true;
  }
  std::string key = key_of(incoming);
  if (asking_.count(key) != 0) return true;  // its answer will come
  if (ids_.count(key) != 0) {
    queues_.put_back(std::move(incoming));
    return false;
  }
  ++stats_.writes;
  if (!tx_) tx_.emplace(env_.state.begin());
  ReplyData reply;
  if (const Refusals::Told* told = refusals_.find(key)) {
    ++stats_.repeated;
    reply = recall(incoming, *told);
  } else if (auto past = env_.state.remembered(incoming.actor, incoming.id())) {
    ++stats_.repeated;
    reply = recall(incoming, *past);
  } else if (Status s = check_fence(request); !s) {
    ++stats_.fenced;
    reply = {incoming.id(), s.error(), {}};
  } else {
    std::optional<ReplyData> done = run_write(&incoming, key);
    if (!done) return true;
    reply = *std::move(done);
  }
  answer_bytes_ += reply.bytes();
  answers_.push_back({std::move(incoming.reply_to), std::move(reply), std::move(key)});
  return true;
}

// ---- writes that somebody outside has a say in ----

const Subscribers& Executor::subscribers() {
  if (!std::exchange(subscribers_known_, true)) subscribers_.read(env_.state.latest());
  return subscribers_;
}

std::optional<ReplyData> Executor::run_write(Incoming* incoming, const std::string& key) {
  bool own = incoming->reply_to.empty();
  bool may_ask = !own && (!subscribers().empty() || incoming->verdicts);
  int rounds = incoming->verdicts ? incoming->verdicts->rounds : 0;
  AdmissionPass pass(subscribers_, incoming->verdicts.get());
  ReplyData reply = run_operations(*incoming, may_ask ? &pass : nullptr);
  std::vector<Candidate> candidates = std::move(pass.candidates());
  if (pass.moved() && rounds >= kMostRounds) {
    Error again(Code::kConflict, "what it writes kept changing while admission was asked about it");
    return ReplyData{incoming->id(), std::move(again), {}};
  }
  if (pass.moved()) {
    incoming->verdicts.reset();
    AdmissionPass again(subscribers_, nullptr);
    reply = run_operations(*incoming, &again);
    candidates = std::move(again.candidates());
  }
  if (!candidates.empty()) {
    if (asker_.ask(incoming, &candidates, rounds + 1)) {
      asking_.insert(key);
      return std::nullopt;
    }
    Error busy(Code::kTooManyRequests, "admission is asked about too much already");
    busy.retry_after_seconds = 1;
    return ReplyData{incoming->id(), std::move(busy), {}};
  }
  ids_.insert(key);
  if (!incoming->request->dry_run()) refusals_.note(key, reply, env_.ports.clock.now());
  return reply;
}

void Executor::run_admitted() {
  for (Incoming& incoming : std::exchange(admitted_, {})) {
    asking_.erase(key_of(incoming));
    // Nothing of this id has run in this turn: what came again meanwhile was dropped.
    run(std::move(incoming));
  }
}

// With a ticket goes the word to the node that it is for.
void Executor::answer(const std::string& to, ReplyData reply) {
  for (const OutcomeData& o : reply.outcomes) {
    if (!o.command) continue;
    env_.ports.bus.publish(subjects_.node_command(NodeName(o.command->node), o.command->operation),
                           o.command->bytes.view());
  }
  replier_.add(to, std::move(reply));
}

// What is remembered of an earlier run: its revisions, and the objects as they stood then (others
// may have changed them since, and this answer is of what this request did).
ReplyData Executor::recall(const Incoming& incoming, const PastRequest& past) const {
  ReplyData reply{incoming.id(), {}, {}};
  size_t operations = incoming.request->operations()->size();
  bool each = past.revisions.size() == operations;
  for (size_t i = 0; i < operations; ++i) {
    OutcomeData out;
    out.repeated = true;
    if (!past.revisions.empty()) {
      Revision last =
          operations == 1 && incoming.request->operations()->Get(0)->verb() == wire::Verb::Create
              ? past.revisions.front()
              : past.revisions.back();
      out.revision = each ? past.revisions[i] : last;
      if (each || operations == 1)
        show_again(*incoming.request->operations()->Get(static_cast<flatbuffers::uoffset_t>(i)),
                   &out);
    }
    reply.outcomes.push_back(std::move(out));
  }
  return reply;
}

ReplyData Executor::recall(const Incoming& incoming, const Refusals::Told& told) const {
  ReplyData reply{incoming.id(), {}, told};
  reply.outcomes.resize(incoming.request->operations()->size());
  for (size_t i = 0; i < std::min(told.size(), reply.outcomes.size()); ++i) {
    const auto* op = incoming.request->operations()->Get(static_cast<flatbuffers::uoffset_t>(i));
    if (!told[i].failure && told[i].revision) show_again(*op, &reply.outcomes[i]);
  }
  return reply;
}

void Executor::show_again(const wire::Operation& op, OutcomeData* out) const {
  out->created = op.verb() == wire::Verb::Create;
  Payload record = env_.state.latest().event(out->revision);
  if (record.empty()) return;
  const auto* event = flatbuffers::GetRoot<wire::Event>(record.data());
  out->gone = event->type() == wire::EventType::Deleted;
  const auto* kind =
      schema::Registry::get().by_resource(text_of(event->group()), text_of(event->resource()));
  std::string_view subresource = text_of(op.subresource());
  bool whole = subresource.empty() || subresource == "status";
  if (kind == nullptr || !whole || !op.return_object() || out->gone) return;
  auto stored = env_.state.latest().find_at(*kind, text_of(event->namespace_()),
                                            text_of(event->name()), out->revision);
  if (stored) out->object = std::move(stored->bytes);
}

// A leader whose lease has gone on to another epoch may write no more.
Status Executor::check_fence(const wire::Request& request) {
  std::string_view name = text_of(request.lease());
  if (name.empty()) return {};
  static const schema::KindInfo* const kLease =
      schema::Registry::get().by_resource("coordination.k8s.io", "leases");
  auto fenced = [&](const std::string& why) {
    return Error(Code::kConflict,
                 "the writer no longer leads by lease \"" + std::string(name) + "\": " + why);
  };
  if (name.size() > kMaxName) return fenced("there can be no such lease");
  Stored lease = tx_->view().find(*kLease, "kube-system", name);
  if (!lease) return fenced("there is no such lease");
  const auto* spec = lease.object(*kLease).as<coordination::v1::Lease>()->spec();
  int64_t epoch = spec == nullptr ? 0 : spec->lease_transitions().value_or(0);
  if (epoch < 0 || request.epoch() >= static_cast<uint64_t>(epoch)) return {};
  return fenced("it is at epoch " + std::to_string(epoch) + ", the writer at " +
                std::to_string(request.epoch()));
}

ReplyData Executor::run_operations(const Incoming& incoming, AdmissionPass* admission) {
  const wire::Request& request = *incoming.request;
  ReplyData reply{incoming.id(), {}, {}};
  Origin origin = origin_of(incoming);
  std::optional<Transaction::Savepoint> begin;
  if (tx_) begin = tx_->savepoint();
  size_t claims = env_.allocator.savepoint();
  for (const wire::Operation* op : *request.operations()) {
    if (admission != nullptr) admission->begin_operation(reply.outcomes.size());
    OutcomeData& out = reply.outcomes.emplace_back();
    std::optional<Transaction::Savepoint> here;
    if (tx_) here = tx_->savepoint();
    size_t claims_here = env_.allocator.savepoint();
    Status done = run_operation(incoming, *op, origin, admission, &out);
    if (done) continue;
    ++stats_.refused;
    if (env_.audit != nullptr)
      note_refusal(*env_.audit, incoming, *op, done.error(), env_.ports.clock.wall_ns());
    std::string token = std::move(out.continue_token);
    out = OutcomeData();
    out.failure = std::move(done).error();
    out.continue_token = std::move(token);
    if (here) tx_->rollback(*here);
    env_.allocator.rollback(claims_here);
    if (request.atomic()) {
      undo_all(request, reply.outcomes.size() - 1, &reply);
      break;
    }
  }
  bool asks = admission != nullptr && (admission->moved() || !admission->candidates().empty());
  bool undo = request.dry_run() || asks || (request.atomic() && reply.outcomes.back().failure);
  if (undo && begin) {
    tx_->rollback(*begin);
    env_.allocator.rollback(claims);
  }
  return reply;
}

// All or nothing: the others did not happen because one could not.
void Executor::undo_all(const wire::Request& request, size_t failed, ReplyData* reply) {
  Error why = *reply->outcomes[failed].failure;
  why.message = "operation " + std::to_string(failed) + " of this request failed: " + why.message;
  reply->outcomes.resize(request.operations()->size());
  for (size_t i = 0; i < reply->outcomes.size(); ++i) {
    if (i == failed) continue;
    reply->outcomes[i] = OutcomeData();
    reply->outcomes[i].failure = why;
  }
}

Status Executor::run_operation(const Incoming& incoming, const wire::Operation& op,
                               const Origin& origin, AdmissionPass* admission, OutcomeData* out) {
  static thread_local std::array<unsigned char, kScratchBytes> scratch;
  auto kind = kind_of(op);
  if (!kind) return kind.error();
  json::monotonic_resource memory(scratch.data(), scratch.size());
  const wire::Request& request = *incoming.request;
  Caller caller{incoming.actor, request.on_behalf_of()};
  // Its answer leaves at once: a read must not see what others have in the open batch.
  Transaction* tx = tx_ && has_write(request) ? &*tx_ : nullptr;
  Scope s{env_, tx, caller, origin, op, *kind, request.dry_run(), &memory, out};
  s.ns = text_of(op.namespace_());
  s.name = text_of(op.name());
  s.subresource = text_of(op.subresource());
  s.admission = admission;
  if (Status st = check_form(s); !st) return st;
  if (Status st = authorize(s); !st) return st;
  if (is_write(op.verb()) && env_.state.room() != Room::kOk) {
    bool removes = op.verb() == wire::Verb::Delete || op.verb() == wire::Verb::DeleteCollection;
    if (!removes || env_.state.room() == Room::kNone)
      return Error(Code::kUnavailable, env_.state.room_reason());
  }
  return run_verb(s);
}

// ---- the batch ----

void Executor::commit() {
  ++stats_.batches;
  auto answers = std::make_shared<std::vector<Answer>>(std::move(answers_));
  answers_.clear();
  ids_.clear();
  env_.allocator.keep();
  Transaction tx = *std::move(tx_);
  tx_.reset();
  env_.state.commit(std::move(tx), [this, answers](Result<Committed> committed) {
    on_committed(std::move(committed), answers.get());
  });
}

void Executor::on_committed(Result<Committed> committed, std::vector<Answer>* answers) {
  if (!committed) {
    ++stats_.lost_batches;
    env_.ports.log.error("a batch was lost: " + committed.error().message);
    env_.allocator.rebuild(env_.state.latest());
    for (Answer& a : *answers) {
      refusals_.forget(a.key);
      replier_.refuse(a.to, std::move(a.reply.id),
                      Error(Code::kUnavailable, committed.error().message));
    }
    return replier_.flush();
  }
  for (const Published& p : committed->events) subscribers_known_ &= p.kind != &Subscribers::kind();
  // Answers first: who writes waits for them; events have nobody waiting.
  for (Answer& a : *answers) answer(a.to, std::move(a.reply));
  replier_.flush();
  publish(*committed);
  if (!parked_.empty()) wake();
}

void Executor::publish(const Committed& committed) {
  for (const Published& p : committed.events) {
    Sent sent = publish_change(env_.ports.bus, subjects_, p);
    stats_.events += sent.taken;
    stats_.unpublished += sent.refused;
  }
}

}  // namespace kubus::store
