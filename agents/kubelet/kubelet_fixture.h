// The whole kubelet on a simulated bus, with a store, a runtime and a network in memory.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>

#include "agents/kubelet/fake/fake_network.h"
#include "agents/kubelet/fake/fake_runtime.h"
#include "agents/kubelet/kubelet.h"
#include "bus/kit/testing/fake_store.h"
#include "bus/sim/world.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::kubelet {

namespace json = boost::json;
using std::chrono::seconds;

inline const schema::KindInfo& kind(std::string_view resource) {
  return *schema::Registry::get().by_resource("", resource);
}

class KubeletTest : public testing::Test {
 protected:
  KubeletTest()
      : store_(world_.add_host("store").ports(), ClusterName("c")),
        host_(world_.add_host("kubelet")),
        runtime_(host_.ports().clock),
        network_(host_.ports().clock) {
    std::string pattern = testing::TempDir() + "kubelet-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    runtime_.add_image("web:1");
    store_.put(kind("nodes"), "",
               json::parse(R"({"metadata":{"name":"n1"},"spec":{"podCIDR":"10.0.0.0/24"}})"));
    start();
  }
  ~KubeletTest() override {
    kubelet_.reset();
    std::filesystem::remove_all(dir_);
  }

  void start() {
    KubeletOptions o;
    o.client = {.cluster = ClusterName("c"), .actor = Actor("kubelet:n1")};
    o.node = {"n1", "192.0.2.1", "v1", {.hostname = "n1", .architecture = "amd64"}};
    o.state_dir = dir_;
    kubelet_ = std::make_unique<Kubelet>(host_.ports(), runtime_, network_, o);
  }

  void create(const std::string& name, const std::string& spec) {
    json::object s = json::parse(spec).as_object();
    s["nodeName"] = "n1";
    store_.put(kind("pods"), "default",
               json::object{{"metadata", {{"name", name}}}, {"spec", std::move(s)}});
  }
  ObjectKey pod(const std::string& name) const { return {&kind("pods"), "default", name}; }
  json::value status(const std::string& name) const {
    Object o = store_.find(pod(name));
    if (!o) return nullptr;
    json::value v = codec::to_value(o.kind(), o.bytes());
    const json::value* s = v.as_object().if_contains("status");
    return s ? *s : json::value(nullptr);
  }
  bool phase_is(const std::string& name, const char* phase) {
    return store_.find(pod(name)).field("status.phase") == phase;
  }
  bool becomes(const std::string& name, const char* phase) {
    return world_.run_until([&] { return phase_is(name, phase); }, seconds(60));
  }
  json::object container(const std::string& name) const {
    return status(name).at("containerStatuses").as_array().at(0).as_object();
  }
  bool waits_for(const std::string& name, const char* reason) {
    return world_.run_until(
        [&] { return json::serialize(status(name)).find(reason) != std::string::npos; },
        seconds(120));
  }

  // The operations since the first `before`.
  std::vector<std::string> done_since(size_t before) const {
    const auto& all = runtime_.done();
    return {all.begin() + static_cast<std::ptrdiff_t>(before), all.end()};
  }
  json::value condition(const std::string& name, std::string_view type) const {
    json::value now = status(name);
    for (const json::value& c : now.at("conditions").as_array()) {
      if (c.at("type") == json::string_view(type)) return c;
    }
    return json::object{{"status", "absent"}};
  }
  bool ready(const std::string& name) const {
    return condition(name, "Ready").at("status") == "True";
  }
  bool gets_ready(const std::string& name, bool wanted = true) {
    return world_.run_until([&] { return phase_is(name, "Running") && ready(name) == wanted; },
                            seconds(60));
  }
  void mark_deleted(const std::string& name, int grace) {
    json::value v = codec::to_value(kind("pods"), store_.find(pod(name)).bytes());
    v.at("metadata").as_object()["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    v.at("metadata").as_object()["deletionGracePeriodSeconds"] = grace;
    store_.put(kind("pods"), "default", v);
  }
  bool goes(const std::string& name) {
    return world_.run_until([&] { return !store_.find(pod(name)); }, seconds(120));
  }

  bus::sim::World world_{1};
  kit::testing::FakeStore store_;
  bus::sim::Host& host_;
  FakeRuntime runtime_;
  FakeNetwork network_;
  std::string dir_;
  std::unique_ptr<Kubelet> kubelet_;
};

}  // namespace kubus::kubelet
