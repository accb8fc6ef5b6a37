#include "services/scheduler/reporter.h"

#include "bus/kit/requests.h"
#include "services/scheduler/engine.h"

namespace kubus::scheduler {
namespace {

constexpr size_t kAtOnce = 256;
constexpr bus::Duration kRetry = std::chrono::milliseconds(500);

}  // namespace

Reporter::Reporter(bus::Ports ports, kit::Client& client, kit::Recorder& recorder,
                   std::function<void()> on_news)
    : ports_(ports), client_(client), recorder_(recorder), on_news_(std::move(on_news)) {}
Reporter::~Reporter() = default;

void Reporter::want(const Object& pod, Verdict verdict, const kit::Cause& cause, bool event,
                    Revision written) {
  std::string key = key_of(pod);
  Wanted& wanted = wanted_[key];
  bool news = wanted.verdict != verdict && !says(pod, verdict);
  if (news && event) {
    recorder_.warning(pod, "FailedScheduling", verdict.message, "", cause);
  }
  bool newer =
      !wanted.pod || wanted.pod.uid() != pod.uid() || wanted.pod.revision() < pod.revision();
  if (newer) wanted.pod = pod;
  wanted.written = std::max(wanted.written, written);
  wanted.verdict = std::move(verdict);
  wanted.cause = cause;
  consider(key, wanted);
}

void Reporter::on_pod(const Object& pod) {
  auto at = wanted_.find(key_of(pod));
  if (at == wanted_.end()) return;
  if (at->second.pod.uid() != pod.uid()) {
    wanted_.erase(at);
    return;
  }
  at->second.pod = pod;
  consider(at->first, at->second);
}

void Reporter::forget(const std::string& key) {
  wanted_.erase(key);
}

void Reporter::flush(const kit::Fence& fence) {
  wire::RequestT request;
  std::vector<std::string> keys;
  kit::WriteOptions options;
  options.fence = fence;
  auto send = [&] {
    if (keys.empty()) return;
    kit::stamp(options, &request);
    std::weak_ptr<bool> weak = alive_;
    client_.call(std::exchange(request, {}),
                 [this, weak, keys = std::exchange(keys, {})](Result<kit::Answer> answer) {
                   if (!weak.expired()) on_answer(keys, answer);
                 });
    options.cause = {};
  };
  for (const std::string& key : std::exchange(news_, {})) {
    auto at = wanted_.find(key);
    if (at == wanted_.end() || at->second.asked) continue;
    Wanted& w = at->second;
    kit::WriteOptions one;
    one.subresource = "status";
    one.uid = w.pod.uid();
    one.revision = w.pod.revision();
    one.return_object = false;
    auto patch = kit::merge_patch_request(
        w.pod.key(), patch_to_say(w.pod, w.verdict, ports_.clock.wall_seconds()), one);
    request.operations.push_back(std::move(patch.operations[0]));
    auto& revisions = options.cause.revisions;
    revisions.insert(revisions.end(), w.cause.revisions.begin(), w.cause.revisions.end());
    options.cause.trigger = std::max(options.cause.trigger, w.cause.trigger);
    w.asked = true;
    keys.push_back(key);
    if (keys.size() == kAtOnce) send();
  }
  send();
}

void Reporter::consider(const std::string& key, Wanted& wanted) {
  if (wanted.asked || wanted.pod.revision() < wanted.written) return;
  if (!says(wanted.pod, wanted.verdict)) tell(key);
}

void Reporter::tell(const std::string& key) {
  bool first = news_.empty();
  news_.insert(key);
  if (first) on_news_();
}

void Reporter::on_answer(const std::vector<std::string>& keys, const Result<kit::Answer>& answer) {
  if (!answer) ports_.log.debug("conditions: " + answer.error().message);
  for (size_t i = 0; i < keys.size(); ++i) {
    auto at = wanted_.find(keys[i]);
    if (at == wanted_.end()) continue;
    Wanted& w = at->second;
    w.asked = false;
    Status status = answer ? kit::status_of(answer->outcome(i)) : Status(answer.error());
    if (status) {
      w.written = Revision(answer->outcome(i).revision());
      consider(keys[i], w);
    } else if (status.error().code != Code::kNotFound) {
      retry(keys[i]);  // by then the Pod's newest version is known
    }
  }
}

void Reporter::retry(const std::string& key) {
  retries_.insert(key);
  if (!retry_timer_) retry_timer_ = ports_.clock.after(kRetry, [this] { on_retry_timeout(); });
}

void Reporter::on_retry_timeout() {
  retry_timer_.reset();
  for (const std::string& key : std::exchange(retries_, {})) {
    auto at = wanted_.find(key);
    if (at != wanted_.end()) consider(key, at->second);
  }
}

}  // namespace kubus::scheduler
