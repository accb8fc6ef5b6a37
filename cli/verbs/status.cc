#include <boost/json.hpp>
#include <cstdio>

#include "cli/cluster/config.h"
#include "cli/cluster/files.h"
#include "cli/supervisor/supervisor.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void print_component(const boost::json::object& c) {
  bool up = c.at("pid").as_int64() != 0;
  std::printf("  %-12s %-8s pid %-7lld restarts %lld%s%s\n", c.at("name").as_string().c_str(),
              up ? "running" : "down", static_cast<long long>(c.at("pid").as_int64()),
              static_cast<long long>(c.at("restarts").as_int64()),
              c.at("lastEnd").as_string().empty() ? "" : ", last end: ",
              c.at("lastEnd").as_string().c_str());
}

Status run(const Invocation& call) {
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto config = read_config(layout);
  if (!config) return config.error();
  pid_t pid = lock_owner(layout.lock());
  if (pid == 0)
    return Error(Code::kUnavailable,
                 "the cluster in " + layout.dir + " is not running; `kubus up` starts it");
  auto text = read_file(layout.status());
  if (!text) return text.error();
  boost::system::error_code code;
  boost::json::value status = boost::json::parse(*text, code);
  if (code) return Error(Code::kInternal, layout.status() + " is malformed");
  std::printf("cluster %s in %s, supervised by process %d\n", config->name.c_str(),
              layout.dir.c_str(), pid);
  std::printf("  API        https://%s:%d   kubeconfig %s\n", config->listen.c_str(),
              config->api_port, layout.kubeconfig().c_str());
  if (config->address != config->listen)
    std::printf("             https://%s:%d   for Pods and others\n", config->address.c_str(),
                config->api_port);
  std::printf("  bus        nats://%s:%d   credentials %s\n", config->listen.c_str(),
              config->bus_port, layout.credentials("admin").c_str());
  bool all_up = true;
  for (const auto& c : status.at("components").as_array()) {
    print_component(c.as_object());
    all_up = all_up && c.at("pid").as_int64() != 0;
  }
  if (!all_up)
    return Error(Code::kUnavailable, "not everything runs; the logs are in " + layout.logs());
  return {};
}

}  // namespace

const Command kStatus{
    .name = "status",
    .summary = "what runs, since when, and where to reach it",
    .usage = "kubus status [--state DIR]",
    .examples = "  kubus status\n",
    .run = run,
};

}  // namespace kubus::cli
