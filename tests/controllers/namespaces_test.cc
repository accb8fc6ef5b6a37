// Namespaces that go, and what they lost.
#include "tests/controllers/world.h"

namespace kubus::controllers::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kPod =
    R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})";

void furnish(World& w) {
  ASSERT_TRUE(w.api.create("namespaces", "", R"({"metadata":{"name":"n"}})"));
  ASSERT_TRUE(w.api.create("configmaps", "n", R"({"metadata":{"name":"a"}})"));
  ASSERT_TRUE(w.api.create("secrets", "n", R"({"metadata":{"name":"s"}})"));
  ASSERT_TRUE(w.api.create("pods", "n", kPod));
  ASSERT_TRUE(w.api.create("services", "n", R"({"metadata":{"name":"web"},"spec":{
      "selector":{"app":"web"},"ports":[{"port":80}]}})"));
}
std::string condition(World& w, std::string_view type) {
  auto all = w.api.get("namespaces", "", "n").at("status.conditions");
  if (!all.is_array()) return "";
  for (const auto& c : all.get_array()) {
    if (c.at("type").as_string() == type) return std::string(c.at("status").as_string());
  }
  return "";
}
// Nothing of it is anywhere.
void expect_gone(World& w) {
  EXPECT_FALSE(w.there("namespaces", "", "n"))
      << boost::json::serialize(w.api.get("namespaces", "", "n").object);
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (!kind->stored || !kind->namespaced || kind->group == "events.k8s.io") continue;
    EXPECT_TRUE(w.api.list(kind->resource, "n").items.empty()) << kind->resource;
  }
}

TEST(Namespaces, GoWithAllThatIsInThem) {
  World w;
  furnish(w);
  w.run();
  ASSERT_TRUE(w.api.remove("namespaces", "", "n"));
  EXPECT_TRUE(w.there("namespaces", "", "n"));
  w.run();
  expect_gone(w);
  EXPECT_TRUE(w.there("namespaces", "", "default"));
  EXPECT_TRUE(w.there("serviceaccounts", "default", "default"));
}

TEST(Namespaces, WaitForWhatHasFinalizersAndSaySo) {
  World w;
  furnish(w);
  ASSERT_TRUE(w.api.create("configmaps", "n",
                           R"({"metadata":{"name":"held","finalizers":["example.com/hold"]}})"));
  w.run();
  ASSERT_TRUE(w.api.remove("namespaces", "", "n"));
  w.run();
  EXPECT_EQ(w.names("configmaps", "n"), (Names{"held"}));
  EXPECT_EQ(condition(w, "NamespaceContentRemaining"), "True");
  EXPECT_EQ(condition(w, "NamespaceFinalizersRemaining"), "True");
  EXPECT_EQ(condition(w, "NamespaceDeletionDiscoveryFailure"), "False");
  ASSERT_TRUE(w.api.patch("configmaps", "n", "held", R"({"metadata":{"finalizers":null}})"));
  w.run();
  expect_gone(w);
}

TEST(Namespaces, WaitForAPodsGrace) {
  World w;
  ASSERT_TRUE(w.api.create_node("node"));
  ASSERT_TRUE(w.api.create("namespaces", "", R"({"metadata":{"name":"n"}})"));
  ASSERT_TRUE(w.api.create("pods", "n", R"({"metadata":{"name":"p"},"spec":{"nodeName":"node",
      "containers":[{"name":"c","image":"i"}]}})"));
  ASSERT_TRUE(w.api.remove("namespaces", "", "n"));
  w.run();
  ASSERT_TRUE(w.there("pods", "n", "p"));
  EXPECT_TRUE(w.api.get("pods", "n", "p").at("metadata.deletionTimestamp").is_string());
  auto last = store::testing::StoreWorld::request(wire::Verb::Delete, "pods", "n", "p");
  last.operations[0]->grace_seconds = 0;
  ASSERT_TRUE(w.api.call(std::move(last), "kubelet:node"));
  w.run();
  expect_gone(w);
}

TEST(Namespaces, KeepFinalizersOfOthers) {
  World w;
  ASSERT_TRUE(w.api.create("namespaces", "",
                           R"({"metadata":{"name":"n"},"spec":{"finalizers":["example.com/x"]}})"));
  ASSERT_TRUE(w.api.remove("namespaces", "", "n"));
  w.run();
  auto left = w.api.get("namespaces", "", "n");
  ASSERT_TRUE(left);
  EXPECT_EQ(boost::json::serialize(left.at("spec.finalizers")), R"(["example.com/x"])");
}

TEST(Namespaces, GoWhileSomebodyGoesOnFillingThem) {
  World w;
  furnish(w);
  w.run();
  int made = 0, refused = 0;
  auto fill = [&](int i) {
    auto got =
        w.api.create("configmaps", "n", R"({"metadata":{"name":"x)" + std::to_string(i) + R"("}})");
    ++(got ? made : refused);
  };
  for (int i = 0; i < 50; ++i) {
    if (i == 20) {
      ASSERT_TRUE(w.api.remove("namespaces", "", "n"));
    }
    fill(i);
    w.run(milliseconds(3));
  }
  EXPECT_EQ(made, 20);
  EXPECT_EQ(refused, 30);
  w.run();
  expect_gone(w);
}

TEST(Namespaces, GetBackWhatTheyLost) {
  World w;
  furnish(w);
  w.run();
  ASSERT_TRUE(w.api.remove("serviceaccounts", "n", "default"));
  w.run();
  EXPECT_TRUE(w.there("serviceaccounts", "n", "default"));
  w.crash();
  ASSERT_TRUE(w.api.remove("configmaps", "n", "kube-root-ca.crt"));
  w.start();
  w.run();
  auto authority = w.api.get("configmaps", "n", "kube-root-ca.crt");
  auto data = authority.at("data");
  ASSERT_TRUE(data.is_object()) << authority.message();
  EXPECT_EQ(data.at("ca.crt").as_string(), "the authority");
}

TEST(Namespaces, DeathAfterAnyWriteChangesNothingInTheEnd) {
  World::crash_after_each_write(
      [](World& w) {
        furnish(w);
        ASSERT_TRUE(w.api.remove("namespaces", "", "n"));
      },
      expect_gone);
}

TEST(Namespaces, GoOverABusThatLosesAThird) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    World w(seed);
    w.run();
    furnish(w);
    w.lose();
    ASSERT_TRUE(w.api.remove("namespaces", "", "n"));
    w.lose(seconds(20));
    w.run(seconds(600));
    expect_gone(w);
  }
}

}  // namespace
}  // namespace kubus::controllers::testing
