#include "bus/kit/election.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>

#include "bus/kit/testing/cluster.h"

namespace kubus::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One process that wants to lead.
struct Candidate {
  Candidate(testing::Cluster& c, const std::string& name)
      : host(c.host(name)),
        client(host.ports(), c.client_options("controllers")),
        election(std::make_unique<Election>(
            host.ports(), client, ElectionOptions{.lease = "l", .identity = name},
            [this](const Fence& f) { fences.push_back(f); }, [this] { ++lost; })) {}
  bool leads() const { return election && election->leader(); }

  bus::sim::Host& host;
  Client client;
  std::vector<Fence> fences;
  int lost = 0;
  std::unique_ptr<Election> election;
};

TEST(Election, TheFirstLeadsAndKeepsLeading) {
  testing::Cluster c;
  Candidate a(c, "a");
  c.world.run_for(seconds(2));
  EXPECT_TRUE(a.leads());
  ASSERT_EQ(a.fences.size(), 1u);
  EXPECT_EQ(a.fences[0].epoch, 1u);
  Candidate b(c, "b");
  c.world.run_for(seconds(120));
  EXPECT_TRUE(a.leads());
  EXPECT_FALSE(b.leads());
  EXPECT_EQ(a.fences.size(), 1u);
}

TEST(Election, ALeaseThatIsGivenUpIsTakenAtOnce) {
  testing::Cluster c;
  auto a = std::make_unique<Candidate>(c, "a");
  c.world.run_for(seconds(2));
  Candidate b(c, "b");
  c.world.run_for(seconds(2));
  a->election.reset();
  c.world.run_for(seconds(1));
  EXPECT_TRUE(b.leads());
  EXPECT_EQ(b.fences.at(0).epoch, 2u);
}

TEST(Election, ASilentLeaderIsReplacedAndKnowsIt) {
  testing::Cluster c;
  Candidate a(c, "a");
  c.world.run_for(seconds(2));
  Candidate b(c, "b");
  c.world.run_for(seconds(2));
  a.host.set_connected(false);
  bool lost_first = false;
  c.world.run_until([&] {
    lost_first |= a.lost == 1 && !b.leads();
    return b.leads();
  });
  EXPECT_TRUE(b.leads());
  EXPECT_TRUE(lost_first) << "nobody leads before the old one has stopped";
  EXPECT_FALSE(a.leads());
  a.host.set_connected(true);
  c.world.run_for(seconds(60));
  EXPECT_TRUE(b.leads());
  EXPECT_FALSE(a.leads());
  EXPECT_EQ(b.fences.size(), 1u);
}

TEST(Election, SilenceCountsOnlyWhileListening) {
  testing::Cluster c;
  Candidate a(c, "a");
  c.world.run_for(seconds(2));
  Candidate b(c, "b");
  c.world.run_for(seconds(2));
  b.host.set_connected(false);
  c.world.run_for(seconds(100));
  b.host.set_connected(true);
  c.world.run_for(seconds(60));
  EXPECT_TRUE(a.leads());
  EXPECT_EQ(a.lost, 0);
  EXPECT_FALSE(b.leads());
}

TEST(Election, ARestartedLeaderTakesANewEpoch) {
  testing::Cluster c;
  auto a = std::make_unique<Candidate>(c, "a");
  c.world.run_for(seconds(2));
  a->host.set_connected(false);  // it dies: nothing is given up
  a.reset();
  c.host("a").set_connected(true);
  Candidate again(c, "a");
  c.world.run_for(seconds(2));
  EXPECT_TRUE(again.leads());
  EXPECT_EQ(again.fences.at(0).epoch, 2u);
}

// A second process under the same name, as when the first was thought dead and only slept: they do
// not take the lease from each other for ever.
TEST(Election, OfTwoUnderOneNameTheLaterKeepsIt) {
  testing::Cluster c;
  auto candidate = [&c](const std::string& process) {
    auto one = std::make_unique<Candidate>(c, process);
    one->election.reset();
    return one;
  };
  auto sleeper = candidate("one"), second = candidate("two");
  auto elect = [](Candidate& one) {
    one.election = std::make_unique<Election>(
        one.host.ports(), one.client, ElectionOptions{.lease = "shared", .identity = "same"},
        [&one](const Fence& f) { one.fences.push_back(f); }, [&one] { ++one.lost; });
  };
  elect(*sleeper);
  c.world.run_for(seconds(2));
  sleeper->host.pause();
  elect(*second);
  c.world.run_for(seconds(30));
  EXPECT_TRUE(second->leads());
  sleeper->host.resume();
  c.world.run_for(seconds(120));
  EXPECT_TRUE(second->leads());
  EXPECT_FALSE(sleeper->leads());
  EXPECT_EQ(sleeper->lost, 1);
  EXPECT_EQ(second->lost, 0);
  second->election.reset();
  c.world.run_for(seconds(30));
  EXPECT_TRUE(sleeper->leads());
}

TEST(Election, AStoreThatIsAwayEndsLeadershipUntilItIsBack) {
  testing::Cluster c;
  Candidate a(c, "a");
  c.world.run_for(seconds(2));
  c.restart_store(seconds(30));
  EXPECT_FALSE(a.leads());
  EXPECT_EQ(a.lost, 1);
  c.world.run_for(seconds(60));
  EXPECT_TRUE(a.leads());
  ASSERT_EQ(a.fences.size(), 2u);
  EXPECT_EQ(a.fences.back().epoch, 2u);
}

TEST(Election, NeverTwoAtOnceWhateverGoesWrong) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    testing::Cluster c(seed);
    bus::Random& random = c.world.random();
    std::vector<std::unique_ptr<Candidate>> all(3);
    for (int step = 0; step < 150; ++step) {
      auto& one = all[random.below(3)];
      std::string name(1, static_cast<char>('a' + (&one - all.data())));
      switch (random.below(8)) {
        case 0:
          one.reset();
          break;
        case 1:
        case 2:
          if (!one) one = std::make_unique<Candidate>(c, name);
          break;
        case 3:
          c.host(name).set_connected(random.below(2) == 0);
          break;
        case 4:
          c.world.faults().drop = static_cast<unsigned>(random.below(200));
          break;
        default:
          c.host(name).set_connected(true);
      }
      c.world.run_for(milliseconds(random.below(8000)));
      int leaders = 0;
      for (auto& candidate : all) {
        if (!candidate || !candidate->leads()) continue;
        ++leaders;
      }
      ASSERT_LE(leaders, 1);
    }
    c.world.faults().drop = 0;
    for (const char* name : {"a", "b", "c"}) c.host(name).set_connected(true);
    if (!all[0]) all[0] = std::make_unique<Candidate>(c, "a");
    EXPECT_TRUE(c.world.run_until(
        [&] {
          return std::any_of(all.begin(), all.end(), [](auto& x) { return x && x->leads(); });
        },
        seconds(120)));
  }
}

}  // namespace
}  // namespace kubus::kit
