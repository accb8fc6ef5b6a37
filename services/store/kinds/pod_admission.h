// What a new Pod gets from the cluster: its priority, its service account's token, its patience
// with failing nodes.
#pragma once

#include "services/store/kinds/kinds.h"

namespace kubus::store::kinds {

// Priority and preemption policy by class: the named one, else the default one, else 0. kForbidden:
// there is no such class, or the Pod says otherwise itself.
Status admit_priority(Context& ctx, json::object& pod);
// The volume with token, authority and namespace, mounted in every container that has nothing at
// that path; the account's pull secrets. kForbidden: there is no such account.
Status inject_service_account(Context& ctx, json::object& pod);
// Five minutes of a node that is not ready or out of reach, unless the Pod says otherwise.
void tolerate_short_absence(json::object& pod);

}  // namespace kubus::store::kinds
