#include <cstdio>

#include "cli/cluster/bus_config.h"
#include "cli/cluster/components.h"
#include "cli/supervisor/supervisor.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

// The bus server's configuration and what shall run, as the files of the directory say it now.
std::vector<ChildSpec> decided(const Layout& layout) {
  auto config = read_config(layout);
  Status written = config ? write_bus_config(*config, layout) : Status(config.error());
  if (!written) {
    std::fprintf(stderr, "nothing is taken over: %s\n", written.error().message.c_str());
    return {};
  }
  return components_of(*config, layout);
}

// What `up` leaves running in the background.
Status run(const Invocation& call) {
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto config = read_config(layout);
  if (!config) return config.error();
  if (Status s = take_lock(layout.lock()); !s) return s;
  Supervisor supervisor({.log_directory = layout.logs(),
                         .status_file = layout.status(),
                         .reload = [layout] { return decided(layout); }});
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
