#include "services/store/kinds/pod_admission.h"

#include <algorithm>

#include "schemas/core/v1/config_generated.h"
#include "schemas/scheduling/v1/scheduling_generated.h"
#include "services/store/kinds/priorityclass.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr std::string_view kTokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr std::string_view kVolumePrefix = "kube-api-access-";
constexpr int64_t kTokenSeconds = 3607;
constexpr int kReadable = 0644;
constexpr int kPatience = 300;
constexpr std::string_view kPreempts = "PreemptLowerPriority";

Error forbidden(const json::object& pod, const std::string& why) {
  std::string_view name = text_in(object_in(pod, "metadata"), "name");
  return Error(Code::kForbidden, "pods \"" + std::string(name) + "\" is forbidden: " + why);
}

json::object token_volume(const std::string& name) {
  json::object token{
      {"serviceAccountToken", {{"expirationSeconds", kTokenSeconds}, {"path", "token"}}}};
  json::object authority{
      {"configMap",
       {{"name", "kube-root-ca.crt"},
        {"items", json::array{json::object{{"key", "ca.crt"}, {"path", "ca.crt"}}}}}}};
  json::object field{{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}};
  json::object place{
      {"downwardAPI",
       {{"items", json::array{json::object{{"path", "namespace"}, {"fieldRef", field}}}}}}};
  json::array sources{std::move(token), std::move(authority), std::move(place)};
  return {{"name", name},
          {"projected", {{"sources", std::move(sources)}, {"defaultMode", kReadable}}}};
}

// The volume of that kind that the Pod brought along, or "".
std::string token_volume_of(const json::object& spec) {
  for (const json::value& v : array_in(spec, "volumes")) {
    std::string_view name = text_in(object_of(v), "name");
    if (name.substr(0, kVolumePrefix.size()) == kVolumePrefix) return std::string(name);
  }
  return "";
}

// Mounts the volume wherever nothing is mounted at its path. True if it did anywhere.
bool mount(json::object& spec, const std::string& volume) {
  bool any = false;
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
    json::array* containers = array_at(spec, list);
    if (containers == nullptr) continue;
    for (json::value& v : *containers) {
      json::object* container = v.if_object();
      if (container == nullptr) continue;
      json::array& mounts = make_array(*container, "volumeMounts");
      bool taken = std::any_of(mounts.begin(), mounts.end(), [](const json::value& m) {
        return text_in(object_of(m), "mountPath") == kTokenPath;
      });
      if (taken) continue;
      mounts.push_back(
          json::object{{"name", volume}, {"readOnly", true}, {"mountPath", kTokenPath}});
      any = true;
    }
  }
  return any;
}

void add_pull_secrets(const core::v1::ServiceAccount& account, json::object& spec) {
  if (account.image_pull_secrets() == nullptr || !array_in(spec, "imagePullSecrets").empty())
    return;
  json::array& secrets = make_array(spec, "imagePullSecrets");
  for (const core::v1::LocalObjectReference* ref : *account.image_pull_secrets()) {
    if (ref->name() != nullptr)
      secrets.push_back(json::object{{"name", ref->name()->string_view()}});
  }
}

bool tolerates(const json::object& spec, std::string_view key) {
  const json::array& tolerations = array_in(spec, "tolerations");
  return std::any_of(tolerations.begin(), tolerations.end(), [&](const json::value& v) {
    const json::object& t = object_of(v);
    std::string_view other = text_in(t, "key"), effect = text_in(t, "effect");
    return (other == key || other.empty()) && (effect == "NoExecute" || effect.empty());
  });
}

}  // namespace

Status admit_priority(Context& ctx, json::object& pod) {
  json::object& spec = make_object(pod, "spec");
  std::string name(text_in(spec, "priorityClassName"));
  std::optional<Object> chosen =
      name.empty() ? default_priority_class(ctx.lookup) : priority_class(ctx.lookup, name);
  if (!chosen && !name.empty()) return forbidden(pod, "there is no PriorityClass named " + name);
  const auto* found = chosen ? chosen->as<scheduling::v1::PriorityClass>() : nullptr;
  int32_t value = found ? found->value().value_or(0) : 0;
  std::string_view policy =
      found && found->preemption_policy() ? found->preemption_policy()->string_view() : kPreempts;
  if (has(spec, "priority") && number_in(spec, "priority") != value) {
    return forbidden(pod, "its priority is set by its class to " + std::to_string(value) +
                              " and cannot be given");
  }
  if (has(spec, "preemptionPolicy") && text_in(spec, "preemptionPolicy") != policy) {
    return forbidden(pod, "its preemption policy is set by its class to " + std::string(policy) +
                              " and cannot be given");
  }
  if (chosen) spec["priorityClassName"] = chosen->name();
  spec["priority"] = value;
  spec["preemptionPolicy"] = policy;
  return {};
}

Status inject_service_account(Context& ctx, json::object& pod) {
  json::object& spec = make_object(pod, "spec");
  // The image of a Pod that a kubelet runs from a file.
  if (has(object_in(object_in(pod, "metadata"), "annotations"), "kubernetes.io/config.mirror"))
    return {};
  if (text_in(spec, "serviceAccountName").empty()) {
    spec["serviceAccountName"] = "default";
    spec["serviceAccount"] = "default";
  }
  static const KindInfo* const kAccount =
      schema::Registry::get().by_kind("", "v1", "ServiceAccount");
  std::string name(text_in(spec, "serviceAccountName"));
  std::optional<Object> account = ctx.lookup.get({kAccount, std::string(ctx.ns), name});
  if (!account) {
    return forbidden(pod,
                     "its service account " + std::string(ctx.ns) + "/" + name + " does not exist");
  }
  const auto* body = account->as<core::v1::ServiceAccount>();
  add_pull_secrets(*body, spec);
  bool wanted = body->automount_service_account_token().value_or(true);
  if (!flag_in(spec, "automountServiceAccountToken", wanted)) return {};
  std::string volume = token_volume_of(spec);
  bool own = !volume.empty();
  if (!own) volume = std::string(kVolumePrefix) + ctx.random.suffix(5);
  if (mount(spec, volume) && !own) make_array(spec, "volumes").push_back(token_volume(volume));
  return {};
}

void tolerate_short_absence(json::object& pod) {
  json::object& spec = make_object(pod, "spec");
  for (std::string_view key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    if (tolerates(spec, key)) continue;
    make_array(spec, "tolerations")
        .push_back(json::object{{"key", key},
                                {"operator", "Exists"},
                                {"effect", "NoExecute"},
                                {"tolerationSeconds", kPatience}});
  }
}

}  // namespace kubus::store::kinds
