#include "services/controllers/gc/graph.h"

#include <gtest/gtest.h>

#include "bus/kit/testing/cluster.h"
#include "services/controllers/controller.h"
#include "services/controllers/owners.h"

namespace kubus::controllers::gc {
namespace {

using Act = Verdict::Act;
using kit::testing::key;

TEST(Judge, WhatBecomesOfADependent) {
  struct Case {
    std::vector<Link> owners;
    bool dependents;
    Act act;
    std::vector<std::string> uids;
    bool foreground;
  };
  const Link solid{"s", Owner::kSolid}, waiting{"w", Owner::kWaiting}, absent{"a", Owner::kAbsent},
      unsure{"u", Owner::kUnsure};
  const std::vector<Case> cases = {
      {{}, true, Act::kKeep, {}, false},
      {{solid}, true, Act::kKeep, {}, false},
      {{absent}, true, Act::kDelete, {}, false},
      {{waiting}, false, Act::kDelete, {}, false},
      {{waiting}, true, Act::kDelete, {}, true},
      {{waiting, absent}, true, Act::kDelete, {}, true},
      {{solid, absent, waiting}, true, Act::kUnlink, {"a", "w"}, false},
      {{unsure}, true, Act::kAsk, {"u"}, false},
      {{absent, unsure}, true, Act::kAsk, {"u"}, false},
      {{solid, absent, unsure}, true, Act::kAsk, {"u"}, false},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    Verdict v = judge(cases[i].owners, cases[i].dependents);
    EXPECT_EQ(v.act, cases[i].act) << i;
    EXPECT_EQ(v.uids, cases[i].uids) << i;
    EXPECT_EQ(v.foreground, cases[i].foreground) << i;
  }
}

struct GraphTest : ::testing::Test {
  Object map(const std::string& name, const std::string& owner_uids) {
    c.put("configmaps", "d",
          R"({"metadata":{"name":")" + name + R"(","ownerReferences":[)" + owner_uids + "]}}");
    return c.store.find(key("configmaps", "d", name));
  }
  static std::string ref(const std::string& uid) {
    return R"({"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":")" + uid + R"("})";
  }
  kit::testing::Cluster c;
  Graph graph;
};

TEST_F(GraphTest, FollowsChangesOfReferences) {
  Object one = map("a", ref("u1") + "," + ref("u2"));
  graph.on_change({}, one);
  EXPECT_EQ(graph.dependents("u1"), std::vector<ObjectKey>{one.key()});
  EXPECT_TRUE(graph.has_dependents("u2"));
  ASSERT_TRUE(graph.knows(one.uid()));
  Object two = map("a", ref("u2"));
  graph.on_change(one, two);
  EXPECT_FALSE(graph.has_dependents("u1"));
  EXPECT_TRUE(graph.has_dependents("u2"));
  graph.on_change(two, {});
  EXPECT_FALSE(graph.has_dependents("u2"));
  EXPECT_FALSE(graph.knows(two.uid()));
}

TEST_F(GraphTest, ASuccessorOfTheSameNameIsAnotherObject) {
  Object one = map("a", ref("u1"));
  graph.on_change({}, one);
  c.erase("configmaps", "d", "a");
  Object two = map("a", ref("u2"));
  ASSERT_NE(one.uid(), two.uid());
  graph.on_change(one, two);  // what a list shows of both at once
  EXPECT_FALSE(graph.knows(one.uid()));
  EXPECT_TRUE(graph.knows(two.uid()));
  EXPECT_FALSE(graph.has_dependents("u1"));
  EXPECT_EQ(graph.dependents("u2").size(), 1u);
}

TEST_F(GraphTest, WhatIsGoingIsKnownByItsPlace) {
  c.put(
      "configmaps", "d",
      R"({"metadata":{"name":"a","finalizers":["x/y"],"deletionTimestamp":"2026-01-01T00:00:00Z"}})");
  Object one = c.store.find(key("configmaps", "d", "a"));
  ASSERT_TRUE(one.terminating());
  graph.on_change({}, one);
  ASSERT_TRUE(graph.going(one.uid()));
  EXPECT_EQ(*graph.going(one.uid()), one.key());
  graph.on_change(one, {});
  EXPECT_FALSE(graph.going(one.uid()));
}

TEST(Uid, OfAUuidLosesNothing) {
  EXPECT_EQ(Uid::of("00112233-4455-6677-8899-aabbccddeeff"),
            (Uid{0x0011223344556677u, 0x8899aabbccddeeffu}));
  const std::vector<std::string> all = {"",
                                        "u1",
                                        "u2",
                                        "00112233-4455-6677-8899-aabbccddeeff",
                                        "00112233-4455-6677-8899-aabbccddeefe",
                                        "00112233-4455-6677-8899-aabbccddeeff0",
                                        "00112233-4455-6677-8899-aabbccddeefg"};
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j)
      EXPECT_FALSE(Uid::of(all[i]) == Uid::of(all[j])) << i << " " << j;
  }
}

TEST_F(GraphTest, MetadataIsEnough) {
  std::string big(5000, 'x');
  c.put("configmaps", "d",
        R"({"metadata":{"name":"a","labels":{"l":"v"},"annotations":{"n":")" + big +
            R"("},"finalizers":["orphan","x/y"],"ownerReferences":[)" + ref("u1") +
            R"(]},"data":{"k":")" + big + R"("}})");
  Object whole = c.store.find(key("configmaps", "d", "a"));
  Object left = of_metadata(whole);
  EXPECT_LT(left.bytes().size(), 400u);
  EXPECT_TRUE(Object::from(left.kind(), left.payload()));
  EXPECT_EQ(left.key(), whole.key());
  EXPECT_EQ(left.uid(), whole.uid());
  EXPECT_EQ(left.revision(), whole.revision());
  EXPECT_TRUE(has_finalizer(left, kOrphan));
  EXPECT_EQ(owners_of(left), owners_of(whole));
  EXPECT_EQ(release_patch(left, {"other"}), release_patch(whole, {"other"}));
}

}  // namespace
}  // namespace kubus::controllers::gc
