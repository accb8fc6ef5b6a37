#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>

#include "cli/cluster/files.h"
#include "cli/cluster/preflight.h"
#include "cli/cluster/prepare.h"
#include "cli/session.h"
#include "cli/supervisor/supervisor.h"
#include "cli/verbs/verbs.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

constexpr uint16_t kBusPort = 4222;
constexpr uint16_t kApiPort = 6443;
constexpr const char* kHollowPodCidr = "10.128.0.0/9";  // a /24 for each of thousands of nodes

void add_options(po::options_description_easy_init add) {
  add("name", po::value<std::string>()->default_value("default"),
      "the cluster's name, a part of every subject");
  add("no-node", po::bool_switch(), "a control plane alone: this machine runs no Pods");
  add("node", po::value<std::string>()->default_value(""),
      "this machine's node name (else its host name)");
  add("listen", po::value<std::string>()->default_value("127.0.0.1"), "the address of API and bus");
  add("address", po::value<std::string>()->default_value(""),
      "the IPv4 address of this node, where Pods and others reach the API too (else the source of "
      "the default route)");
  add("api-port", po::value<uint16_t>()->default_value(kApiPort),
      "the API's port; another is taken if it is in use");
  add("bus-port", po::value<uint16_t>()->default_value(kBusPort),
      "the bus's port; another is taken if it is in use");
  add("pod-cidr", po::value<std::string>()->default_value("10.244.0.0/16"), "addresses for Pods");
  add("service-cidr", po::value<std::string>()->default_value("10.96.0.0/16"),
      "addresses for Services");
  add("runtime-endpoint", po::value<std::string>()->default_value(""),
      "a CRI socket to use instead of an own containerd");
  add("hollow", po::value<int>()->default_value(0),
      "for tests of scale: so many nodes besides, hollow-0, hollow-1, …, that only seem to run "
      "Pods; this machine runs none then unless --node names it");
  add("node-grace-seconds", po::value<uint16_t>()->default_value(40),
      "how long a node may be silent before it counts as lost");
  add("stream-events", po::bool_switch(),
      "keep a JetStream stream of all events, for durable consumers; see `kubus stream`");
  add("stream-max-bytes", po::value<uint64_t>()->default_value(0),
      "beyond it the stream forgets its oldest events; 0: no limit");
  add("wait", po::value<int>()->default_value(60), "seconds to wait until everything is ready");
}

std::string host_name() {
  char name[256] = "node";
  ::gethostname(name, sizeof name - 1);
  for (char* c = name; *c; ++c) *c = static_cast<char>(std::tolower(*c));
  return name;
}

// Where this machine is reached, as long as what was chosen before is still an address of it.
Status choose_address(const Invocation& call, ClusterConfig* c) {
  std::string asked = call.options["address"].as<std::string>();
  if (!asked.empty()) c->address = asked;
  if (!c->address.empty() && free_port(c->address, 0) != 0) return {};
  if (!asked.empty()) {
    return Error(Code::kBadRequest,
                 "cannot listen on " + asked + "; --address takes an IPv4 address of this machine");
  }
  c->address = primary_address();
  if (!c->address.empty()) return {};
  c->address = c->listen;
  std::printf(
      "  note       no default route: the node's address is %s, and Pods of their own\n"
      "             network cannot reach the API; --address names another\n",
      c->address.c_str());
  return {};
}

Result<ClusterConfig> decide(const Invocation& call) {
  ClusterConfig c;
  const auto& o = call.options;
  c.name = o["name"].as<std::string>();
  if (c.name == "replay" || c.name.starts_with("replay."))
    return Error(Code::kBadRequest, "--name: replays are called so, no cluster may be");
  c.listen = o["listen"].as<std::string>();
  c.node_grace_seconds = std::max<uint16_t>(o["node-grace-seconds"].as<uint16_t>(), 1);
  c.pod_cidr = o["pod-cidr"].as<std::string>();
  c.service_cidr = o["service-cidr"].as<std::string>();
  c.runtime_endpoint = o["runtime-endpoint"].as<std::string>();
  c.stream = o["stream-events"].as<bool>();
  c.stream_max_bytes = o["stream-max-bytes"].as<uint64_t>();
  c.hollow = o["hollow"].as<int>();
  if (c.hollow < 0 || c.hollow > kMostHollow)
    return Error(Code::kBadRequest, "--hollow takes 0 to " + std::to_string(kMostHollow));
  if (c.hollow > 0 && o["pod-cidr"].defaulted()) c.pod_cidr = kHollowPodCidr;
  if (!o["no-node"].as<bool>() && (c.hollow == 0 || !o["node"].as<std::string>().empty()))
    c.node = o["node"].as<std::string>().empty() ? host_name() : o["node"].as<std::string>();
  if (Status s = choose_address(call, &c); !s) return s.error();
  c.bus_port = free_port(c.listen, o["bus-port"].as<uint16_t>());
  c.api_port = free_port(c.listen, c.address, o["api-port"].as<uint16_t>());
  if (c.bus_port == 0 || c.api_port == 0) {
    return Error(Code::kBadRequest, "cannot listen on " + c.listen +
                                        "; --listen takes an IPv4 address of this machine");
  }
  return c;
}

Status check(const ClusterConfig& config, const Layout& layout) {
  std::vector<Finding> findings = check_machine(config, layout);
  if (findings.empty()) return {};
  Error error(Code::kUnavailable, "this machine is not ready:");
  for (const Finding& f : findings) error.message += "\n  - " + f.what + "; remedy: " + f.remedy;
  return error;
}

// Starts `kubus supervise` in a session of its own. It reports by its lock and status file.
Status start_supervisor(const Layout& layout) {
  std::string log = layout.logs() + "/supervisor.log";
  pid_t pid = ::fork();
  if (pid < 0) return Error(Code::kInternal, std::string("fork: ") + std::strerror(errno));
  if (pid == 0) {
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
    int in = ::open("/dev/null", O_RDONLY);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execl("/proc/self/exe", "kubus", "supervise", "--state", layout.dir.c_str(), nullptr);
    ::_exit(127);
  }
  ::waitpid(pid, nullptr, 0);
  return {};
}

bool is_ready(const Object& node) {
  auto value = codec::to_value(node.kind(), node.bytes());
  const auto* status = value.as_object().if_contains("status");
  const auto* conditions = status ? status->as_object().if_contains("conditions") : nullptr;
  if (!conditions) return false;
  for (const auto& c : conditions->as_array()) {
    if (c.at("type") == "Ready") return c.at("status") == "True";
  }
  return false;
}

// Asks again and again, by the bus's own retries, until the store answers; then until the node is
// Ready.
class Readiness {
 public:
  // `goes_on`: whether waiting is worth while.
  Readiness(Session& session, const ClusterConfig& config, int seconds,
            std::function<bool()> goes_on)
      : session_(session),
        config_(config),
        goes_on_(std::move(goes_on)),
        deadline_(session.host().ports().clock.now() + std::chrono::seconds(seconds)) {}

  Status wait() {
    const auto& kinds = schema::Registry::get();
    if (Status s = wait_for({kinds.by_resource("", "namespaces"), "", "default"},
                            [](const Object&) { return true; });
        !s) {
      return s;
    }
    std::printf("  store      answers\n");
    if (config_.hollow > 0) {
      std::string last = std::string(kHollowPrefix) + "-" + std::to_string(config_.hollow - 1);
      if (Status s = wait_for({kinds.by_resource("", "nodes"), "", last}, is_ready); !s) return s;
      std::printf("  nodes      %d that only seem to run Pods\n", config_.hollow);
    }
    if (config_.node.empty()) return {};
    Status s = wait_for({kinds.by_resource("", "nodes"), "", config_.node}, is_ready);
    if (s) {
      std::printf("  node       %s is Ready; open to all Pods unless it is tainted\n",
                  config_.node.c_str());
    }
    return s;
  }

 private:
  Status wait_for(const ObjectKey& key, bool (*good)(const Object&)) {
    auto& clock = session_.host().ports().clock;
    while (clock.now() < deadline_ && goes_on_()) {
      auto object = session_.get(key);
      if (object && good(*object)) return {};
      if (!object && object.error().message == "interrupted") return object.error();
      bool passed = false;
      auto timer = clock.after(std::chrono::milliseconds(20), [&] { passed = true; });
      if (!session_.run_until([&] { return passed; })) return Error(Code::kTimeout, "interrupted");
    }
    return Error(Code::kTimeout, key.str() + " is not ready in time; `kubus status` and " +
                                     session_.layout().logs() + " say more");
  }

  Session& session_;
  const ClusterConfig& config_;
  std::function<bool()> goes_on_;
  bus::Instant deadline_;
};

Status wait_until_ready(const Layout& layout, const ClusterConfig& config, int seconds,
                        std::function<bool()> goes_on) {
  auto session = Session::open(layout);
  if (!session) return session.error();
  return Readiness(**session, config, seconds, std::move(goes_on)).wait();
}

double now_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

Status run(const Invocation& call) {
  double began = now_seconds();
  Layout layout = layout_of(call.options["state"].as<std::string>());
  int wait = call.options["wait"].as<int>();
  auto config = read_config(layout);
  if (!config && config.error().code != Code::kNotFound) return config.error();
  if (pid_t pid = lock_owner(layout.lock()); config && pid != 0) {
    std::printf("already running, supervised by process %d\n", pid);
    auto goes_on = [&] { return lock_owner(layout.lock()) != 0; };
    Status s = wait_until_ready(layout, *config, wait, goes_on);
    if (s || goes_on()) return s;
    std::printf("it ended meanwhile\n");  // as one does that was just killed
  }
  if (!config) {
    config = decide(call);
  } else if (Status s = choose_address(call, &*config); !s) {
    return s;
  }
  if (!config) return config.error();
  if (Status s = check(*config, layout); !s) return s;
  std::printf("cluster %s in %s\n", config->name.c_str(), layout.dir.c_str());
  if (Status s = prepare(*config, layout, ::time(nullptr)); !s) return s;
  if (Status s = start_supervisor(layout); !s) return s;
  if (Status s = wait_until_ready(layout, *config, wait, [] { return true; }); !s) return s;
  std::printf("ready after %.1f s\n", now_seconds() - began);
  std::printf("  export KUBECONFIG=%s\n", layout.kubeconfig().c_str());
  return {};
}

}  // namespace

const Command kUp{
    .name = "up",
    .summary = "start a cluster on this machine, or start it again",
    .usage = "kubus up [--state DIR] [options]",
    .examples =
        "  kubus up\n"
        "  kubus up --state /srv/test --api-port 7443 --bus-port 5222\n"
        "  kubus up --no-node --state /tmp/control-plane\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
