#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/cluster/config.h"
#include "cli/cluster/preflight.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add("config", po::value<std::string>(), "what goes where (YAML)");
  add("check", po::bool_switch(), "only read the config");
}

// Becomes kubus-bridge, in the foreground; its own service manager keeps it running.
Status run(const Invocation& call) {
  if (!call.options.count("config"))
    return Error(Code::kBadRequest, "say what goes where: kubus bridge --config FILE");
  Layout layout = layout_of(call.options["state"].as<std::string>());
  std::string program = find_program("kubus-bridge");
  if (program.empty()) return Error(Code::kNotFound, "there is no program kubus-bridge");
  std::vector<std::string> words{program, "--config", call.options["config"].as<std::string>()};
  if (call.options["check"].as<bool>()) words.push_back("--check");
  // What the config leaves out is this machine's cluster.
  if (read_config(layout).ok()) {
    words.insert(words.end(), {"--credentials", layout.credentials("bridge"), "--state",
                               layout.dir + "/bridge"});
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return Error(Code::kInternal, "starting " + program + ": " + std::strerror(errno));
}

}  // namespace

const Command kBridge{
    .name = "bridge",
    .summary = "tell the cluster's events to webhooks, NATS subjects and files, as CloudEvents",
    .usage = "kubus bridge --config FILE [--check]",
    .examples =
        "  kubus bridge --config bridge.yaml            until it is told to stop\n"
        "  kubus bridge --config bridge.yaml --check    is the config sound?\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
