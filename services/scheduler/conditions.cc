#include "services/scheduler/conditions.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::scheduler {
namespace {

namespace json = boost::json;

constexpr std::string_view kType = "PodScheduled";

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

json::array conditions_of(const Object& pod) {
  json::value value = codec::to_value(pod.kind(), pod.bytes());
  const auto* status = value.as_object().if_contains("status");
  const auto* found =
      status && status->is_object() ? status->as_object().if_contains("conditions") : nullptr;
  return found && found->is_array() ? found->as_array() : json::array();
}

}  // namespace

bool says(const Object& pod, const Verdict& verdict) {
  const auto* status = pod.as<core::v1::Pod>()->status();
  if (!status || !status->conditions()) return false;
  if (view(status->nominated_node_name()) != verdict.nominated) return false;
  for (const auto* c : *status->conditions()) {
    if (view(c->type()) != kType) continue;
    return view(c->status()) == "False" && view(c->reason()) == verdict.reason &&
           view(c->message()) == verdict.message;
  }
  return false;
}

std::string patch_to_say(const Object& pod, const Verdict& verdict, int64_t now_unix_seconds) {
  json::object said{{"type", kType},
                    {"status", "False"},
                    {"reason", verdict.reason},
                    {"message", verdict.message},
                    {"lastTransitionTime", codec::format_time(now_unix_seconds)}};
  json::array conditions = conditions_of(pod);
  bool found = false;
  for (json::value& c : conditions) {
    if (c.at("type").as_string() != kType) continue;
    const json::object& old = c.as_object();
    const auto* since = old.if_contains("lastTransitionTime");
    if (since && old.at("status").as_string() == "False") said["lastTransitionTime"] = *since;
    c = said;
    found = true;
  }
  if (!found) conditions.push_back(said);
  json::value nominated =
      verdict.nominated.empty() ? json::value() : json::value(verdict.nominated);
  json::object status{{"conditions", std::move(conditions)},
                      {"nominatedNodeName", std::move(nominated)}};
  return json::serialize(json::object{{"status", std::move(status)}});
}

}  // namespace kubus::scheduler
