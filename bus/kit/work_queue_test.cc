#include "bus/kit/work_queue.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bus/sim/world.h"

namespace kubus::kit {
namespace {

using std::chrono::seconds;

struct WorkQueueTest : ::testing::Test {
  std::string drain() {
    std::string all;
    while (auto key = queue.take()) all += *key;
    return all;
  }
  bus::sim::World world{1};
  bus::Ports ports = world.add_host("h").ports();
  int woken = 0;
  WorkQueue queue{ports.clock, [this] { ++woken; }};
};

TEST_F(WorkQueueTest, EachKeyOnceInOrder) {
  for (const char* k : {"b", "a", "b", "c", "a"}) queue.add(k);
  world.settle();
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(drain(), "bac");
  EXPECT_FALSE(queue.take());
}

TEST_F(WorkQueueTest, AKeyUnderWorkWaitsUntilItIsDone) {
  queue.add("a");
  drain();
  queue.add("a");
  EXPECT_EQ(drain(), "");
  queue.done("a");
  EXPECT_EQ(drain(), "a");
  queue.done("a");
  EXPECT_EQ(drain(), "");
}

TEST_F(WorkQueueTest, LaterAndTheEarliestCounts) {
  queue.add_after("a", seconds(5));
  queue.add_after("a", seconds(2));
  queue.add_after("a", seconds(9));
  queue.add_after("b", seconds(1));
  EXPECT_EQ(queue.later(), 2u);
  world.run_for(seconds(1));
  EXPECT_EQ(drain(), "b");
  world.run_for(seconds(1));
  EXPECT_EQ(drain(), "a");
  queue.done("a");
  world.run_for(seconds(20));
  EXPECT_EQ(drain(), "");
}

TEST_F(WorkQueueTest, NowBeatsLater) {
  queue.add_after("a", seconds(5));
  queue.add("a");
  EXPECT_EQ(drain(), "a");
  queue.done("a");
  world.run_for(seconds(10));
  EXPECT_EQ(drain(), "");
}

TEST_F(WorkQueueTest, AFailedKeyIsSlowEvenIfAddedMeanwhile) {
  queue.add("a");
  drain();
  queue.add("a");
  queue.failed("a", seconds(3));
  world.run_for(seconds(2));
  EXPECT_EQ(drain(), "");
  world.run_for(seconds(1));
  EXPECT_EQ(drain(), "a");
}

TEST(Backoff, DoublesWithinBounds) {
  bus::sim::World world(1);
  bus::Random& random = world.random();
  for (int n = 1; n < 40; ++n) {
    double nominal = std::min(1000.0, 10.0 * std::pow(2, n - 1));
    double ms =
        static_cast<double>(backoff(random, std::chrono::milliseconds(10), seconds(1), n).count()) /
        1e6;
    EXPECT_GE(ms, nominal * 0.74);
    EXPECT_LE(ms, nominal * 1.26);
  }
}

}  // namespace
}  // namespace kubus::kit
