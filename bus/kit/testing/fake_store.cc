#include "bus/kit/testing/fake_store.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "schemas/lib/base/check.h"
#include "schemas/lib/base/error_codes.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/patch/patch.h"
#include "schemas/lib/selectors/selectors.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus::kit::testing {
namespace {

namespace json = boost::json;

constexpr int64_t kNsPerMs = 1'000'000;
constexpr size_t kEventsPerPage = 64;

std::unique_ptr<wire::FailureT> failure_of(const Error& error) {
  auto failure = std::make_unique<wire::FailureT>();
  failure->reason = status_reason(error.code);
  failure->message = error.message;
  return failure;
}

bus::LaneId lane_of(const wire::LaneT& lane) {
  return {lane.group, lane.resource, lane.namespace_, lane.name, lane.node};
}

Error not_found(const wire::OperationT& op) {
  return {Code::kNotFound, op.resource + " \"" + op.name + "\" not found"};
}

bool reads(wire::Verb verb) {
  return verb == wire::Verb::Get || verb == wire::Verb::List || verb == wire::Verb::EventsAfter ||
         verb == wire::Verb::Heads || verb == wire::Verb::History;
}

const schema::KindInfo* kind_of(const wire::OperationT& op) {
  return schema::Registry::get().by_resource(op.group, op.resource);
}

ObjectKey key_of(const wire::OperationT& op) {
  return {kind_of(op), op.namespace_, op.name};
}

Status preconditions(const Object& object, const wire::OperationT& op) {
  if (!op.precondition_uid.empty() && op.precondition_uid != object.uid()) {
    return Error(Code::kConflict, "the uid differs");
  }
  if (op.precondition_revision && Revision(op.precondition_revision) != object.revision()) {
    return Error(Code::kConflict, "the object has been modified");
  }
  return {};
}

}  // namespace

FakeStore::FakeStore(bus::Ports ports, ClusterName cluster)
    : ports_(ports), subjects_(std::move(cluster)) {
  requests_in_ =
      ports_.bus.subscribe(subjects_.all_api(), [this](bus::Message m) { on_request(m); });
  on_heads_timeout();
}

Revision FakeStore::put(const schema::KindInfo& kind, std::string_view ns,
                        const json::value& value) {
  ObjectKey key{&kind, std::string(ns), std::string(value.at("metadata").at("name").as_string())};
  auto change =
      state_.put(key, value, ports_.clock.wall_ns(), ports_.random.uuid(), {.actor = "test"});
  if (change) publish(*change);
  return state_.find(key).revision();
}

Revision FakeStore::erase(const ObjectKey& key) {
  auto change = state_.erase(key, ports_.clock.wall_ns(), {.actor = "test"});
  if (change) publish(*change);
  return state_.revision();
}

void FakeStore::publish(const Published& change) {
  if (held_ != nullptr) return held_->push_back(change);
  bool lost = lose_events_ > 0 || (lose_percent_ && ports_.random.below(100) < lose_percent_);
  if (lose_events_ > 0) --lose_events_;
  if (lost) return;
  int times = double_percent_ && ports_.random.below(100) < double_percent_ ? 2 : 1;
  const ObjectKey& k = change.key;
  for (int i = 0; i < times; ++i) {
    ports_.bus.publish(subjects_.event(k.kind->group, k.kind->resource, k.ns, k.name),
                       change.event.view());
    auto tell_node = [&](const std::string& node, const Payload& event) {
      ports_.bus.publish(subjects_.node_event(node, k.kind->group, k.kind->resource, k.ns, k.name),
                         event.view());
    };
    if (!change.node.empty()) tell_node(change.node, change.event);
    for (const auto& notice : change.notices) tell_node(notice.node, notice.event);
  }
}

void FakeStore::on_heads_timeout() {
  heads_timer_ = ports_.clock.after(std::chrono::seconds(1), [this] { on_heads_timeout(); });
  if (away_) return;
  for (const bus::LaneId& lane : state_.take_moved()) {
    wire::HeadT head;
    head.lane = std::make_unique<wire::LaneT>();
    head.lane->group = lane.group;
    head.lane->resource = lane.resource;
    head.lane->namespace_ = lane.ns;
    head.lane->name = lane.name;
    head.lane->node = lane.node;
    head.revision = state_.head(lane).value();
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::CreateHead(builder, &head));
    if (lane.form() == bus::LaneId::Form::kObject) continue;
    ports_.bus.publish(subjects_.head(lane), {builder.GetBufferPointer(), builder.GetSize()});
  }
}

void FakeStore::on_request(const bus::Message& message) {
  auto from = subjects_.parse_api(message.subject);
  if (away_ || !from || !subjects_.reply_belongs_to(message.reply, from->actor)) return;
  flatbuffers::Verifier verifier(message.payload.data(), message.payload.size());
  if (message.payload.empty() || !verifier.VerifyBuffer<wire::Request>(nullptr)) return;
  ++requests_;
  wire::RequestT request;
  flatbuffers::GetRoot<wire::Request>(message.payload.data())->UnPackTo(&request);
  wire::ReplyT reply = execute(from->actor, request);
  if (lose_answers_ > 0) {
    --lose_answers_;
    return;
  }
  answers_.push_back({ports_.clock.now() + delay_, message.reply, std::move(reply)});
  if (!answer_timer_) {
    answer_timer_ = ports_.clock.after(delay_, [this] { on_answers_timeout(); });
  }
}

// All that is due to one client goes in one message.
void FakeStore::on_answers_timeout() {
  answer_timer_.reset();
  std::map<std::string, wire::RepliesT> due;
  while (!answers_.empty() && answers_.front().at <= ports_.clock.now()) {
    Answered& a = answers_.front();
    due[a.subject].replies.push_back(std::make_unique<wire::ReplyT>(std::move(a.reply)));
    answers_.pop_front();
  }
  for (auto& [subject, replies] : due) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::CreateReplies(builder, &replies));
    if (away_) continue;
    ports_.bus.publish(bus::Subject::received(subject),
                       {builder.GetBufferPointer(), builder.GetSize()});
  }
  if (answers_.empty()) return;
  answer_timer_ = ports_.clock.after(answers_.front().at - ports_.clock.now(),
                                     [this] { on_answers_timeout(); });
}

wire::ReplyT FakeStore::execute(const std::string& actor, const wire::RequestT& request) {
  wire::ReplyT reply;
  reply.id = request.id;
  if (auto ok = check(request); !ok) {
    reply.failure = failure_of(ok.error());
    return reply;
  }
  auto earlier = answered_.find({actor, request.id});
  if (earlier != answered_.end()) return earlier->second;
  if (!run_all({actor, &request}, &reply)) return reply;
  writes_.push_back(request);
  wire::ReplyT& kept = answered_[{actor, request.id}] = reply;
  for (auto& outcome : kept.outcomes) {
    outcome->object.clear();
    outcome->repeated = true;
  }
  return reply;
}

Status FakeStore::check(const wire::RequestT& request) const {
  if (refuse_) return Error(Code::kUnavailable, "the store is starting");
  if (request.deadline_ms && request.deadline_ms < ports_.clock.wall_ns() / kNsPerMs) {
    return Error(Code::kTimeout, "the request came after its deadline");
  }
  if (request.lease.empty()) return {};
  const auto* leases = schema::Registry::get().by_resource("coordination.k8s.io", "leases");
  Object lease = state_.find({leases, "kube-system", request.lease});
  json::value value = lease ? codec::to_value(*leases, lease.bytes()) : json::value();
  if (!lease || value.at("spec").at("leaseTransitions").to_number<uint64_t>() != request.epoch) {
    return Error(Code::kConflict, "the lease has another epoch");
  }
  return {};
}

// Whether anything was written. What an atomic request changed is undone when one of it fails.
bool FakeStore::run_all(const Context& context, wire::ReplyT* reply) {
  std::optional<FakeState> before;
  if (context.request->atomic) before = state_;
  bool writes = false, failed = false;
  std::vector<Published> told;
  held_ = before ? &told : nullptr;
  for (const auto& op : context.request->operations) {
    auto outcome = std::make_unique<wire::OutcomeT>();
    run(context, *op, outcome.get());
    failed |= outcome->failure != nullptr;
    writes |= !reads(op->verb) && !outcome->failure;
    reply->outcomes.push_back(std::move(outcome));
    if (before && failed) break;
  }
  held_ = nullptr;
  if (before && failed) {
    state_ = *std::move(before);
    return false;
  }
  for (const Published& change : told) publish(change);
  return writes;
}

void FakeStore::run(const Context& context, const wire::OperationT& op, wire::OutcomeT* out) {
  Status status = dispatch(context, op, out);
  if (!status) out->failure = failure_of(status.error());
}

Status FakeStore::dispatch(const Context& context, const wire::OperationT& op,
                           wire::OutcomeT* out) {
  if (op.verb == wire::Verb::EventsAfter) return events_after(op, out);
  if (!kind_of(op)) return Error(Code::kNotFound, "no such resource: " + op.resource);
  switch (op.verb) {
    case wire::Verb::Get:
      return get(op, out);
    case wire::Verb::List:
      return list(op, out);
    case wire::Verb::Create:
      return op.subresource == "binding" ? bind(context, op, out) : create(context, op, out);
    case wire::Verb::Update:
    case wire::Verb::Patch:
      return change(context, op, out);
    case wire::Verb::Delete:
      return remove(context, op, out);
    default:
      return Error(Code::kMethodNotAllowed, "the fake store has no such verb");
  }
}

Status FakeStore::get(const wire::OperationT& op, wire::OutcomeT* out) {
  Object object = state_.find(key_of(op));
  if (!object) return not_found(op);
  out->revision = state_.revision().value();
  out->object.assign(object.bytes().begin(), object.bytes().end());
  return {};
}

Status FakeStore::list(const wire::OperationT& op, wire::OutcomeT* out) {
  std::vector<Object> left;
  Revision at = state_.revision();
  if (!op.continue_token.empty()) {
    auto listing = listings_.find(op.continue_token);
    if (listing == listings_.end() || listed_at_[op.continue_token] < state_.compacted()) {
      return Error(Code::kExpired, "the list's revision is compacted");
    }
    left = std::move(listing->second);
    at = listed_at_[op.continue_token];
    listings_.erase(listing);
  } else {
    auto labels = selectors::LabelSelector::parse(op.label_selector);
    if (!labels) return labels.error();
    auto fields = selectors::FieldSelector::parse(op.field_selector);
    if (!fields) return fields.error();
    for (const auto& [key, object] : state_.objects()) {
      if (key.kind != kind_of(op) || (!op.namespace_.empty() && key.ns != op.namespace_)) continue;
      std::string text;
      auto field = [&](std::string_view path) -> std::optional<std::string_view> {
        auto value = object.field(path);
        if (!value) return std::nullopt;
        text = *value;
        return text;
      };
      bool matches = labels->matches([&](std::string_view k) { return object.label(k); }) &&
                     fields->matches(field);
      if (matches) left.push_back(object);
    }
  }
  size_t page = std::min<size_t>(left.size(), op.limit ? op.limit : page_size_);
  for (size_t i = 0; i < page; ++i) {
    auto item = std::make_unique<wire::BytesT>();
    item->bytes.assign(left[i].bytes().begin(), left[i].bytes().end());
    out->items.push_back(std::move(item));
  }
  out->revision = at.value();
  left.erase(left.begin(), left.begin() + static_cast<ptrdiff_t>(page));
  if (left.empty()) return {};
  out->continue_token = ports_.random.uuid();
  listed_at_[out->continue_token] = at;
  listings_[out->continue_token] = std::move(left);
  return {};
}

Status FakeStore::events_after(const wire::OperationT& op, wire::OutcomeT* out) {
  if (!op.lane) return Error(Code::kBadRequest, "the lane is missing");
  if (Revision(op.after) < state_.compacted()) {
    return Error(Code::kExpired, "events after that revision are compacted");
  }
  bus::LaneId lane = lane_of(*op.lane);
  for (const Payload& event : state_.events_after(lane, Revision(op.after), kEventsPerPage)) {
    auto bytes = std::make_unique<wire::BytesT>();
    bytes->bytes.assign(event.view().begin(), event.view().end());
    out->events.push_back(std::move(bytes));
  }
  out->head = state_.head(lane).value();
  out->revision = state_.revision().value();
  out->oldest = state_.compacted().value();
  return {};
}

Status FakeStore::store(const Context& context, const schema::KindInfo& kind,
                        const wire::OperationT& op, json::value value, wire::OutcomeT* out) {
  ObjectKey key{&kind, op.namespace_, std::string(value.at("metadata").at("name").as_string())};
  Origin origin{context.actor, context.request->id, op.subresource, context.request->cause.get()};
  auto change =
      state_.put(key, std::move(value), ports_.clock.wall_ns(), ports_.random.uuid(), origin);
  if (change) publish(*change);
  Object now = state_.find(key);
  out->revision = now.revision().value();
  if (op.return_object) out->object.assign(now.bytes().begin(), now.bytes().end());
  return {};
}

Status FakeStore::create(const Context& context, const wire::OperationT& op, wire::OutcomeT* out) {
  const schema::KindInfo& kind = *kind_of(op);
  if (!codec::verify(kind, op.object)) return Error(Code::kBadRequest, "malformed object");
  json::value value = codec::to_value(kind, op.object);
  json::object& meta = value.as_object()["metadata"].as_object();
  if (!meta.if_contains("name")) {
    if (!meta.if_contains("generateName")) return Error(Code::kInvalid, "a name is required");
    meta["name"] = std::string(meta["generateName"].as_string()) + ports_.random.suffix(5);
  }
  ObjectKey key{&kind, op.namespace_, std::string(meta["name"].as_string())};
  if (state_.find(key)) return Error(Code::kAlreadyExists, key.str() + " already exists");
  out->created = true;
  return store(context, kind, op, std::move(value), out);
}

Status FakeStore::bind(const Context& context, const wire::OperationT& op, wire::OutcomeT* out) {
  const auto* bindings = schema::Registry::get().by_kind("", "v1", "Binding");
  if (!codec::verify(*bindings, op.object)) return Error(Code::kBadRequest, "malformed Binding");
  Object pod = state_.find(key_of(op));
  if (!pod) return not_found(op);
  if (!pod.field("spec.nodeName").value_or("").empty()) {
    return Error(Code::kConflict, "pod " + op.name + " is already assigned to a node");
  }
  json::value value = codec::to_value(pod.kind(), pod.bytes());
  value.as_object()["spec"].as_object()["nodeName"] =
      codec::to_value(*bindings, op.object).at("target").at("name");
  return store(context, pod.kind(), op, std::move(value), out);
}

Status FakeStore::change(const Context& context, const wire::OperationT& op, wire::OutcomeT* out) {
  Object before = state_.find(key_of(op));
  if (!before) return not_found(op);
  if (auto ok = preconditions(before, op); !ok) return ok;
  const schema::KindInfo& kind = before.kind();
  json::value value = codec::to_value(kind, before.bytes()), after = value;
  if (op.verb == wire::Verb::Update) {
    if (!codec::verify(kind, op.object)) return Error(Code::kBadRequest, "malformed object");
    after = codec::to_value(kind, op.object);
  } else if (op.patch_type == wire::PatchType::Merge) {
    boost::system::error_code failed;
    json::value patch = json::parse(as_text(op.patch), failed);
    if (failed) return Error(Code::kBadRequest, "the patch is no JSON");
    patch::merge_patch(after, patch);
  } else if (op.patch_type == wire::PatchType::Strategic) {
    boost::system::error_code failed;
    json::value patch = json::parse(as_text(op.patch), failed);
    if (failed) return Error(Code::kBadRequest, "the patch is no JSON");
    if (auto ok = patch::strategic_merge(*kind.type, after, patch); !ok) return ok;
  } else {
    return Error(Code::kUnsupportedMediaType, "the fake store merges only");
  }
  if (op.subresource == "status") {
    const json::value* status = after.as_object().if_contains("status");
    value.as_object()["status"] = status ? *status : json::object();
    after = std::move(value);
  }
  return store(context, kind, op, std::move(after), out);
}

// A bound Pod, or what has finalizers, is only marked, unless no grace is left.
Status FakeStore::remove(const Context& context, const wire::OperationT& op, wire::OutcomeT* out) {
  ObjectKey key = key_of(op);
  Object before = state_.find(key);
  if (!before) return not_found(op);
  if (auto ok = preconditions(before, op); !ok) return ok;
  constexpr int64_t kDefaultGrace = 30;
  int64_t grace = op.grace_seconds.has_value() ? *op.grace_seconds : kDefaultGrace;
  bool bound = key.kind->kind == "Pod" && !before.field("spec.nodeName").value_or("").empty();
  const auto* finalizers = before.meta().finalizers();
  if ((bound && grace > 0) || (finalizers && finalizers->size() > 0)) {
    json::value value = codec::to_value(*key.kind, before.bytes());
    json::object& meta = value.as_object()["metadata"].as_object();
    meta["deletionTimestamp"] = codec::format_time(ports_.clock.wall_seconds() + grace);
    meta["deletionGracePeriodSeconds"] = grace;
    return store(context, *key.kind, op, std::move(value), out);
  }
  auto change =
      state_.erase(key, ports_.clock.wall_ns(),
                   {context.actor, context.request->id, "", context.request->cause.get()});
  publish(*change);
  out->revision = change->revision.value();
  out->gone = true;
  return {};
}

}  // namespace kubus::kit::testing
