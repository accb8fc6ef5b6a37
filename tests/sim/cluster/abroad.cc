#include "tests/sim/cluster/abroad.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "services/bridge/sinks/file.h"
#include "services/bridge/sinks/nats_subjects.h"
#include "services/bridge/sinks/webhook.h"

namespace kubus::sim {
namespace {

constexpr uint64_t kFileBytes = 128 << 10;
constexpr int kFiles = 1000;  // none is ever given up
constexpr size_t kBatch = 20, kMostWaiting = 64;

class BridgeProgram {
 public:
  BridgeProgram(bus::Ports ports, kit::ClientOptions client, Abroad& abroad)
      : ports_(ports),
        abroad_(abroad),
        positions_(ports.workers, abroad.disk),
        bridge_(ports, std::move(client), positions_) {}

  Status start(const std::vector<RouteSpec>& routes) {
    std::vector<bridge::Bridge::Leg> legs;
    for (const RouteSpec& route : routes) {
      auto sink = make_sink(route);
      if (!sink) return sink.error();
      bridge::RouteOptions options;
      options.name = route.name;
      options.filter.kinds = {route.kind};
      if (!route.ns.empty()) options.filter.namespaces = {route.ns};
      options.from = bridge::RouteOptions::From::kBeginning;
      options.most_waiting = kMostWaiting;
      legs.push_back({std::move(options), *std::move(sink)});
    }
    return bridge_.start(std::move(legs));
  }

 private:
  Result<std::unique_ptr<bridge::Sink>> make_sink(const RouteSpec& route) {
    using To = RouteSpec::To;
    if (route.to == To::kFile) {
      auto file = bridge::File::open(ports_.workers, {abroad_.file_of(route), kFileBytes, kFiles});
      if (!file) return file.error();
      return std::unique_ptr<bridge::Sink>(*std::move(file));
    }
    if (route.to == To::kSubjects)
      return std::unique_ptr<bridge::Sink>(std::make_unique<bridge::NatsSubjects>(
          ports_, bridge_.subjects(), bridge::NatsOptions{route.name, ""}));
    clients_.push_back(
        std::make_unique<bridge::testing::FakeClient>(ports_, abroad_.webhooks[route.name]));
    bridge::WebhookOptions options;
    options.route = route.name;
    options.shown = "http://" + route.name + "/";
    options.batched = route.to == To::kBatches;
    options.most_items = kBatch;
    return std::unique_ptr<bridge::Sink>(
        std::make_unique<bridge::Webhook>(ports_.log, *clients_.back(), std::move(options)));
  }

  bus::Ports ports_;
  Abroad& abroad_;
  std::vector<std::unique_ptr<bridge::HttpClient>> clients_;
  bridge::testing::MemoryPositions positions_;
  bridge::Bridge bridge_;
};

}  // namespace

Abroad::Abroad(Cluster& cluster, std::string dir) : directory(std::move(dir)) {
  std::filesystem::create_directories(directory);
  bus::Subjects subjects(cluster.client_options("admin").cluster);
  subjects_ = cluster.outside("abroad").ports().bus.subscribe(
      subjects.cloudevents(), [this](const bus::Message& m) {
        std::string_view text = as_text(m.payload.view());
        if (text.starts_with("{")) heard.emplace_back(text);
      });
}

std::string Abroad::file_of(const RouteSpec& route) const {
  return directory + "/" + route.name + ".jsonl";
}

std::string Abroad::lines_of(const RouteSpec& route) const {
  std::string out;
  for (int n = kFiles; n >= 0; --n) {
    std::ifstream in(file_of(route) + (n == 0 ? "" : "." + std::to_string(n)));
    if (in) out.append(std::istreambuf_iterator<char>(in), {});
  }
  return out;
}

std::shared_ptr<void> make_bridge(bus::Ports ports, kit::ClientOptions client,
                                  const std::vector<RouteSpec>& routes, Abroad& abroad) {
  auto program = std::make_shared<BridgeProgram>(ports, std::move(client), abroad);
  if (Status s = program->start(routes); !s) {
    ports.log.error("the bridge does not start: " + s.error().message);
    return nullptr;
  }
  return program;
}

}  // namespace kubus::sim
