#include <signal.h>
#include <unistd.h>

#include "bus/host/host.h"
#include "cli/supervisor/supervisor.h"
#include "cli/users/keeper.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

// Run by the supervisor, which takes a SIGHUP for: look at the files again.
Status run(const Invocation& call) {
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto credentials = bus::read_credentials(layout.credentials("supervisor"));
  if (!credentials) return credentials.error();
  kit::ClientOptions options{ClusterName(credentials->cluster), Actor(credentials->actor)};
  bus::Host host({.component = "users", .credentials = *std::move(credentials), .workers = 1});
  kit::Client client(host.ports(), std::move(options));
  UserKeeper keeper(host.ports(), client, layout, [&layout] {
    pid_t parent = ::getppid();
    if (lock_owner(layout.lock()) == parent) ::kill(parent, SIGHUP);
  });
  call.exit_code = host.run();
  return {};
}

}  // namespace

const Command kKeepUsers{
    .name = "keep-users",
    .summary =
        "tell the bus server which users from outside there are (a part of a running cluster)",
    .usage = "kubus keep-users --state DIR",
    .run = run,
    .hidden = true,
};

}  // namespace kubus::cli
