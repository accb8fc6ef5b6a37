#include "cli/past/private_replay.h"

#include <poll.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <charconv>
#include <cstring>

#include "bus/archive/file/file.h"
#include "bus/host/loop_clock.h"
#include "bus/subjects.h"
#include "cli/cluster/components.h"
#include "cli/cluster/files.h"
#include "cli/cluster/preflight.h"
#include "cli/cluster/prepare.h"
#include "cli/supervisor/supervisor.h"

namespace kubus::cli {
namespace {

constexpr const char* kLoopback = "127.0.0.1";
constexpr int kLooks = 500, kLookMs = 20;

// The wall clock in seconds, for certificates.
int64_t now_seconds() {
  boost::asio::io_context loop;
  return bus::LoopClock(loop).wall_seconds();
}

Status set_api(const std::string& api, ClusterConfig* config) {
  size_t colon = api.rfind(':');
  uint16_t port = 0;
  const char* end = api.data() + api.size();
  bool good = colon != std::string::npos && colon + 1 < api.size() &&
              std::from_chars(api.data() + colon + 1, end, port).ptr == end;
  if (!good) return Error(Code::kBadRequest, "--serve takes ADDRESS:PORT, not \"" + api + "\"");
  config->address = api.substr(0, colon);
  config->api_port = free_port(config->listen, config->address, port);
  if (config->api_port == 0 || (port != 0 && config->api_port != port))
    return Error(Code::kBadRequest, "--serve: cannot listen on " + api);
  return {};
}

}  // namespace

Result<std::unique_ptr<PrivateReplay>> PrivateReplay::start(const PrivateReplayOptions& options) {
  std::unique_ptr<PrivateReplay> out(new PrivateReplay());
  if (!options.file.empty()) {
    auto file = archive::FileReader::open(options.file);
    if (!file) return file.error();
    out->time_ns_ = (*file)->header().time_ns;
  }
  ClusterConfig& c = out->config_;
  c.name = bus::Subjects::replay(options.name).value();
  c.listen = c.address = kLoopback;
  if (!options.api.empty()) {
    if (Status s = set_api(options.api, &c); !s) return s.error();
  }
  if (Status s = out->make_directory(); !s) return s.error();
  if (Status s = out->prepare(options); !s) return s.error();
  if (Status s = out->run(options); !s) return s.error();
  return out;
}

Status PrivateReplay::prepare(const PrivateReplayOptions& options) {
  if (!options.credentials.empty()) {
    for (const std::string& dir : {layout_.logs(), layout_.store()}) {
      if (Status s = make_directories(dir); !s) return s;
    }
    return {};
  }
  config_.bus_port = free_port(kLoopback, 0);
  if (Status s = prepare_replay(config_, layout_, now_seconds(), !options.api.empty()); !s)
    return s;
  return take_lock(layout_.lock());
}

Status PrivateReplay::make_directory() {
  const char* base = ::getenv("TMPDIR");
  std::string path = std::string(base && *base ? base : "/tmp") + "/kubus-replay-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return Error(Code::kUnavailable, path + ": " + std::strerror(errno));
  layout_ = layout_of(path);
  auto sweeper = Sweeper::start(layout_.dir);
  if (!sweeper) return sweeper.error();
  sweeper_ = *std::move(sweeper);
  return {};
}

Result<Child*> PrivateReplay::add(const std::vector<std::string>& argv, const std::string& log) {
  auto child = Child::start(argv, layout_.logs() + "/" + log + ".log");
  if (!child) return child.error();
  children_.push_back(*std::move(child));
  return children_.back().get();
}

Status PrivateReplay::run(const PrivateReplayOptions& options) {
  std::string file = options.file, credentials = options.credentials;
  if (options.fetch) {
    file = layout_.dir + "/archive";
    if (Status s = options.fetch(file); !s) return s;
  }
  if (credentials.empty()) {
    credentials = layout_.credentials("replay");
    auto bus = add({find_program("nats-server"), "-c", layout_.bus_config()}, "nats-server");
    if (!bus) return bus.error();
  }
  std::vector<std::string> argv{find_program("kubus-replay"),
                                "--credentials",
                                credentials,
                                "--name",
                                options.name,
                                "--file",
                                file,
                                "--work",
                                layout_.store()};
  argv.insert(argv.end(), options.range.begin(), options.range.end());
  auto replay = add(argv, "replay");
  if (!replay) return replay.error();
  auto ready = (*replay)->line();
  if (!ready) return Error(Code::kBadRequest, ready.error().message);
  return options.api.empty() ? Status() : run_gateway();
}

Status PrivateReplay::run_gateway() {
  auto gateway = add(gateway_of(config_, layout_).argv, "gateway");
  if (!gateway) return gateway.error();
  for (int look = 0; look < kLooks; ++look) {
    if (listens(config_.listen, config_.api_port)) return {};
    if (!(*gateway)->runs()) return Error(Code::kUnavailable, (*gateway)->last_words());
    ::poll(nullptr, 0, kLookMs);
  }
  return Error(Code::kUnavailable, "the gateway does not listen: " + (*gateway)->last_words());
}

Child* PrivateReplay::ended() {
  for (const auto& child : children_) {
    if (!child->runs()) return child.get();
  }
  return nullptr;
}

}  // namespace kubus::cli
