// Cascades of deletion.
#include "tests/controllers/world.h"

namespace kubus::controllers::testing {
namespace {

using std::chrono::seconds;
using wire::Propagation;

// a owns b and c, b owns d; x is nobody's.
void family(World& w) {
  w.map("a");
  w.map("b", w.owner("a"));
  w.map("c", w.owner("a"));
  w.map("d", w.owner("b"));
  w.map("x");
}
Names maps(World& w) {
  return w.names("configmaps", "default");
}
size_t owners_of(World& w, const std::string& name) {
  auto refs = w.api.get("configmaps", "default", name).at("metadata.ownerReferences");
  return refs.is_array() ? refs.as_array().size() : 0;
}

TEST(Garbage, OfAnOwnerThatIsGoneGoes) {
  World w;
  family(w);
  w.run();
  EXPECT_EQ(maps(w), (Names{"a", "b", "c", "d", "x"}));
  ASSERT_TRUE(w.remove("configmaps", "default", "a", Propagation::Background));
  EXPECT_FALSE(w.there("configmaps", "default", "a")) << "it waits for nobody";
  w.run();
  EXPECT_EQ(maps(w), (Names{"x"}));
}

TEST(Garbage, AnOwnerWaitsForItsDependents) {
  World w;
  family(w);
  w.map("held", w.owner("b"), R"(,"finalizers":["example.com/hold"])");
  w.map("free", w.owner("a", false), R"(,"finalizers":["example.com/hold"])");
  w.run();
  ASSERT_TRUE(w.remove("configmaps", "default", "a", Propagation::Foreground));
  w.run();
  EXPECT_EQ(maps(w), (Names{"a", "b", "held", "free", "x"})) << "what waits stays, what can goes";
  ASSERT_TRUE(w.api.patch("configmaps", "default", "held", R"({"metadata":{"finalizers":null}})"));
  w.run();
  EXPECT_EQ(maps(w), (Names{"free", "x"})) << "who does not block is not waited for";
}

TEST(Garbage, OrphansStay) {
  World w;
  family(w);
  w.run();
  ASSERT_TRUE(w.remove("configmaps", "default", "a", Propagation::Orphan));
  w.run();
  EXPECT_EQ(maps(w), (Names{"b", "c", "d", "x"}));
  EXPECT_EQ(owners_of(w, "b"), 0u);
  EXPECT_EQ(owners_of(w, "c"), 0u);
  EXPECT_EQ(owners_of(w, "d"), 1u);
}

TEST(Garbage, OneOwnerIsEnough) {
  World w;
  w.map("a");
  w.map("b");
  w.map("both", w.owner("a") + "," + w.owner("b"));
  w.run();
  ASSERT_TRUE(w.api.remove("configmaps", "default", "a"));
  w.run();
  EXPECT_EQ(owners_of(w, "both"), 1u);
  ASSERT_TRUE(w.remove("configmaps", "default", "b", Propagation::Foreground));
  w.run();
  EXPECT_EQ(maps(w), Names{});
}

TEST(Garbage, AnOwnerOfTheSameNameIsAnother) {
  World w;
  w.map("a");
  std::string old = w.owner("a");
  w.map("of-old", old);
  w.crash();
  ASSERT_TRUE(w.api.remove("configmaps", "default", "a"));
  w.map("a");
  w.map("of-new", w.owner("a"));
  w.start();
  w.run();
  EXPECT_EQ(maps(w), (Names{"a", "of-new"}));
  w.map("late", old);
  w.run();
  EXPECT_EQ(maps(w), (Names{"a", "of-new"})) << "made for an owner that was gone already";
}

TEST(Garbage, OfKindsThatNobodyKnowsStays) {
  World w;
  w.map("a", World::owner_of("example.com/v1", "Thing", "t", "some-uid"));
  w.map("b", World::owner_of("v1", "Event", "t", "other-uid"));
  w.run();
  EXPECT_EQ(maps(w), (Names{"a", "b"}));
}

TEST(Garbage, AnOwnerInAnotherNamespaceIsToldAndNothingIsDeleted) {
  World w;
  ASSERT_TRUE(w.api.create("configmaps", "kube-system", R"({"metadata":{"name":"far"}})"));
  w.map("a", World::owner_of("v1", "ConfigMap", "far", w.uid("configmaps", "kube-system", "far")));
  w.run();
  EXPECT_EQ(maps(w), (Names{"a"}));
  auto events = w.api.list("events", "default").items;
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].at("reason").as_string(), "OwnerRefInvalidNamespace");
}

TEST(Garbage, AnOwnerOfTheWholeClusterOwnsInNamespaces) {
  World w;
  ASSERT_TRUE(w.api.create_node("n"));
  w.map("a", World::owner_of("v1", "Node", "n", w.uid("nodes", "", "n")));
  w.run();
  EXPECT_EQ(maps(w), (Names{"a"}));
  ASSERT_TRUE(w.api.remove("nodes", "", "n"));
  w.run();
  EXPECT_EQ(maps(w), Names{});
}

// Owns itself, or each other.
void circle(World& w, const Names& names) {
  for (const std::string& name : names) w.map(name);
  std::string before = *names.rbegin();
  for (const std::string& name : names) {
    ASSERT_TRUE(w.api.patch("configmaps", "default", name,
                            R"({"metadata":{"ownerReferences":[)" + w.owner(before) + "]}}"));
    before = name;
  }
}

TEST(Garbage, CirclesEnd) {
  for (auto how : {Propagation::Background, Propagation::Foreground}) {
    for (const Names& names : {Names{"a"}, Names{"a", "b"}, Names{"a", "b", "c"}}) {
      World w;
      circle(w, names);
      w.run();
      EXPECT_EQ(maps(w), names);
      ASSERT_TRUE(w.remove("configmaps", "default", "a", how));
      w.run();
      EXPECT_EQ(maps(w), Names{}) << names.size();
    }
  }
}

TEST(Garbage, AWholeCircleThatWaitsEnds) {
  World w;
  circle(w, {"a", "b", "c"});
  w.crash();
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(w.remove("configmaps", "default", name, Propagation::Foreground));
  }
  w.start();
  w.run();
  EXPECT_EQ(maps(w), Names{});
}

TEST(Garbage, AThousandDependents) {
  for (auto how : {Propagation::Orphan, Propagation::Foreground}) {
    World w;
    w.map("a");
    std::string owner = w.owner("a");
    wire::RequestT request;
    for (int i = 0; i < 1000; ++i) {
      std::string name = "d" + std::to_string(i);
      auto one =
          store::testing::StoreWorld::request(wire::Verb::Create, "configmaps", "default", name);
      one.operations[0]->object = store::testing::StoreWorld::encode(
          "configmaps", store::testing::parse(R"({"metadata":{"name":")" + name +
                                              R"(","ownerReferences":[)" + owner + "]}}"));
      request.operations.push_back(std::move(one.operations[0]));
      if (request.operations.size() < 500) continue;
      ASSERT_TRUE(w.api.call(std::exchange(request, {})));
    }
    w.run();
    ASSERT_TRUE(w.remove("configmaps", "default", "a", how));
    w.run();
    EXPECT_EQ(maps(w).size(), how == Propagation::Orphan ? 1000u : 0u);
  }
}

TEST(Garbage, DeathAfterAnyWriteChangesNothingInTheEnd) {
  auto prepare = [](Propagation how) {
    return [how](World& w) {
      family(w);
      ASSERT_TRUE(w.remove("configmaps", "default", "a", how));
    };
  };
  World::crash_after_each_write(prepare(Propagation::Background),
                                [](World& w) { EXPECT_EQ(maps(w), (Names{"x"})); });
  World::crash_after_each_write(prepare(Propagation::Foreground),
                                [](World& w) { EXPECT_EQ(maps(w), (Names{"x"})); });
  World::crash_after_each_write(prepare(Propagation::Orphan), [](World& w) {
    EXPECT_EQ(maps(w), (Names{"b", "c", "d", "x"}));
    EXPECT_EQ(owners_of(w, "b") + owners_of(w, "c"), 0u);
  });
}

TEST(Garbage, ABusThatLosesAThirdLosesNobodyWhoHasAnOwner) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    World w(seed);
    w.run();
    family(w);
    w.lose();
    w.map("late", w.owner("c"));
    w.lose();
    EXPECT_EQ(maps(w), (Names{"a", "b", "c", "d", "late", "x"})) << seed;
    ASSERT_TRUE(w.remove("configmaps", "default", "b", Propagation::Foreground));
    w.lose(seconds(20));
    w.run(seconds(90));
    EXPECT_EQ(maps(w), (Names{"a", "c", "late", "x"})) << seed;
  }
}

}  // namespace
}  // namespace kubus::controllers::testing
