#include "services/scheduler/engine.h"

#include <gtest/gtest.h>

#include <map>

#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using std::chrono::seconds;
using testing::NodeText;
using testing::PodText;

struct World {
  explicit World(uint64_t seed = 1, size_t texts = size_t{1} << 17)
      : random(seed), engine(random, texts) {}

  void node(const NodeText& n) { change(&nodes[n.name], testing::node(n), &Engine::on_node); }
  void drop_node(const std::string& name) { change(&nodes[name], {}, &Engine::on_node); }
  void pod(const PodText& p) { change(&pods[p.name], testing::pod(p), &Engine::on_pod); }
  void drop_pod(const std::string& name) { change(&pods[name], {}, &Engine::on_pod); }
  void change(Object* slot, Object now,
              void (Engine::*on)(const Object&, const Object&, Revision, bus::Instant)) {
    if (!*slot && !now) return;
    (engine.*on)(*slot, now, {}, at);
    *slot = now;
  }
  // "p->n q:why" of what is decided now.
  std::string decide(size_t most = 1000) {
    std::string out;
    for (const Decision& d : engine.decide(most, at)) {
      out += (out.empty() ? "" : " ") + std::string(d.pod.name()) +
             (d.node.empty() ? ":" + d.why : "->" + d.node);
      placed[std::string(d.pod.name())] = d.node;
    }
    return out;
  }
  // The binding's event comes.
  void confirm(PodText p) {
    p.node = placed.at(p.name);
    pod(p);
  }

  bus::sim::SeededRandom random;
  Engine engine;
  bus::Instant at;
  std::map<std::string, Object> nodes, pods;
  std::map<std::string, std::string> placed;
};

TEST(Engine, APlacedPodCountsBeforeItsEvent) {
  World w;
  w.node({.name = "n", .pods = "1"});
  w.pod({.name = "p"});
  w.pod({.name = "q"});
  EXPECT_EQ(w.decide(1), "p->n");
  EXPECT_TRUE(w.engine.assumed("d/p"));
  EXPECT_EQ(w.decide(), "q:0/1 nodes are available: 1 Too many pods.");
  w.pod({.name = "p"});
  EXPECT_TRUE(w.engine.assumed("d/p")) << "a version from before its binding";
  w.confirm({.name = "p"});
  EXPECT_FALSE(w.engine.assumed("d/p"));
  w.at = w.at + seconds(5);
  EXPECT_EQ(w.decide(), "");
  w.drop_pod("p");
  EXPECT_EQ(w.decide(), "q->n");
}

TEST(Engine, ABindingThatDidNotHappenGivesItsPlaceBack) {
  World w;
  w.node({.name = "n", .pods = "1"});
  w.pod({.name = "p"});
  w.pod({.name = "q"});
  w.decide();
  w.at = w.at + seconds(5);
  w.engine.unbound("d/p", "another", w.at);
  EXPECT_EQ(w.decide(), "") << "that was about another Pod of this name";
  w.engine.unbound("d/p", "p", w.at);
  w.engine.unbound("d/p", "p", w.at);
  EXPECT_EQ(w.decide(), "q->n") << "p waits for its backoff";
  w.at = w.at + seconds(1);
  EXPECT_EQ(w.decide(), "p:0/1 nodes are available: 1 Too many pods.");
}

TEST(Engine, APodThatEndsWhileItIsOutIsNotTriedAgain) {
  World w;
  w.node({.name = "n"});
  w.pod({.name = "p"});
  w.decide();
  w.drop_pod("p");
  EXPECT_FALSE(w.engine.assumed("d/p"));
  w.engine.unbound("d/p", "p", w.at);
  EXPECT_EQ(w.engine.sizes(), Queue::Sizes());
  EXPECT_EQ(w.engine.snapshot().numbers(0).used[kPods], 0);
}

TEST(Engine, AnotherPodOfTheSameNameIsANewOne) {
  World w;
  w.node({.name = "n"});
  w.pod({.name = "p"});
  EXPECT_EQ(w.decide(), "p->n");
  w.pod({.name = "p", .uid = "second"});
  EXPECT_EQ(w.decide(), "p->n");
  w.pod({.name = "p", .node = "n", .uid = "second"});
  EXPECT_EQ(w.engine.snapshot().numbers(0).used[kPods], 1);
  w.pod({.name = "p", .node = "n", .uid = "second", .phase = "Succeeded"});
  EXPECT_EQ(w.engine.snapshot().numbers(0).used[kPods], 0);
  w.pod({.name = "p", .uid = "third"});
  EXPECT_EQ(w.decide(), "p->n");
}

TEST(Engine, TheFirstOfAClassTellsTheOthersWhatIsNew) {
  World w;
  w.node({.name = "n", .unschedulable = true});
  for (const char* name : {"p", "q"}) w.pod({.name = name});
  w.decide();
  w.node({.name = "n", .pods = "0"});
  w.at = w.at + seconds(300);
  EXPECT_EQ(w.decide(),
            "p:0/1 nodes are available: 1 Too many pods. "
            "q:0/1 nodes are available: 1 Too many pods.");
}

// Forgetting old texts changes no decision.
TEST(Engine, NumbersOfTextsMeanNothing) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World kept(seed), forgetful(seed, 40);
    bus::sim::SeededRandom life(seed);
    auto both = [&](auto&& f) { f(kept), f(forgetful); };
    for (int i = 0; i < 400; ++i) {
      std::string n = std::to_string(life.below(6)), label = std::to_string(life.below(1000));
      std::string p = "p" + std::to_string(life.below(60)), cpu = std::to_string(life.below(900));
      switch (life.below(5)) {
        case 0:
          both([&](World& w) {
            w.node({.name = "n" + n,
                    .labels = R"("zone":"z)" + n + R"(","x":")" + label + "\"",
                    .more_room = R"(,"x/gpu":"2")"});
          });
          break;
        case 1:
          both([&](World& w) { w.drop_node("n" + n); });
          break;
        case 2:
          both([&](World& w) { w.drop_pod(p); });
          break;
        default: {
          PodText t{.name = p, .uid = p + std::to_string(i)};
          t.requests =
              R"("cpu":")" + cpu + R"(m","x/gpu":")" + std::to_string(life.below(2)) + "\"";
          if (life.below(3) == 0) t.spec = R"("nodeSelector":{"zone":"z)" + n + "\"}";
          both([&](World& w) {
            w.drop_pod(p);
            w.pod(t);
          });
        }
      }
      both([&](World& w) { w.at = w.at + seconds(20); });
      both([&](World& w) { w.decide(); });
      ASSERT_EQ(kept.placed, forgetful.placed) << "step " << i;
    }
    EXPECT_GT(kept.engine.snapshot().names().size(), forgetful.engine.snapshot().names().size());
  }
}

}  // namespace
}  // namespace kubus::scheduler
