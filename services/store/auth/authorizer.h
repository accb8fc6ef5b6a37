// Who may do what. The executor asks before every operation; the bus has vouched for the actor.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "schemas/lib/base/result.h"
#include "services/store/state/view.h"

namespace kubus::wire {
struct Identity;
}

namespace kubus::store {

struct Access {
  std::string_view actor;
  const wire::Identity* identity = nullptr;  // for whom the actor speaks; null: for itself
  std::string_view verb;                     // as subjects say it
  const schema::KindInfo* kind = nullptr;    // null: the lane of the cluster or of a node
  std::string_view ns, name, subresource;
  std::string_view node;          // a node's lane
  std::string_view held_to_node;  // lists: the node that a field selector holds it to
  bool past = false;              // reads what is no more
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // kForbidden, in words for the user.
  virtual Status authorize(const Access& access, const View& view) const = 0;
  virtual bool may_impersonate(std::string_view actor) const = 0;
  // The node that the actor is the kubelet of; "" : it is none.
  virtual std::string_view node_of(std::string_view actor) const = 0;
};

// The name that answers, events and refusals know the caller by.
std::string user_of(const Access& access);

// Fixed roles of actors: what serves until roles are objects themselves. Of users, the group
// system:masters may do all; a service account what its own annotation kubus.io/role says: "view"
// (read its namespace, but for Secrets), "edit" (read and write its namespace, but for service
// accounts) or "cluster-admin"; without it nothing. An actor "user:NAME" may what the User of that
// name says (bus/grants.h).
std::unique_ptr<Authorizer> fixed_roles();

}  // namespace kubus::store
