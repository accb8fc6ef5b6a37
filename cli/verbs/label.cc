#include "cli/changes.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {

const Command kLabel{
    .name = "label",
    .summary = "set and remove labels",
    .usage = "kubus label KIND NAME… | KIND/NAME… KEY=VALUE… KEY-…",
    .examples =
        "  kubus label node n1 rack=7\n  kubus label pod/web tier=front --overwrite\n"
        "  kubus label pods -l app=web canary-\n",
    .add_options = add_metadata_options,
    .run = [](const Invocation& call) { return change_metadata(call, "labels", "labeled"); },
};

}  // namespace kubus::cli
