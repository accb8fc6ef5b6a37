#include "services/store/auth/authorizer.h"

#include <algorithm>
#include <array>

#include "schemas/bus/envelope_generated.h"
#include "services/store/auth/outside.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

template <size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr std::array<std::string_view, 5> kReads = {"get", "list", "events-after", "heads",
                                                    "history"};
constexpr std::array<std::string_view, 4> kFollows = {"get", "list", "events-after", "heads"};
// Of the cluster as a whole, or of the past of others: for administrators alone.
constexpr std::array<std::string_view, 3> kAdministers = {"rekey", "purge", "audit"};
constexpr std::array<std::string_view, 5> kNodeReferences = {
    "configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims", "persistentvolumes"};

constexpr std::string_view kKubelet = "kubelet:", kAccountPrefix = "system:serviceaccount:";

bool is(std::string_view actor, std::string_view role) {
  return actor == role ||
         (actor.starts_with(role) && actor.size() > role.size() && actor[role.size()] == ':');
}

std::string_view node_of_kubelet(std::string_view actor) {
  return actor.starts_with(kKubelet) ? actor.substr(kKubelet.size()) : "";
}

class FixedRoles final : public Authorizer {
 public:
  Status authorize(const Access& a, const View& view) const override {
    if (may(a, view)) return {};
    if (a.kind != nullptr) return forbidden(*a.kind, user_of(a), a.verb, a.ns, "");
    return Error(Code::kForbidden, "\"" + user_of(a) + "\" cannot " + std::string(a.verb) +
                                       " the lane of the " + (a.node.empty() ? "cluster" : "node"));
  }

  bool may_impersonate(std::string_view actor) const override { return is(actor, "gateway"); }

  std::string_view node_of(std::string_view actor) const override { return node_of_kubelet(actor); }

 private:
  static bool may(const Access& a, const View& view) {
    if (one_of(a.verb, kAdministers)) return may_administer(a, view);
    if (is_stream(a.subresource) && a.identity == nullptr && !is(a.actor, "cli") &&
        !is(a.actor, "admin"))
      return false;
    if (is(a.actor, "gateway")) return a.identity != nullptr ? may_user(a, view) : may_gateway(a);
    if (a.identity != nullptr) return false;
    if (one_of<4>(a.actor, {"admin", "store", "controllers", "cli"})) return true;
    if (is(a.actor, "cli") || is(a.actor, "controllers") || is(a.actor, "admin")) return true;
    if (is(a.actor, "scheduler")) return may_scheduler(a);
    if (is(a.actor, "proxy")) return may_proxy(a);
    // Events of confidential kinds carry no content.
    if (is(a.actor, "bridge")) return one_of<2>(a.verb, {"events-after", "heads"});
    if (a.actor == "supervisor") return may_supervisor(a);
    if (a.actor == "stream") return may_stream(a);
    if (std::string_view user = outside_user(a.actor); !user.empty())
      return may_outside(a, user, view);
    // A kubelet that names no node is none.
    if (std::string_view node = node_of_kubelet(a.actor); !node.empty())
      return may_kubelet(a, node, view);
    return false;
  }

  static bool may_administer(const Access& a, const View& view) {
    if (is(a.actor, "gateway")) return a.identity != nullptr && may_user(a, view);
    return a.identity == nullptr && (is(a.actor, "admin") || is(a.actor, "cli"));
  }

  static bool may_user(const Access& a, const View& view) {
    if (a.identity->groups() == nullptr) return false;
    bool account = false;
    for (const auto* group : *a.identity->groups()) {
      if (text_of(group) == "system:masters") return true;
      account |= text_of(group) == "system:serviceaccounts";
    }
    return account && may_account(a, view);
  }

  static bool may_account(const Access& a, const View& view) {
    static const schema::KindInfo& kAccounts =
        *schema::Registry::get().by_resource("", "serviceaccounts");
    std::string_view rest = text_of(a.identity->user());
    if (!rest.starts_with(kAccountPrefix)) return false;
    rest.remove_prefix(kAccountPrefix.size());
    size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return false;
    std::string_view ns = rest.substr(0, colon);
    Stored account = view.find(kAccounts, ns, rest.substr(colon + 1));
    if (!account) return false;
    Object object = account.object(kAccounts);
    std::string_view role = object.annotation("kubus.io/role").value_or("");
    if (role == "cluster-admin") return true;
    if (a.kind == nullptr || a.ns != ns || one_of(a.verb, kAdministers)) return false;
    if (role == "view") return !a.kind->confidential && one_of(a.verb, kReads);
    // Who may write accounts may give itself any role.
    return role == "edit" && (a.kind->resource != "serviceaccounts" || one_of(a.verb, kReads));
  }

  // For itself a gateway follows lanes, and reads what confidential events left out: for watchers
  // that it had authorized.
  static bool may_gateway(const Access& a) {
    return one_of<3>(a.verb, {"events-after", "heads", "get"});
  }

  static bool may_scheduler(const Access& a) {
    if (a.kind == nullptr) return one_of(a.verb, kFollows);
    if (a.kind->confidential) return false;
    if (one_of(a.verb, kReads)) return true;
    std::string_view r = a.kind->resource;
    if (r == "pods" && a.subresource == "binding") return a.verb == "create";
    if (r == "pods" && a.subresource == "eviction") return a.verb == "create";
    if (r == "pods" && a.subresource == "status") return true;
    if (r == "pods") return a.verb == "delete";
    if (r == "events") return one_of<3>(a.verb, {"create", "patch", "update"});
    return r == "leases" && a.ns == "kube-system";
  }

  static bool may_proxy(const Access& a) {
    if (a.kind == nullptr || a.past || !one_of(a.verb, kFollows)) return false;
    return a.kind->resource == "services" || a.kind->resource == "endpointslices";
  }

  // The launcher tells the bus server whom it may let in.
  static bool may_supervisor(const Access& a) {
    if (a.kind == nullptr || a.past || !one_of(a.verb, kFollows)) return false;
    return a.kind->group == "kubus.io" && a.kind->resource == "users";
  }

  // It copies the cluster's lane.
  static bool may_stream(const Access& a) {
    return a.kind == nullptr && a.node.empty() && one_of(a.verb, kFollows);
  }

  // Node restriction: its own Node and Lease, the Pods bound to it and what these refer to.
  static bool may_kubelet(const Access& a, std::string_view node, const View& view) {
    if (a.kind == nullptr) return a.node == node && one_of(a.verb, kFollows);
    if (node.empty() || a.past) return false;
    std::string_view r = a.kind->resource;
    if (r == "pods") return may_pods(a, node, view);
    if (r == "nodes") {
      bool own = a.name == node || (a.verb == "list" && a.held_to_node == node);
      return own && a.verb != "delete" && a.verb != "deletecollection" && a.verb != "history";
    }
    if (r == "leases") return a.ns == "kube-node-lease" && a.name == node;
    if (r == "events") return one_of<3>(a.verb, {"create", "patch", "update"});
    if (r == "services") return one_of(a.verb, kFollows);
    if (r == "namespaces") return a.verb == "get";
    bool token = r == "serviceaccounts" && a.subresource == "token" && a.verb == "create";
    bool reads = a.verb == "get" && a.subresource.empty() && one_of(r, kNodeReferences);
    if (!token && !reads) return false;
    return view.refers(node, *a.kind, a.ns, a.name);
  }

  static bool may_pods(const Access& a, std::string_view node, const View& view) {
    if (a.verb == "list") return a.held_to_node == node;
    bool known = a.verb == "get" || a.verb == "delete" ||
                 (a.subresource == "status" && one_of<3>(a.verb, {"update", "patch", "apply"}));
    if (!known || a.name.empty()) return false;
    Stored pod = view.find(*a.kind, a.ns, a.name);
    return !pod || pod.object(*a.kind).field("spec.nodeName") == node;
  }
};

}  // namespace

std::string user_of(const Access& a) {
  if (a.identity == nullptr) return std::string(a.actor);
  std::string_view user = text_of(a.identity->user());
  return user.empty() ? "system:anonymous" : std::string(user);
}

std::unique_ptr<Authorizer> fixed_roles() {
  return std::make_unique<FixedRoles>();
}

}  // namespace kubus::store
