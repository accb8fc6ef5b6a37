#include "cli/cluster/components.h"
#include "cli/supervisor/supervisor.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

// What `up` leaves running in the background.
Status run(const Invocation& call) {
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto config = read_config(layout);
  if (!config) return config.error();
  if (Status s = take_lock(layout.lock()); !s) return s;
  Supervisor supervisor({.log_directory = layout.logs(), .status_file = layout.status()});
  return supervisor.run(components_of(*config, layout));
}

}  // namespace

const Command kSupervise{
    .name = "supervise",
    .summary = "run a prepared cluster's processes until told to stop (what `up` starts)",
    .usage = "kubus supervise --state DIR",
    .run = run,
    .hidden = true,
};

}  // namespace kubus::cli
