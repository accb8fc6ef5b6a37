#include "bus/host/host.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>

#include "bus/host/loop_clock.h"
#include "bus/host/loop_socket.h"
#include "bus/host/thread_workers.h"
#include "bus/nats/nats_bus.h"
#include "schemas/lib/base/check.h"

namespace kubus::bus {
namespace {

// The kernel's, a page at a time: keys and nonces are made of it.
class OsRandom : public Random {
 public:
  uint64_t next() override {
    if (at_ == words_.size()) refill();
    return words_[at_++];
  }

 private:
  void refill() {
    auto* to = reinterpret_cast<char*>(words_.data());
    for (size_t n = 0; n < sizeof words_;) {
      ssize_t got = ::getrandom(to + n, sizeof words_ - n, 0);
      KUBUS_CHECK(got > 0 || errno == EINTR);
      if (got > 0) n += static_cast<size_t>(got);
    }
    at_ = 0;
  }
  std::array<uint64_t, 32> words_{};
  size_t at_ = words_.size();
};

class SpdLog : public Log {
 public:
  explicit SpdLog(const HostOptions& options) {
    spdlog::sink_ptr sink;
    if (options.log_file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file);
    }
    log_ = std::make_shared<spdlog::logger>(options.component, sink);
    log_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v", spdlog::pattern_time_type::utc);
    log_->set_level(level_of(options.log_level));
    log_->flush_on(spdlog::level::info);
  }
  void write(Level level, std::string_view line) override { log_->log(level_of(level), line); }

 private:
  static spdlog::level::level_enum level_of(Level level) {
    switch (level) {
      case Level::kDebug:
        return spdlog::level::debug;
      case Level::kInfo:
        return spdlog::level::info;
      case Level::kWarn:
        return spdlog::level::warn;
      case Level::kError:
        return spdlog::level::err;
    }
    return spdlog::level::info;
  }
  std::shared_ptr<spdlog::logger> log_;
};

NatsOptions nats_options(const HostOptions& o) {
  const Credentials& c = o.credentials;
  NatsOptions out;
  out.servers = c.servers;
  out.user = c.user;
  out.password = c.password;
  out.ca_file = c.ca_file;
  out.cert_file = c.cert_file;
  out.key_file = c.key_file;
  out.name = o.component;
  return out;
}

}  // namespace

struct Host::Impl {
  explicit Impl(HostOptions options)
      : component(options.component),
        work(loop.get_executor()),
        signals(loop, SIGTERM, SIGINT),
        log(options),
        clock(loop),
        workers(options.workers + 1, [this](auto f) { post(std::move(f)); }),
        bus(
            nats_options(options), [this](auto f) { post(std::move(f)); }, socket_watcher(loop),
            clock, random, log, workers) {
    std::signal(SIGPIPE, SIG_IGN);
    wait_for_signal();
  }

  void post(std::function<void()> f) { boost::asio::post(loop, std::move(f)); }

  void wait_for_signal() {
    signals.async_wait([this](const boost::system::error_code& code, int) {
      if (code) return;
      wait_for_signal();
      if (terminate) return terminate();
      loop.stop();
    });
  }

  std::string component;
  boost::asio::io_context loop{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  boost::asio::signal_set signals;
  OsRandom random;
  SpdLog log;
  LoopClock clock;
  ThreadWorkers workers;
  NatsBus bus;
  std::function<void()> terminate;
  int exit_code = 0;
};

Host::Host(HostOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Host::~Host() = default;

Ports Host::ports() {
  return {impl_->bus, impl_->clock, impl_->random, impl_->log, impl_->workers};
}
std::unique_ptr<NatsBus> Host::connect(const Credentials& credentials) {
  HostOptions options{.component = impl_->component, .credentials = credentials};
  return std::make_unique<NatsBus>(
      nats_options(options), [this](auto f) { post(std::move(f)); }, socket_watcher(impl_->loop),
      impl_->clock, impl_->random, impl_->log, impl_->workers);
}
boost::asio::io_context& Host::loop() {
  return impl_->loop;
}
void Host::post(std::function<void()> f) {
  impl_->post(std::move(f));
}

int Host::run() {
  impl_->loop.restart();
  impl_->loop.run();
  return impl_->exit_code;
}

void Host::stop(int exit_code) {
  impl_->exit_code = exit_code;
  impl_->loop.stop();
}

void Host::on_terminate(std::function<void()> f) {
  impl_->terminate = std::move(f);
}

}  // namespace kubus::bus
