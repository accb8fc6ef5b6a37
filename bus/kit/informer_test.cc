#include "bus/kit/informer.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>

#include "bus/kit/testing/cluster.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::key;
using testing::kind;

struct InformerTest : ::testing::Test {
  std::unique_ptr<Informer> make(InformerOptions options) {
    auto informer = std::make_unique<Informer>(ports, client, std::move(options));
    informer->on_change([this](const Informer::Change& change) {
      std::string sign = !change.before && !change.now ? "?"
                         : !change.before              ? "+"
                         : !change.now                 ? "-"
                                                       : "~";
      const Object& o = change.now ? change.now : change.before;
      told += sign + (o ? std::string(o.name()) : "") + (change.event ? "" : "!") + " ";
    });
    informer->start();
    c.world.settle();
    return informer;
  }
  void map(const std::string& name, const std::string& value = "v") {
    c.put("configmaps", "d",
          R"({"metadata":{"name":")" + name + R"("},"data":{"k":")" + value + "\"}}");
  }
  void pod(const std::string& name, const std::string& node) {
    c.put("pods", "d",
          R"({"metadata":{"name":")" + name + R"("},"spec":{"nodeName":")" + node + "\"}}");
  }

  testing::Cluster c;
  bus::Ports ports = c.host("client").ports();
  Client client{ports, c.client_options("admin")};
  std::string told;
};

TEST_F(InformerTest, ListsThenFollows) {
  map("a");
  map("b");
  auto informer = make({.kind = &kind("configmaps")});
  EXPECT_TRUE(informer->synced());
  EXPECT_EQ(told, "+a! +b! ");
  told.clear();
  map("a", "w");
  map("c");
  c.erase("configmaps", "d", "b");
  c.world.settle();
  EXPECT_EQ(told, "~a +c -b ");
  EXPECT_EQ(informer->all().size(), 2u);
  EXPECT_EQ(informer->find("d", "a").revision(), Revision(3));
  EXPECT_FALSE(informer->find("d", "b"));
  EXPECT_FALSE(informer->find("e", "a"));
}

TEST_F(InformerTest, SyncedIsToldOnceAfterTheObjects) {
  map("a");
  Informer informer(ports, client, {.kind = &kind("configmaps")});
  informer.on_change([&](const Informer::Change&) { told += "change "; });
  informer.on_synced([&] { told += "synced "; });
  c.store.away(true);
  informer.start();
  c.world.run_for(seconds(30));
  EXPECT_FALSE(informer.synced());
  c.store.away(false);
  c.world.run_for(seconds(60));
  EXPECT_EQ(told, "change synced ");
}

TEST_F(InformerTest, ASelectorTellsWhatCameAndLeft) {
  pod("a", "n1");
  pod("b", "n2");
  auto informer = make({.kind = &kind("pods"), .field_selector = "spec.nodeName=n1"});
  EXPECT_EQ(told, "+a! ");
  told.clear();
  pod("b", "n1");
  pod("a", "n2");
  pod("c", "n2");
  c.erase("pods", "d", "c");
  c.world.settle();
  EXPECT_EQ(told, "+b -a ");
}

TEST_F(InformerTest, ANodesPodsAndNotices) {
  pod("a", "n1");
  pod("b", "n2");
  c.store.refer("n1", key("configmaps", "d", "m"));
  auto informer = make({.kind = &kind("pods"), .field_selector = "spec.nodeName=n1", .node = "n1"});
  EXPECT_EQ(told, "+a! ");
  told.clear();
  map("m");
  pod("c", "n1");
  pod("d", "n2");
  c.put("nodes", "", R"({"metadata":{"name":"n1"}})");
  c.world.settle();
  EXPECT_EQ(told, "? +c ");
}

TEST_F(InformerTest, AfterExpiryTheDifferenceIsTold) {
  map("a");
  map("b");
  map("c");
  auto informer = make({.kind = &kind("configmaps")});
  told.clear();
  c.host("client").set_connected(false);
  map("a", "w");
  c.erase("configmaps", "d", "b");
  map("d");
  c.store.compact(c.store.revision());
  map("e");
  c.host("client").set_connected(true);
  c.world.run_for(seconds(1));
  EXPECT_EQ(told, "~a! +d! +e! -b! ");
  map("f");
  c.world.settle();
  EXPECT_EQ(informer->all().size(), 5u);
}

TEST_F(InformerTest, HasSeenItsOwnWrites) {
  auto informer = make({.kind = &kind("configmaps")});
  c.store.lose_events(1);
  map("a");
  c.world.settle();
  ObjectKey a = key("configmaps", "d", "a");
  EXPECT_FALSE(informer->has_seen(a, Revision(1)));
  c.world.run_for(seconds(2));
  EXPECT_TRUE(informer->has_seen(a, Revision(1)));
}

TEST_F(InformerTest, ConfidentialObjectsAreRead) {
  constexpr char kSecret[] = R"({"metadata":{"name":"s"},"data":{"k":"dg=="}})";
  auto informer = make({.kind = &kind("secrets")});
  c.put("secrets", "d", kSecret);
  c.world.settle();
  EXPECT_EQ(told, "+s! ");
  c.erase("secrets", "d", "s");
  c.world.settle();
  EXPECT_EQ(told, "+s! -s ");
}

TEST_F(InformerTest, MayBeDestroyedByItsHandler) {
  map("a");
  map("b");
  std::unique_ptr<Informer> informer =
      std::make_unique<Informer>(ports, client, InformerOptions{.kind = &kind("configmaps")});
  int calls = 0;
  informer->on_change([&](const Informer::Change&) { ++calls, informer.reset(); });
  informer->start();
  c.world.settle();
  EXPECT_EQ(calls, 1);
}

// ---- the property: whatever goes wrong, the cache becomes what the store holds, and nobody is
// told anything twice or out of order ----

class Chaos {
 public:
  explicit Chaos(uint64_t seed) : c_(seed), random_(c_.world.random()) {
    informer_.on_change([this](const Informer::Change& change) { check(change); });
    informer_.start();
  }

  void run() {
    for (int step = 0; step < 120; ++step) {
      random_fault();
      for (uint64_t writes = random_.below(4); writes > 0; --writes) random_write();
      c_.world.run_for(milliseconds(random_.below(400)));
    }
    heal();
    bool equal = c_.world.run_until([this] { return converged(); }, seconds(180));
    EXPECT_TRUE(equal) << "the cache did not become what the store holds";
  }

 private:
  void random_write() {
    std::string name = "m" + std::to_string(random_.below(8));
    if (random_.below(4) == 0) {
      c_.erase("configmaps", "d", name);
    } else if (random_.below(5) == 0) {
      c_.put("pods", "d",
             R"({"metadata":{"name":"p","labels":{"n":")" + std::to_string(++n_) + "\"}}}");
    } else {
      c_.put("configmaps", "d",
             R"({"metadata":{"name":")" + name + R"("},"data":{"n":")" + std::to_string(++n_) +
                 "\"}}");
    }
  }

  void random_fault() {
    switch (random_.below(14)) {
      case 0:
        return c_.host("client").set_connected(random_.below(2) == 0);
      case 1:
        return c_.host("client").overrun();
      case 2:
        return c_.store.away(random_.below(2) == 0);
      case 3:
        return c_.host("store").set_connected(random_.below(2) == 0);
      case 4:
        return c_.store.lose_events(random_.below(4));
      case 5:
        return c_.store.double_events_percent(static_cast<uint32_t>(random_.below(50)));
      case 6:
        return c_.store.answer_after(milliseconds(random_.below(900)));
      case 7:
        return c_.store.compact(Revision(random_.below(c_.store.revision().value() + 1)));
      case 8:
        return c_.store.refuse(random_.below(2) == 0);
      case 9:
        c_.world.faults().drop = static_cast<unsigned>(random_.below(300));
        return;
      case 10:
        c_.world.faults().duplicate = static_cast<unsigned>(random_.below(300));
        return;
      case 11:
        return c_.store.lose_answers(random_.below(3));
      default:
        return heal();
    }
  }

  void heal() {
    c_.host("client").set_connected(true);
    c_.host("store").set_connected(true);
    c_.store.away(false);
    c_.store.refuse(false);
    c_.store.lose_events(0);
    c_.store.lose_answers(0);
    c_.store.answer_after({});
    c_.world.faults().drop = c_.world.faults().duplicate = 0;
  }

  void check(const Informer::Change& change) {
    const Object& o = change.now ? change.now : change.before;
    Revision& last = told_[std::string(o.name())];
    Revision now = change.event ? change.event->revision()
                   : change.now ? change.now.revision()
                                : last.next();
    EXPECT_GT(now, last) << "told twice or out of order: " << o.name();
    if (change.event) {
      EXPECT_GT(now, last_event_) << "events out of order";
      last_event_ = now;
    }
    last = now;
    if (change.before && change.now) {
      EXPECT_LT(change.before.revision(), change.now.revision());
    }
  }

  bool converged() const {
    size_t expected = 0;
    for (const auto& [key, object] : c_.store.state().objects()) {
      if (key.kind != &kind("configmaps")) continue;
      ++expected;
      Object cached = informer_.find(key.ns, key.name);
      if (!cached || cached.revision() != object.revision()) return false;
    }
    return informer_.synced() && informer_.all().size() == expected;
  }

  testing::Cluster c_;
  bus::Random& random_;
  bus::Ports ports_ = c_.host("client").ports();
  Client client_{ports_, c_.client_options("admin")};
  Informer informer_{ports_, client_, {.kind = &kind("configmaps")}};
  std::map<std::string, Revision> told_;
  Revision last_event_;
  int n_ = 0;
};

// Of the name alone.
Object name_only(const Object& object) {
  auto bytes = codec::from_value(
      object.kind(),
      boost::json::object{{"metadata",
                           {{"name", object.name()},
                            {"namespace", object.ns()},
                            {"resourceVersion", std::to_string(object.revision().value())}}}},
      nullptr);
  return Object::trusted(object.kind(), Payload(*std::move(bytes)));
}

TEST_F(InformerTest, KeepsWhatIsLeftAfterTrimming) {
  map("a", std::string(1000, 'x'));
  auto informer = make({.kind = &kind("configmaps"), .trim = name_only});
  map("b", std::string(1000, 'x'));
  map("a", std::string(2000, 'x'));
  c.world.settle();
  EXPECT_EQ(told, "+a! +b ~a ");
  for (const char* name : {"a", "b"}) {
    Object kept = informer->find("d", name);
    ASSERT_TRUE(kept) << name;
    EXPECT_LT(kept.bytes().size(), 200u);
    EXPECT_TRUE(informer->has_seen(kept.key(), kept.revision()));
  }
  EXPECT_EQ(informer->find("d", "a").revision(), Revision(3));
}

TEST_F(InformerTest, OfConfidentialKindsTheEventSaysEnoughForATrimmedOne) {
  auto informer = make({.kind = &kind("secrets"), .trim = name_only});
  size_t before = c.store.requests();
  c.put("secrets", "d", R"({"metadata":{"name":"s"},"stringData":{"k":"v"}})");
  c.world.settle();
  EXPECT_EQ(told, "+s ");
  EXPECT_EQ(c.store.requests(), before);  // nothing was read
  EXPECT_TRUE(informer->has_seen(key("secrets", "d", "s"), Revision(1)));
}

TEST(InformerChaos, ConvergesAndTellsEachChangeOnce) {
  for (uint64_t seed = 1; seed <= 250; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos(seed).run();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace kubus::kit
