// Loads on the store through the bus. usage:
//   store-load CREDENTIALS create WRITERS SECONDS [N] durable creates of 1 KiB ConfigMaps, in
//   default or spread over the namespaces bench-0 … bench-(N-1), which it makes
//   store-load CREDENTIALS fill COUNT [FROM]          that many creates, as fast as they go, after
//   FROM others
//   store-load CREDENTIALS churn COUNT                that many updates of random ConfigMaps made
//   by fill store-load CREDENTIALS events RATE SECONDS        from a write's acknowledgement to a
//   subscriber of its event
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <unordered_map>

#include "bus/host/host.h"
#include "bus/kit/client.h"
#include "bus/kit/feed.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;

constexpr size_t kValueBytes = 1024;
constexpr int kFlyingWhenFilling = 512;

const schema::KindInfo& config_maps() {
  return *schema::Registry::get().by_resource("", "configmaps");
}

Buffer config_map(const std::string& ns, const std::string& name, uint64_t version) {
  boost::json::object o{
      {"metadata", {{"name", name}, {"namespace", ns}}},
      {"data", {{"version", std::to_string(version)}, {"value", std::string(kValueBytes, 'x')}}}};
  auto bytes = codec::from_value(config_maps(), o, nullptr);
  return *std::move(bytes);
}

wire::RequestT write_request(wire::Verb verb, const std::string& name, uint64_t version,
                             const std::string& ns = "default") {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = verb;
  op->resource = "configmaps";
  op->namespace_ = ns;
  op->name = name;
  op->object = config_map(ns, name, version);
  op->field_manager = "bench";
  op->return_object = false;
  request.operations.push_back(std::move(op));
  return request;
}

struct Connection {
  explicit Connection(const std::string& path)
      : credentials(*bus::read_credentials(path)),
        host({.component = "bench", .credentials = credentials, .log_level = bus::Level::kError}),
        client(host.ports(), {ClusterName(credentials.cluster), Actor(credentials.actor)}) {}
  bus::Credentials credentials;
  bus::Host host;
  kit::Client client;
};

// Keeps so many writes flying until `more` says no.
class Writers {
 public:
  using Next = std::function<wire::RequestT(uint64_t index)>;
  Writers(Connection& c, Next next, std::function<bool()> more)
      : c_(c), next_(std::move(next)), more_(std::move(more)) {}

  bool run(int flying) {
    for (int i = 0; i < flying && more_(); ++i) start();
    c_.host.run();
    return failures_ == 0;
  }
  std::vector<int64_t>& latencies() { return latencies_; }

 private:
  void start() {
    ++flying_;
    int64_t began = now_ns();
    c_.client.call(next_(index_++), [this, began](Result<kit::Answer> answer) {
      on_answer(began, std::move(answer));
    });
  }
  void on_answer(int64_t began, Result<kit::Answer> answer) {
    --flying_;
    Status s = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
    if (!s) {
      if (failures_++ < 3) std::fprintf(stderr, "write failed: %s\n", s.error().message.c_str());
    } else {
      latencies_.push_back(now_ns() - began);
    }
    if (more_()) {
      start();
    } else if (flying_ == 0) {
      c_.host.stop();
    }
  }

  Connection& c_;
  Next next_;
  std::function<bool()> more_;
  std::vector<int64_t> latencies_;
  uint64_t index_ = 0;
  int flying_ = 0, failures_ = 0;
};

std::string spread_over(int namespaces, uint64_t i) {
  return namespaces == 0 ? "default"
                         : "bench-" + std::to_string(i % static_cast<uint64_t>(namespaces));
}

// Those that are there already are refused, which is well.
void make_namespaces(Connection& c, int count) {
  const auto& kind = *schema::Registry::get().by_resource("", "namespaces");
  int left = count;
  for (int i = 0; i < count; ++i) {
    boost::json::object o{{"metadata", {{"name", "bench-" + std::to_string(i)}}}};
    c.client.create(kind, "", o, {}, [&](Result<Object>) {
      if (--left == 0) c.host.stop();
    });
  }
  if (count > 0) c.host.run();
}

int create(Connection& c, int writers, int seconds, int namespaces) {
  make_namespaces(c, namespaces);
  int64_t began = now_ns(), end = began + int64_t{seconds} * 1'000'000'000;
  auto next = [&](uint64_t i) {
    return write_request(wire::Verb::Create, random_name(static_cast<uint64_t>(began), i), 0,
                         spread_over(namespaces, i));
  };
  Writers load(c, next, [&] { return now_ns() < end; });
  if (!load.run(writers)) return 1;
  print_figures(now_ns() - began, load.latencies());
  return 0;
}

int fill(Connection& c, uint64_t count, uint64_t from, bool churn) {
  constexpr uint64_t kSeed = 7;
  uint64_t started = 0;
  int64_t began = now_ns();
  const uint64_t known = 10'000;
  auto next = [&](uint64_t i) {
    ++started;
    return churn ? write_request(wire::Verb::Update, random_name(kSeed, (i * 7919) % known), i + 1)
                 : write_request(wire::Verb::Create, random_name(kSeed, from + i), 0);
  };
  Writers load(c, next, [&] { return started < count; });
  if (!load.run(kFlyingWhenFilling)) return 1;
  print_figures(now_ns() - began, load.latencies());
  return 0;
}

// The subscriber is a connection of its own with a loop of its own, as an outside program would be.
class EventLatency {
 public:
  explicit EventLatency(const std::string& credentials)
      : writer_(credentials), reader_(credentials) {}

  int run(int rate, int seconds) {
    auto pattern = reader_.client.subjects().events_of({"", "configmaps", "", "", ""});
    auto subscription =
        reader_.host.ports().bus.subscribe(pattern, [this](bus::Message m) { on_event(m); });
    std::thread reader([this] { reader_.host.run(); });
    left_ = rate * seconds;
    interval_ = std::chrono::nanoseconds(1'000'000'000 / rate);
    tick();
    writer_.host.run();
    reader_.host.post([this] { reader_.host.stop(); });
    reader.join();
    report();
    return latencies_.empty() ? 1 : 0;
  }

 private:
  void tick() {
    if (left_-- <= 0) {
      // What is still on its way gets a second.
      timer_ = writer_.host.ports().clock.after(std::chrono::seconds(1),
                                                [this] { writer_.host.stop(); });
      return;
    }
    auto request =
        write_request(wire::Verb::Create, random_name(static_cast<uint64_t>(began_), next_++), 0);
    writer_.client.call(std::move(request), [this](Result<kit::Answer> answer) {
      if (answer) acknowledged_[answer->outcome().revision()] = now_ns();
    });
    due_ += interval_.count();
    auto wait = std::chrono::nanoseconds(std::max<int64_t>(0, due_ - now_ns()));
    timer_ = writer_.host.ports().clock.after(wait, [this] { tick(); });
  }

  void on_event(const bus::Message& m) {
    flatbuffers::Verifier verifier(m.payload.data(), m.payload.size());
    if (!verifier.VerifyBuffer<wire::Event>()) return;
    seen_[flatbuffers::GetRoot<wire::Event>(m.payload.data())->revision()] = now_ns();
  }

  // An event that was there before its acknowledgement counts as 0.
  void report() {
    for (const auto& [revision, at] : acknowledged_) {
      auto found = seen_.find(revision);
      if (found != seen_.end()) latencies_.push_back(std::max<int64_t>(0, found->second - at));
    }
    print_figures(now_ns() - began_, latencies_);
  }

  Connection writer_, reader_;
  std::unique_ptr<bus::Timer> timer_;
  std::chrono::nanoseconds interval_{};
  int64_t began_ = now_ns(), due_ = began_;
  int left_ = 0;
  uint64_t next_ = 0;
  std::unordered_map<uint64_t, int64_t> acknowledged_, seen_;
  std::vector<int64_t> latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  std::string what = argv[2];
  if (what == "create" && (argc == 5 || argc == 6)) {
    Connection c(argv[1]);
    return create(c, std::atoi(argv[3]), std::atoi(argv[4]), argc == 6 ? std::atoi(argv[5]) : 0);
  }
  if (what == "fill" || what == "churn") {
    Connection c(argv[1]);
    uint64_t from = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0;
    return fill(c, std::strtoull(argv[3], nullptr, 10), from, what == "churn");
  }
  if (what == "events" && argc == 5)
    return EventLatency(argv[1]).run(std::atoi(argv[3]), std::atoi(argv[4]));
  return 2;
}
