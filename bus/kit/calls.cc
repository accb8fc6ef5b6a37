#include "bus/kit/calls.h"

#include <algorithm>

#include "schemas/lib/base/error_codes.h"

namespace kubus::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr bus::Duration kRepeatAfter = seconds(2);
constexpr bus::Duration kFirstBackoff = milliseconds(50);
constexpr bus::Duration kSpreadAfterReconnect = milliseconds(100);

std::string_view token_of(wire::Verb verb) {
  switch (verb) {
    case wire::Verb::Get:
      return "get";
    case wire::Verb::List:
      return "list";
    case wire::Verb::Create:
      return "create";
    case wire::Verb::Update:
      return "update";
    case wire::Verb::Patch:
      return "patch";
    case wire::Verb::Apply:
      return "apply";
    case wire::Verb::Delete:
      return "delete";
    case wire::Verb::DeleteCollection:
      return "deletecollection";
    case wire::Verb::EventsAfter:
      return "events-after";
    case wire::Verb::History:
      return "history";
    case wire::Verb::Heads:
      return "heads";
    case wire::Verb::Connect:
      return "connect";
    case wire::Verb::Archive:
      return "archive";
    case wire::Verb::Trace:
      return "trace";
    case wire::Verb::Purge:
      return "purge";
    case wire::Verb::Audit:
      return "audit";
    case wire::Verb::Rekey:
      return "rekey";
  }
  return "unknown";
}

Error error_of(const wire::Failure& failure) {
  Error error;
  if (failure.reason()) error.code = code_of_reason(failure.reason()->string_view());
  if (failure.message()) error.message = failure.message()->str();
  if (failure.causes()) {
    for (const wire::ErrorCause* c : *failure.causes()) {
      auto text = [](const flatbuffers::String* s) { return s ? s->str() : std::string(); };
      error.causes.push_back({text(c->reason()), text(c->message()), text(c->field())});
    }
  }
  if (auto after = failure.retry_after_seconds()) error.retry_after_seconds = *after;
  return error;
}

bool unavailable(const wire::Reply& reply) {
  const wire::Failure* f = reply.failure();
  return f && f->reason() && code_of_reason(f->reason()->string_view()) == Code::kUnavailable;
}

}  // namespace

Status status_of(const wire::Outcome& outcome) {
  if (!outcome.failure()) return {};
  return error_of(*outcome.failure());
}

Calls::Calls(bus::Ports ports, const ClientOptions& options, const bus::Subjects& subjects)
    : ports_(ports),
      options_(options),
      subjects_(subjects),
      reply_to_(subjects.reply(options.actor, ports.random.uuid())) {
  replies_ = ports_.bus.subscribe(bus::Pattern::given(reply_to_.str()),
                                  [this](bus::Message m) { on_message(m); });
  states_ = ports_.bus.watch_state([this](bus::BusState s) { on_state(s); });
}

void Calls::call(wire::RequestT request, Done done) {
  if (request.operations.empty()) {
    return fail_soon({Code::kBadRequest, "the request holds no operation"}, std::move(done));
  }
  if (request.id.empty()) request.id = ports_.random.uuid();
  if (pending_.count(request.id)) {
    return fail_soon({Code::kConflict, "a request with this id is outstanding"}, std::move(done));
  }
  int64_t now_ms = wall_ms();
  if (request.deadline_ms == 0) request.deadline_ms = now_ms + options_.timeout / milliseconds(1);
  bus::Duration left = milliseconds(std::max<int64_t>(0, request.deadline_ms - now_ms));

  const wire::OperationT& op = *request.operations.front();
  const wire::LaneT* lane = op.lane.get();
  Pending pending{
      .serial = next_serial_++,
      .operations = request.operations.size(),
      .deadline = ports_.clock.now() + left,
      .subject = subjects_.api(options_.actor, token_of(op.verb),
                               op.group.empty() && lane ? lane->group : op.group,
                               op.resource.empty() && lane ? lane->resource : op.resource),
      .done = std::move(done)};
  builder_.Clear();
  builder_.Finish(wire::CreateRequest(builder_, &request));
  if (builder_.GetSize() > ports_.bus.max_payload()) {
    return fail_soon({Code::kTooLarge, "the request has " + std::to_string(builder_.GetSize()) +
                                           " bytes; a message carries at most " +
                                           std::to_string(ports_.bus.max_payload())},
                     std::move(pending.done));
  }
  pending.bytes.assign(builder_.GetBufferPointer(),
                       builder_.GetBufferPointer() + builder_.GetSize());
  auto at = pending_.emplace(std::move(request.id), std::move(pending)).first;
  send(at->second);
  schedule(at->first, at->second, in_about(kRepeatAfter));
}

// A refused publish is no failure: the next repeat, or the reconnect, sends it.
void Calls::send(Pending& pending) {
  ++(pending.attempts++ == 0 ? stats_.sent : stats_.repeated);
  ports_.bus.publish(pending.subject, pending.bytes, &reply_to_);
}

// The latest schedule of a request counts.
void Calls::schedule(const std::string& id, Pending& pending, bus::Instant at) {
  pending.due = std::min(at, pending.deadline);
  due_.push({pending.due, pending.serial, id});
  if (!timer_ || pending.due < armed_) arm();
}

void Calls::arm() {
  timer_.reset();
  if (due_.empty()) return;
  armed_ = due_.top().at;
  timer_ = ports_.clock.after(std::max(bus::Duration(0), armed_ - ports_.clock.now()),
                              [this] { on_timeout(); });
}

void Calls::on_timeout() {
  std::weak_ptr<bool> alive = alive_;
  bus::Instant now = ports_.clock.now();
  while (!due_.empty() && due_.top().at <= now) {
    Due due = due_.top();
    due_.pop();
    auto at = pending_.find(due.id);
    if (at == pending_.end() || at->second.serial != due.serial) continue;
    if (at->second.due != due.at) continue;
    if (at->second.deadline <= now) {
      ++stats_.timeouts;
      finish(at, Error(Code::kTimeout, "no answer before the deadline; the outcome is unknown"));
      if (alive.expired()) return;
      continue;
    }
    send(at->second);
    schedule(due.id, at->second, in_about(kRepeatAfter));
  }
  arm();
}

// What was under way when the connection broke may be lost: all of it is sent again, in its order.
// All clients come back at once, so each waits a little.
void Calls::on_state(bus::BusState state) {
  if (state != bus::BusState::kConnected) return;
  auto spread = static_cast<uint64_t>(kSpreadAfterReconnect.count());
  bus::Instant at =
      ports_.clock.now() + bus::Duration(pending_.empty() ? 0 : ports_.random.below(spread));
  for (auto& [id, pending] : pending_) schedule(id, pending, at);
}

void Calls::on_message(const bus::Message& message) {
  flatbuffers::Verifier verifier(message.payload.data(), message.payload.size());
  if (message.payload.empty() || !verifier.VerifyBuffer<wire::Replies>(nullptr)) {
    ++stats_.hostile;
    return;
  }
  const auto* replies = flatbuffers::GetRoot<wire::Replies>(message.payload.data())->replies();
  if (!replies) return;
  std::weak_ptr<bool> alive = alive_;
  for (const wire::Reply* reply : *replies) {
    on_reply(*reply, message.payload);
    if (alive.expired()) return;
  }
}

void Calls::on_reply(const wire::Reply& reply, const Payload& payload) {
  auto at = reply.id() ? pending_.find(reply.id()->str()) : pending_.end();
  if (at == pending_.end()) {
    ++stats_.unknown;
    return;
  }
  if (unavailable(reply)) {
    int doubled = std::min(at->second.attempts, 6);
    schedule(at->first, at->second, in_about(kFirstBackoff * (1 << doubled)));
    return;
  }
  if (reply.time_ms() != 0 && correct_deadline(at->second, reply.time_ms()))
    return schedule(at->first, at->second, ports_.clock.now());
  ++stats_.answered;
  if (reply.failure()) return finish(at, error_of(*reply.failure()));
  if (!reply.outcomes() || reply.outcomes()->size() < at->second.operations) {
    ++stats_.hostile;
    return finish(at, Error(Code::kInternal, "the answer lacks an outcome"));
  }
  finish(at, Answer(payload, &reply));
}

// The store found the request late by its own clock though its time is not up by ours: one of the
// clocks is wrong, and deadlines go by the store's from now on.
bool Calls::correct_deadline(Pending& pending, int64_t store_ms) {
  int64_t left_ms = (pending.deadline - ports_.clock.now()) / milliseconds(1);
  if (left_ms <= 0 || std::exchange(pending.told_time, true)) return false;
  skew_ms_ += store_ms - wall_ms();
  auto* request = flatbuffers::GetMutableRoot<flatbuffers::Table>(pending.bytes.data());
  return request->SetField<int64_t>(wire::Request::VT_DEADLINE_MS, store_ms + left_ms, 0);
}

void Calls::finish(Map::iterator at, Result<Answer> result) {
  Done done = std::move(at->second.done);
  pending_.erase(at);
  done(std::move(result));
}

void Calls::fail_soon(Error error, Done done) {
  failed_.emplace_back(std::move(error), std::move(done));
  failed_timer_ = ports_.clock.after(bus::Duration(0), [this] {
    std::weak_ptr<bool> alive = alive_;
    auto failed = std::move(failed_);
    failed_.clear();
    for (auto& [error, done] : failed) {
      done(std::move(error));
      if (alive.expired()) return;
    }
  });
}

// Between 3/4 and 5/4 of it from now.
bus::Instant Calls::in_about(bus::Duration delay) {
  auto half = static_cast<uint64_t>(delay.count() / 2);
  return ports_.clock.now() + delay * 3 / 4 + bus::Duration(half ? ports_.random.below(half) : 0);
}

}  // namespace kubus::kit
