#include "services/scheduler/evictor.h"

#include <boost/json/serialize.hpp>

#include "bus/kit/requests.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/codec/scalars.h"
#include "services/scheduler/binder.h"

namespace kubus::scheduler {
namespace {

namespace json = boost::json;

constexpr bus::Duration kAskAgain = std::chrono::seconds(1);
constexpr size_t kMostOperations = 512;

ObjectKey key_of(const Decision& d, const Victim& v) {
  size_t slash = v.key.find('/');
  return {&d.pod.kind(), v.key.substr(0, slash), v.key.substr(slash + 1)};
}

std::string nomination(const Decision& d) {
  return json::serialize(json::object{{"status", {{"nominatedNodeName", d.nominated}}}});
}

std::string condition(int64_t now_unix_seconds) {
  json::object condition{
      {"type", "DisruptionTarget"},
      {"status", "True"},
      {"reason", "PreemptionByScheduler"},
      {"message", "default-scheduler: makes room for a Pod of a higher priority"},
      {"lastTransitionTime", codec::format_time(now_unix_seconds)}};
  return json::serialize(
      json::object{{"status", {{"conditions", json::array{std::move(condition)}}}}});
}

kit::WriteOptions status_of(std::string_view uid) {
  kit::WriteOptions options;
  options.subresource = "status";
  options.uid = uid;
  options.return_object = false;
  return options;
}

void add(wire::RequestT one, wire::RequestT* request) {
  request->operations.push_back(std::move(one.operations[0]));
}

wire::RequestT step_of(const Decision& d, int64_t now_unix_seconds) {
  wire::RequestT request;
  request.atomic = true;
  add(kit::merge_patch_request(d.pod.key(), nomination(d), status_of(d.pod.uid())), &request);
  bool tell = 2 * d.victims.size() < kMostOperations;
  for (const Victim& v : d.victims) {
    ObjectKey key = key_of(d, v);
    if (tell) {
      auto patch = kit::merge_patch_request(key, condition(now_unix_seconds), status_of(v.uid));
      patch.operations[0]->patch_type = wire::PatchType::Strategic;
      add(std::move(patch), &request);
    }
    kit::WriteOptions options;
    options.uid = v.uid;
    options.return_object = false;
    add(kit::delete_request(key, std::nullopt, options), &request);
  }
  return request;
}

bool may_have_been_done(Code code) {
  return code == Code::kTimeout || code == Code::kUnavailable || code == Code::kInternal;
}

std::string_view nominated_in(const Object& pod) {
  const auto* status = pod.as<core::v1::Pod>()->status();
  const auto* node = status ? status->nominated_node_name() : nullptr;
  return node ? node->string_view() : std::string_view();
}

}  // namespace

Evictor::Evictor(bus::Ports ports, kit::Client& client, Done done)
    : ports_(ports), client_(client), done_(std::move(done)) {}
Evictor::~Evictor() = default;

void Evictor::preempt(Decision decision, const kit::Fence& fence) {
  wire::RequestT request = step_of(decision, ports_.clock.wall_seconds());
  kit::WriteOptions options;
  options.cause = cause_of({decision});
  options.fence = fence;
  kit::stamp(options, &request);
  ++requests_;
  std::weak_ptr<bool> weak = alive_;
  client_.call(std::move(request), [this, weak, d = std::move(decision)](Result<kit::Answer> a) {
    if (!weak.expired()) on_answer(d, a);
  });
}

void Evictor::on_answer(const Decision& d, const Result<kit::Answer>& answer) {
  Status status = answer ? Status() : Status(answer.error());
  size_t outcomes = answer && answer->reply().outcomes() ? answer->reply().outcomes()->size() : 0;
  for (size_t i = 0; i < outcomes && status; ++i) status = kit::status_of(answer->outcome(i));
  if (status) return finish(d, true, Revision(outcomes ? answer->outcome(0).revision() : 0));
  ports_.log.debug("preemption for " + d.key + ": " + status.error().message);
  if (may_have_been_done(status.error().code)) return ask_later(d);
  finish(d, false, {});
}

// The request's deadline is over: what it has not done by now it will not do.
void Evictor::ask(const Decision& decision) {
  std::weak_ptr<bool> weak = alive_;
  client_.get(decision.pod.key(), [this, weak, decision](Result<Object> pod) {
    if (!weak.expired()) on_asked(decision, pod);
  });
}

void Evictor::on_asked(const Decision& d, const Result<Object>& pod) {
  if (!pod && may_have_been_done(pod.error().code)) return ask_later(d);
  bool done = pod && pod->uid() == d.pod.uid() && nominated_in(*pod) == d.nominated;
  finish(d, done, done ? pod->revision() : Revision());
}

void Evictor::ask_later(const Decision& decision) {
  unknown_.push_back(decision);
  if (!ask_timer_) ask_timer_ = ports_.clock.after(kAskAgain, [this] { on_ask_timeout(); });
}

void Evictor::on_ask_timeout() {
  ask_timer_.reset();
  auto all = std::exchange(unknown_, {});
  for (const Decision& d : all) ask(d);
}

void Evictor::finish(const Decision& d, bool done, Revision written) {
  --requests_;
  done_(d, done, written);
}

}  // namespace kubus::scheduler
