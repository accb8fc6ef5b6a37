#include "bus/kit/recorder.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>

#include "bus/kit/testing/cluster.h"

namespace kubus::kit {
namespace {

struct RecorderTest : ::testing::Test {
  RecorderTest() {
    c.put("pods", "d", R"({"metadata":{"name":"a"},"spec":{"containers":[]}})");
    c.put("nodes", "", R"({"metadata":{"name":"n1"}})");
    pod = c.store.find(testing::key("pods", "d", "a"));
    node = c.store.find(testing::key("nodes", "", "n1"));
  }
  std::vector<boost::json::object> events(const std::string& ns) {
    std::vector<boost::json::object> out;
    std::set<std::string> names;
    for (const wire::RequestT& w : c.store.writes()) {
      const wire::OperationT& op = *w.operations[0];
      if (op.resource != "events" || op.namespace_ != ns || !names.insert(op.name).second) continue;
      auto value = c.get("events", ns, op.name);
      if (value.is_object()) out.push_back(value.as_object());
    }
    return out;
  }

  testing::Cluster c{1};
  bus::Ports ports = c.host("kubelet").ports();
  Client client{ports, c.client_options("kubelet:n1")};
  Recorder recorder{ports, client, {.component = "kubelet", .host = "n1", .burst = 3}};
  Object pod, node;
};

TEST_F(RecorderTest, SaysWhatWhereAndByWhom) {
  recorder.warning(pod, "BackOff", "waits", "spec.containers{web}");
  c.world.settle();
  auto all = events("d");
  ASSERT_EQ(all.size(), 1u);
  const auto& about = all[0]["involvedObject"].as_object();
  EXPECT_EQ(about.at("kind"), "Pod");
  EXPECT_EQ(about.at("uid").as_string(), pod.uid());
  EXPECT_EQ(about.at("apiVersion"), "v1");
  EXPECT_EQ(about.at("fieldPath"), "spec.containers{web}");
  EXPECT_EQ(all[0]["type"], "Warning");
  EXPECT_EQ(all[0]["source"].as_object().at("host"), "n1");
}

TEST_F(RecorderTest, WhatHasNoNamespaceIsToldInDefault) {
  recorder.normal(node, "NodeReady", "is ready");
  c.world.settle();
  EXPECT_EQ(events("default").size(), 1u);
}

TEST_F(RecorderTest, TheSameIsCountedAlsoWhileAWriteIsUnderWay) {
  for (int i = 0; i < 3; ++i) recorder.normal(pod, "Pulled", "here");
  c.world.settle();
  auto all = events("d");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["count"], 3);
}

TEST_F(RecorderTest, ATalkativeObjectIsHeldBackAndOthersAreNot) {
  for (int i = 0; i < 10; ++i) recorder.normal(pod, "Reason", "m" + std::to_string(i));
  recorder.normal(node, "NodeReady", "is ready");
  c.world.settle();
  EXPECT_EQ(events("d").size(), 3u);
  EXPECT_EQ(events("default").size(), 1u);
  EXPECT_EQ(recorder.stats().held_back, 7u);
  c.world.run_for(std::chrono::minutes(6));
  recorder.normal(pod, "Reason", "later");
  c.world.settle();
  EXPECT_EQ(events("d").size(), 4u);
}

TEST_F(RecorderTest, AnEventThatIsGoneIsMadeAnew) {
  recorder.normal(pod, "Pulled", "here");
  c.world.settle();
  auto name = events("d")[0]["metadata"].as_object().at("name").as_string();
  c.erase("events", "d", std::string(name));
  recorder.normal(pod, "Pulled", "here");  // finds it gone
  c.world.settle();
  EXPECT_TRUE(events("d").empty());
  EXPECT_EQ(recorder.stats().failed, 1u);
  recorder.normal(pod, "Pulled", "here");
  c.world.settle();
  EXPECT_EQ(events("d").size(), 1u);
}

TEST_F(RecorderTest, AfterAWhileTheSameIsNews) {
  recorder.normal(pod, "Pulled", "here");
  c.world.run_for(std::chrono::minutes(11));
  recorder.normal(pod, "Pulled", "here");
  c.world.settle();
  EXPECT_EQ(events("d").size(), 2u);
}

TEST_F(RecorderTest, EndsWithAWriteUnderWay) {
  auto own = std::make_unique<Recorder>(ports, client, RecorderOptions{.component = "x"});
  own->normal(pod, "Pulled", "here");
  own.reset();
  c.world.settle();
  EXPECT_EQ(events("d").size(), 1u);
}

TEST_F(RecorderTest, ALongMessageIsCutBetweenCharacters) {
  std::string text(1023, 'x');
  recorder.normal(pod, "Long", text + "ü");
  c.world.settle();
  EXPECT_EQ(events("d")[0]["message"].as_string(), text);
}

}  // namespace
}  // namespace kubus::kit
