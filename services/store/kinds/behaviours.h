// The kinds that behave; each stands in a file of its own. Private to this folder.
#pragma once

#include "services/store/kinds/kinds.h"

namespace kubus::store::kinds {

const KindBehaviour& config_map_behaviour();
const KindBehaviour& deployment_behaviour();
const KindBehaviour& endpoint_slice_behaviour();
const KindBehaviour& endpoints_behaviour();
const KindBehaviour& event_behaviour();
const KindBehaviour& namespace_behaviour();
const KindBehaviour& node_behaviour();
const KindBehaviour& pod_behaviour();
const KindBehaviour& priority_class_behaviour();
const KindBehaviour& replica_set_behaviour();
const KindBehaviour& secret_behaviour();
const KindBehaviour& service_behaviour();
const KindBehaviour& user_behaviour();

}  // namespace kubus::store::kinds
