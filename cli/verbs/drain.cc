#include <boost/json.hpp>
#include <cstdio>

#include "bus/kit/requests.h"
#include "cli/changes.h"
#include "cli/verbs/verbs.h"
#include "cli/waiting.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/core/v1/volume_generated.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kMirror = "kubernetes.io/config.mirror";
constexpr std::chrono::seconds kAgain{5};  // when an eviction is refused for now

void add_options(po::options_description_easy_init add) {
  add("ignore-daemonsets", po::bool_switch(), "leave the Pods of DaemonSets where they are");
  add("force", po::bool_switch(), "evict Pods that nobody will replace, too");
  add("delete-emptydir-data", po::bool_switch(), "evict Pods whose emptyDir volumes go with them");
  add("grace-period", po::value<int64_t>()->default_value(-1),
      "seconds that containers get to end; -1: what each Pod says");
  add("pod-selector", po::value<std::string>()->default_value(""), "only Pods with these labels");
  add_timeout_option(add, "0");
}

std::string_view owner_kind(const Object& pod) {
  const auto* refs = pod.meta().owner_references();
  for (size_t i = 0; refs && i < refs->size(); ++i) {
    const auto* r = refs->Get(i);
    if (r->controller().value_or(false) && r->kind()) return r->kind()->string_view();
  }
  return {};
}

bool has_empty_dir(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  for (size_t i = 0; spec && spec->volumes() && i < spec->volumes()->size(); ++i) {
    if (spec->volumes()->Get(i)->empty_dir()) return true;
  }
  return false;
}

enum class Fate { kEvict, kStays, kForbids };

Fate fate_of(const Object& pod, const po::variables_map& options, std::string* why) {
  if (pod.annotation(kMirror)) return Fate::kStays;
  std::string phase = pod.field("status.phase").value_or("");
  if (phase == "Succeeded" || phase == "Failed") return Fate::kEvict;
  std::string_view owner = owner_kind(pod);
  if (owner == "DaemonSet") {
    *why = "belongs to a DaemonSet (--ignore-daemonsets leaves it)";
    return options["ignore-daemonsets"].as<bool>() ? Fate::kStays : Fate::kForbids;
  }
  if (owner.empty() && !options["force"].as<bool>()) {
    *why = "has no controller that would replace it (--force)";
    return Fate::kForbids;
  }
  if (has_empty_dir(pod) && !options["delete-emptydir-data"].as<bool>()) {
    *why = "has data in an emptyDir (--delete-emptydir-data)";
    return Fate::kForbids;
  }
  return Fate::kEvict;
}

// All that is to go, or why nothing is evicted at all.
Result<std::vector<Object>> to_evict(Session& session, const std::string& node,
                                     const po::variables_map& options) {
  const auto& kind = *schema::Registry::get().by_resource("", "pods");
  auto page = session.list_all(kind, "", options["pod-selector"].as<std::string>(),
                               "spec.nodeName=" + node);
  if (!page) return page.error();
  std::vector<Object> out;
  Error refused(Code::kConflict, "node/" + node + " cannot be drained:");
  for (const Object& pod : page->items) {
    std::string why, name = std::string(pod.ns()) + "/" + std::string(pod.name());
    Fate fate = fate_of(pod, options, &why);
    if (fate == Fate::kEvict) out.push_back(pod);
    if (fate == Fate::kStays && !why.empty()) std::printf("pod %s stays\n", name.c_str());
    if (fate == Fate::kForbids) refused.causes.push_back({"", name + " " + why, ""});
  }
  if (refused.causes.empty()) return out;
  for (const Cause& c : refused.causes) refused.message += "\n  " + c.message;
  refused.causes.clear();
  return refused;
}

Result<wire::RequestT> eviction_of(const Object& pod, int64_t grace) {
  json::object options{{"preconditions", json::object{{"uid", pod.uid()}}}};
  if (grace >= 0) options["gracePeriodSeconds"] = grace;
  json::object body{{"metadata", json::object{{"name", pod.name()}, {"namespace", pod.ns()}}},
                    {"deleteOptions", std::move(options)}};
  kit::WriteOptions write;
  write.subresource = "eviction";
  write.return_object = false;
  return kit::create_request(pod.kind(), pod.ns(), body, write);
}

// Asks again as long as the eviction is refused for now.
Status evict(Session& session, const Object& pod, int64_t grace, const Deadline& deadline) {
  while (true) {
    auto request = eviction_of(pod, grace);
    if (!request) return request.error();
    auto answer = session.call(*std::move(request));
    if (answer) return {};
    Code code = answer.error().code;
    if (code == Code::kNotFound || code == Code::kConflict) return {};  // it is another by now
    if (code != Code::kTooManyRequests) return answer.error();
    std::fprintf(stderr, "pod %s/%s: %s; trying again\n", std::string(pod.ns()).c_str(),
                 std::string(pod.name()).c_str(), answer.error().message.c_str());
    if (Status s = pause(session, kAgain, deadline); !s) return s;
  }
}

Status drain(Session& session, const std::string& node, const Invocation& call,
             const Deadline& deadline) {
  if (Status s = set_unschedulable(session, node, true); !s) return s;
  auto pods = to_evict(session, node, call.options);
  if (!pods) return pods.error();
  int64_t grace = call.options["grace-period"].as<int64_t>();
  for (const Object& pod : *pods) {
    std::printf("evicting pod %s/%s\n", std::string(pod.ns()).c_str(),
                std::string(pod.name()).c_str());
    std::fflush(stdout);
    if (Status s = evict(session, pod, grace, deadline); !s) return s;
  }
  for (const Object& pod : *pods) {
    Status s = await_object(session, pod.key(), deadline,
                            [&](const Object& o) { return !o || o.uid() != pod.uid(); });
    if (!s)
      return Error(s.error().code, s.error().message + " waiting for pod " + std::string(pod.ns()) +
                                       "/" + std::string(pod.name()));
    std::printf("pod/%s evicted\n", std::string(pod.name()).c_str());
  }
  std::printf("node/%s drained\n", node.c_str());
  return {};
}

Status run(const Invocation& call) {
  if (call.words.empty()) return Error(Code::kBadRequest, "name the node to drain");
  auto timeout = timeout_of(call);
  if (!timeout) return timeout.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  Deadline deadline(**session, *timeout);
  for (const std::string& node : call.words) {
    if (Status s = drain(**session, node, call, deadline); !s) return s;
  }
  return {};
}

}  // namespace

const Command kDrain{
    .name = "drain",
    .summary = "cordon nodes and evict their Pods",
    .usage = "kubus drain NODE… [options]",
    .examples =
        "  kubus drain n1 --ignore-daemonsets\n"
        "  kubus drain n1 --force --delete-emptydir-data --grace-period 10 --timeout 5m\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
