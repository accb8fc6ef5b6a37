#include "cli/changes.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {

const Command kUncordon{
    .name = "uncordon",
    .summary = "let new Pods come to nodes again",
    .usage = "kubus uncordon NODE… | -l SELECTOR | --all",
    .examples = "  kubus uncordon n1\n  kubus uncordon --all\n",
    .add_options = add_node_options,
    .run = [](const Invocation& call) { return run_cordon(call, false); },
};

}  // namespace kubus::cli
