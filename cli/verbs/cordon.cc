#include "cli/changes.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {

const Command kCordon{
    .name = "cordon",
    .summary = "let no new Pods come to nodes",
    .usage = "kubus cordon NODE… | -l SELECTOR | --all",
    .examples = "  kubus cordon n1\n  kubus cordon -l rack=7\n",
    .add_options = add_node_options,
    .run = [](const Invocation& call) { return run_cordon(call, true); },
};

}  // namespace kubus::cli
