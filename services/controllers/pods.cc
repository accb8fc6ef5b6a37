#include "services/controllers/pods.h"

#include <charconv>

#include "schemas/core/v1/pod_generated.h"

namespace kubus::controllers {
namespace {

constexpr std::string_view kCost = "controller.kubernetes.io/pod-deletion-cost";

const core::v1::PodStatus* status_of(const Object& pod) {
  return pod.as<core::v1::Pod>()->status();
}

bool is(const flatbuffers::String* s, std::string_view word) {
  return s && s->string_view() == word;
}

const core::v1::PodCondition* readiness(const Object& pod) {
  const auto* status = status_of(pod);
  if (!status || !status->conditions()) return nullptr;
  for (const auto* c : *status->conditions()) {
    if (is(c->type(), "Ready")) return c;
  }
  return nullptr;
}

}  // namespace

bool active(const Object& pod) {
  if (pod.terminating()) return false;
  const auto* status = status_of(pod);
  return !status || (!is(status->phase(), "Succeeded") && !is(status->phase(), "Failed"));
}

bool ready(const Object& pod) {
  const auto* c = readiness(pod);
  return c && is(c->status(), "True");
}

std::optional<int64_t> ready_since(const Object& pod) {
  const auto* c = readiness(pod);
  if (!c || !is(c->status(), "True")) return std::nullopt;
  return c->last_transition_time().value_or(0);
}

bool available(const Object& pod, int64_t min_ready_seconds, int64_t now) {
  auto since = ready_since(pod);
  return since && (min_ready_seconds == 0 || *since + min_ready_seconds <= now);
}

int restarts(const Object& pod) {
  const auto* status = status_of(pod);
  int most = 0;
  if (!status || !status->container_statuses()) return most;
  for (const auto* c : *status->container_statuses()) {
    most = std::max(most, c->restart_count().value_or(0));
  }
  return most;
}

int32_t deletion_cost(const Object& pod) {
  std::string_view text = pod.annotation(kCost).value_or("");
  int32_t cost = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cost);
  bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? cost : 0;
}

}  // namespace kubus::controllers
