// Pods as users see them, through the bus, on a cluster with a node. usage:
//   pod-load CREDENTIALS start COUNT IMAGE    one Pod after another: from its creation to Running
//   seen pod-load CREDENTIALS burst COUNT IMAGE    all at once: until the last is Running pod-load
//   CREDENTIALS deploy COUNT         a Deployment of so many: until all its Pods are there
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <optional>

#include "bus/host/host.h"
#include "bus/kit/client.h"
#include "bus/kit/informer.h"
#include "bus/kit/requests.h"
#include "schemas/bus/envelope_generated.h"
#include "tests/bench/load.h"

namespace {

using namespace kubus;
using namespace kubus::bench;
namespace json = boost::json;

const schema::KindInfo& kind(const char* group, const char* resource) {
  return *schema::Registry::get().by_resource(group, resource);
}

json::object container(const std::string& image) {
  return {{"name", "c"},
          {"image", image},
          {"imagePullPolicy", "Never"},
          {"command", json::array{"/bin/sh", "-c", "exec sleep 1000000"}}};
}

json::object pod(const std::string& name, const std::string& image) {
  return {{"metadata", json::object{{"name", name}, {"labels", json::object{{"app", "bench"}}}}},
          {"spec", json::object{{"terminationGracePeriodSeconds", 0},
                                {"enableServiceLinks", false},
                                {"automountServiceAccountToken", false},
                                {"containers", json::array{container(image)}}}}};
}

class PodLoad {
 public:
  explicit PodLoad(const std::string& path)
      : credentials_(*bus::read_credentials(path)),
        host_({.component = "bench", .credentials = credentials_, .log_level = bus::Level::kError}),
        client_(host_.ports(), {ClusterName(credentials_.cluster), Actor(credentials_.actor)}),
        pods_(host_.ports(), client_, {.kind = &kind("", "pods"), .ns = "default"}) {
    pods_.on_change([this](const kit::Informer::Change& c) { on_pod(c); });
    pods_.start();
    run_until([this] { return pods_.synced(); });
  }

  int start(int count, const std::string& image) {
    std::vector<int64_t> latencies;
    int64_t began = now_ns();
    for (int i = 0; i < count; ++i) {
      std::string name = "start-" + std::to_string(i);
      int64_t then = now_ns();
      create(pod(name, image));
      run_until([&] { return running_.count(name) > 0; });
      latencies.push_back(running_[name] - then);
      remove(name);
      run_until([&] { return pods_.all().empty(); });
    }
    print_figures(now_ns() - began, latencies);
    return 0;
  }

  int burst(int count, const std::string& image) {
    int64_t began = now_ns();
    for (int i = 0; i < count; ++i) create(pod("burst-" + std::to_string(i), image));
    run_until([&] { return running_.size() == static_cast<size_t>(count); });
    std::printf("{\"seconds\": %.3f}\n", static_cast<double>(now_ns() - began) / 1e9);
    for (const auto& [name, at] : running_) remove(name);
    run_until([&] { return pods_.all().empty(); });
    return 0;
  }

  int deploy(int count) {
    json::object labels{{"app", "many"}};
    json::object made{
        {"metadata", json::object{{"name", "many"}, {"namespace", "default"}}},
        {"spec",
         json::object{
             {"replicas", count},
             {"selector", json::object{{"matchLabels", labels}}},
             {"template",
              json::object{{"metadata", json::object{{"labels", labels}}},
                           {"spec", json::object{{"nodeSelector", json::object{{"none", "such"}}},
                                                 {"containers", json::array{container("x")}}}}}}}}};
    int64_t began = now_ns();
    client_.create(kind("apps", "deployments"), "default", made, {}, [](Result<Object> r) {
      if (!r) fail(r.error());
    });
    run_until([&] { return pods_.all().size() == static_cast<size_t>(count); });
    std::printf("{\"seconds\": %.3f}\n", static_cast<double>(now_ns() - began) / 1e9);
    return 0;
  }

 private:
  static void fail(const Error& error) {
    std::fprintf(stderr, "%s\n", error.message.c_str());
    std::exit(1);
  }

  void on_pod(const kit::Informer::Change& change) {
    if (!change.now || change.now.terminating()) return;
    std::string name(change.now.name());
    if (change.now.field("status.phase") == "Running") running_.emplace(name, now_ns());
    if (change.now.field("status.phase") == "Failed") {
      fail(Error(Code::kInternal, "Pod " + name + " failed"));
    }
  }

  void create(const json::object& object) {
    client_.create(kind("", "pods"), "default", object, {}, [](Result<Object> made) {
      if (!made) fail(made.error());
    });
  }
  void remove(const std::string& name) {
    client_.remove({&kind("", "pods"), "default", name}, 0, {}, [](Status s) {
      if (!s && s.error().code != Code::kNotFound) fail(s.error());
    });
  }

  void run_until(const std::function<bool()>& done) {
    host_.loop().restart();
    while (!done()) host_.loop().run_one();
  }

  bus::Credentials credentials_;
  bus::Host host_;
  kit::Client client_;
  kit::Informer pods_;
  std::map<std::string, int64_t> running_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  PodLoad load(argv[1]);
  int count = std::atoi(argv[3]);
  if (!std::strcmp(argv[2], "deploy")) return load.deploy(count);
  if (argc < 5) return 2;
  if (!std::strcmp(argv[2], "start")) return load.start(count, argv[4]);
  if (!std::strcmp(argv[2], "burst")) return load.burst(count, argv[4]);
  return 2;
}
