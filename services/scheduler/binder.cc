#include "services/scheduler/binder.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "bus/kit/requests.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::scheduler {
namespace {

namespace json = boost::json;

constexpr bus::Duration kAskAgain = std::chrono::seconds(1);

// The store may have done what it did not answer for.
bool may_have_been_done(Code code) {
  return code == Code::kTimeout || code == Code::kUnavailable || code == Code::kInternal;
}

Result<wire::RequestT> binding_of(const Decision& d) {
  json::object binding{
      {"metadata", {{"name", d.pod.name()}, {"namespace", d.pod.ns()}, {"uid", d.pod.uid()}}},
      {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", d.node}}}};
  kit::WriteOptions options;
  options.subresource = "binding";
  options.uid = d.pod.uid();
  options.return_object = false;
  return kit::create_request(d.pod.kind(), d.pod.ns(), binding, options);
}

}  // namespace

kit::Cause cause_of(const std::vector<Decision>& decisions) {
  kit::Cause cause;
  for (const Decision& d : decisions)
    cause.revisions.insert(cause.revisions.end(), d.causes.begin(), d.causes.end());
  std::sort(cause.revisions.begin(), cause.revisions.end());
  auto last = std::unique(cause.revisions.begin(), cause.revisions.end());
  cause.revisions.erase(last, cause.revisions.end());
  bool first = std::all_of(decisions.begin(), decisions.end(),
                           [](const Decision& d) { return d.attempts <= 1; });
  cause.trigger = static_cast<uint8_t>(!cause.revisions.empty() ? wire::Trigger::Event
                                       : first                  ? wire::Trigger::Start
                                                                : wire::Trigger::Timer);
  return cause;
}

Binder::Binder(bus::Ports ports, kit::Client& client, Done done)
    : ports_(ports), client_(client), done_(std::move(done)) {}
Binder::~Binder() = default;

void Binder::bind(std::vector<Decision> decisions, const kit::Fence& fence) {
  wire::RequestT request;
  std::erase_if(decisions, [&](const Decision& d) {
    auto one = binding_of(d);
    if (one) {
      request.operations.push_back(std::move(one->operations[0]));
    } else {
      ports_.log.error("binding of " + d.key + ": " + one.error().message);
      ask_later(d);
    }
    return !one;
  });
  if (decisions.empty()) return;
  kit::WriteOptions options;
  options.cause = cause_of(decisions);
  options.fence = fence;
  kit::stamp(options, &request);
  ++requests_;
  auto batch = std::make_shared<const std::vector<Decision>>(std::move(decisions));
  std::weak_ptr<bool> weak = alive_;
  client_.call(std::move(request), [this, weak, batch](Result<kit::Answer> answer) {
    if (!weak.expired()) on_answer(batch, answer);
  });
}

void Binder::on_answer(const Batch& batch, const Result<kit::Answer>& answer) {
  --requests_;
  std::weak_ptr<bool> weak = alive_;
  if (!answer) ports_.log.warn("bindings: " + answer.error().message);
  for (size_t i = 0; i < batch->size() && !weak.expired(); ++i) {
    const Decision& d = (*batch)[i];
    Status status = answer ? kit::status_of(answer->outcome(i)) : Status(answer.error());
    if (status) {
      done_(d, Outcome::kBound);
    } else if (may_have_been_done(status.error().code)) {
      ask_later(d);
    } else {
      ports_.log.debug("binding of " + d.key + ": " + status.error().message);
      done_(d, Outcome::kNotDone);
    }
  }
}

// The request's deadline is over: what it has not done by now it will not do.
void Binder::ask(const Decision& decision) {
  std::weak_ptr<bool> weak = alive_;
  client_.get(decision.pod.key(), [this, weak, decision](Result<Object> pod) {
    if (!weak.expired()) on_asked(decision, pod);
  });
}

void Binder::on_asked(const Decision& decision, const Result<Object>& pod) {
  if (!pod && may_have_been_done(pod.error().code)) return ask_later(decision);
  bool same = pod && pod->uid() == decision.pod.uid();
  const auto* spec = same ? pod->as<core::v1::Pod>()->spec() : nullptr;
  bool bound = spec && spec->node_name() && !spec->node_name()->string_view().empty();
  done_(decision, bound ? Outcome::kBound : Outcome::kNotDone);
}

void Binder::ask_later(const Decision& decision) {
  unknown_.push_back(decision);
  if (!ask_timer_) ask_timer_ = ports_.clock.after(kAskAgain, [this] { on_ask_timeout(); });
}

void Binder::on_ask_timeout() {
  ask_timer_.reset();
  auto all = std::exchange(unknown_, {});
  for (const Decision& d : all) ask(d);
}

}  // namespace kubus::scheduler
