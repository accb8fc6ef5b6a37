#include "cli/changes.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {

const Command kAnnotate{
    .name = "annotate",
    .summary = "set and remove annotations",
    .usage = "kubus annotate KIND NAME… | KIND/NAME… KEY=VALUE… KEY-…",
    .examples = "  kubus annotate deployment/web owner=shop\n  kubus annotate pods --all note-\n",
    .add_options = add_metadata_options,
    .run = [](const Invocation& call) { return change_metadata(call, "annotations", "annotated"); },
};

}  // namespace kubus::cli
