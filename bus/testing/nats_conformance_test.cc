// The bus on a real nats-server keeps the promises of Bus.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "bus/host/loop_clock.h"
#include "bus/host/loop_socket.h"
#include "bus/host/thread_workers.h"
#include "bus/nats/nats_bus.h"
#include "bus/nats/test_server.h"
#include "bus/testing/conformance.h"

namespace kubus::bus::testing {
namespace {

class Counting : public Random {
 public:
  uint64_t next() override { return n_++; }

 private:
  uint64_t n_ = 0;
};
class Silent : public Log {
 public:
  void write(Level, std::string_view) override {}
};

class NatsRig : public Rig {
 public:
  NatsRig()
      : server_({{.actor = "store", .password = "s", .role = Role::kStore},
                 {.actor = "a", .password = "a"},
                 {.actor = "b", .password = "b"}}),
        workers_(3, [this](auto f) { boost::asio::post(loop_, std::move(f)); }) {
    for (const char* name : {"store", "a", "b"}) clients_.push_back(connect(name));
  }
  Bus& bus(Client client) override { return *clients_[client]; }
  bool run_until(const std::function<bool()>& done) override {
    bool late = false;
    auto timer = clock_.after(std::chrono::seconds(20), [&] { late = true; });
    while (!done() && !late) loop_.run_one();
    return done();
  }
  void stop_server() override { server_.kill(); }
  void start_server() override { server_.start(); }

 private:
  std::unique_ptr<NatsBus> connect(const std::string& user) {
    NatsOptions options{.servers = {server_.url()},
                        .user = user,
                        .password = user.substr(0, 1),
                        .ca_file = "",
                        .cert_file = "",
                        .key_file = "",
                        .name = user};
    auto post = [this](auto f) { boost::asio::post(loop_, std::move(f)); };
    return std::make_unique<NatsBus>(options, post, socket_watcher(loop_), clock_, random_, log_,
                                     workers_);
  }

  TestServer server_;
  boost::asio::io_context loop_{1};
  LoopClock clock_{loop_};
  Counting random_;
  Silent log_;
  ThreadWorkers workers_;
  std::vector<std::unique_ptr<NatsBus>> clients_;
};

INSTANTIATE_TEST_SUITE_P(Nats, BusConformance,
                         ::testing::Values(Adapter{"server",
                                                   [] { return std::make_unique<NatsRig>(); }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace kubus::bus::testing
