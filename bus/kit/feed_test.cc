#include "bus/kit/feed.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>

#include "bus/kit/testing/cluster.h"
#include "schemas/bus/event_generated.h"

namespace kubus::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const bus::LaneId kMaps{"", "configmaps", "", "", ""};

struct FeedTest : ::testing::Test {
  std::unique_ptr<Feed> follow(bus::LaneId lane, Revision after = {}) {
    return std::make_unique<Feed>(
        ports, client, std::move(lane), after,
        [this](const EventView& e) { heard.push_back(e.revision().value()); },
        [this] { ++expired; }, [this](Revision r) { current = r; });
  }
  void put(int n) {
    for (int i = 0; i < n; ++i) {
      c.put("configmaps", "d",
            R"({"metadata":{"name":"m"},"data":{"n":")" + std::to_string(++writes) + "\"}}");
    }
  }
  void expect_all(uint64_t from, uint64_t to) {
    std::vector<uint64_t> all;
    for (uint64_t r = from; r <= to; ++r) all.push_back(r);
    EXPECT_EQ(heard, all);
  }

  testing::Cluster c;
  bus::Ports ports = c.host("client").ports();
  Client client{ports, c.client_options("admin")};
  std::vector<uint64_t> heard;
  int expired = 0, writes = 0;
  Revision current;
};

TEST_F(FeedTest, BringsThePastThenThePresent) {
  put(200);  // more than a page
  auto feed = follow(kMaps, Revision(10));
  c.world.settle();
  put(5);
  c.world.settle();
  expect_all(11, 205);
  EXPECT_EQ(feed->stats().filled, 190u);
  EXPECT_EQ(feed->stats().gaps, 0u);
  EXPECT_EQ(feed->position(), Revision(205));
}

TEST_F(FeedTest, AGapIsFilledInOrder) {
  auto feed = follow(kMaps);
  c.world.settle();
  put(1);
  c.store.lose_events(2);
  put(4);
  c.world.settle();
  expect_all(1, 5);
  EXPECT_EQ(feed->stats().gaps, 1u);
}

TEST_F(FeedTest, ALostLastEventShowsInTheHead) {
  auto feed = follow(kMaps);
  c.world.settle();
  c.store.lose_events(1);
  put(1);
  c.world.settle();
  expect_all(1, 0);
  c.world.run_for(milliseconds(1500));
  expect_all(1, 1);
  EXPECT_EQ(feed->stats().gaps, 1u);
}

TEST_F(FeedTest, AnOldHeadChangesNothing) {
  auto feed = follow(kMaps);
  put(5);
  c.world.settle();
  flatbuffers::FlatBufferBuilder b;
  b.Finish(wire::CreateHead(b, 0, 2));
  c.host("another").ports().bus.publish(client.subjects().head(kMaps),
                                        {b.GetBufferPointer(), b.GetSize()});
  c.world.settle();
  put(1);
  c.world.settle();
  expect_all(1, 6);
  EXPECT_EQ(expired, 0);
}

TEST_F(FeedTest, AnOldHeadHoldsNothingUp) {
  auto feed = follow(kMaps);
  put(5);
  c.world.settle();
  c.store.answer_after(seconds(1));
  flatbuffers::FlatBufferBuilder b;
  b.Finish(wire::CreateHead(b, 0, 2));
  c.host("another").ports().bus.publish(client.subjects().head(kMaps),
                                        {b.GetBufferPointer(), b.GetSize()});
  c.world.run_for(milliseconds(20));
  put(1);
  c.world.run_for(milliseconds(20));
  expect_all(1, 6);
}

TEST_F(FeedTest, ALostHeadIsAskedFor) {
  auto feed = follow(kMaps);
  c.world.settle();
  c.world.faults().drop = 1000;
  put(1);
  c.world.run_for(seconds(2));
  c.world.faults().drop = 0;
  c.world.run_for(seconds(65));
  expect_all(1, 1);
}

TEST_F(FeedTest, DuplicatesAreDropped) {
  auto feed = follow(kMaps);
  c.world.settle();
  c.store.double_events_percent(100);
  put(20);
  c.world.settle();
  expect_all(1, 20);
  EXPECT_EQ(feed->stats().duplicates, 20u);
}

TEST_F(FeedTest, OtherKindsDoNotMakeGaps) {
  auto feed = follow({"", "configmaps", "d", "", ""});
  c.world.settle();
  put(1);
  c.put("pods", "d", R"({"metadata":{"name":"p"}})");
  c.put("configmaps", "other", R"({"metadata":{"name":"m"}})");
  put(1);
  c.world.settle();
  EXPECT_EQ(heard, (std::vector<uint64_t>{1, 4}));
  EXPECT_EQ(feed->stats().gaps, 0u);
}

TEST_F(FeedTest, TheWholeClusterAndOneObject) {
  auto all = follow({});
  std::vector<uint64_t> one;
  Feed object(
      ports, client, {"", "pods", "d", "p", ""}, {},
      [&](const EventView& e) { one.push_back(e.revision().value()); }, [] {});
  c.world.settle();
  put(2);
  c.put("pods", "d", R"({"metadata":{"name":"p"}})");
  c.put("pods", "d", R"({"metadata":{"name":"q"}})");
  c.erase("pods", "d", "p");
  c.put("pods", "d", R"({"metadata":{"name":"p"}})");
  c.world.settle();
  expect_all(1, 6);
  EXPECT_EQ(one, (std::vector<uint64_t>{3, 5, 6}));
}

TEST_F(FeedTest, ANodesLaneCarriesItsPodsAndNotices) {
  auto feed = follow({"", "", "", "", "n1"});
  c.store.refer("n1", testing::key("configmaps", "d", "m"));
  c.world.settle();
  c.put("pods", "d", R"({"metadata":{"name":"p"},"spec":{"nodeName":"n1"}})");
  c.put("pods", "d", R"({"metadata":{"name":"q"},"spec":{"nodeName":"n2"}})");
  c.store.lose_events(1);
  put(2);
  c.put("nodes", "", R"({"metadata":{"name":"n1"}})");
  c.world.settle();
  EXPECT_EQ(heard, (std::vector<uint64_t>{1, 3, 4, 5}));
  EXPECT_EQ(feed->stats().gaps, 1u);
}

TEST_F(FeedTest, ReconnectAsksAtOnce) {
  auto feed = follow(kMaps);
  c.world.settle();
  c.host("client").set_connected(false);
  put(3);
  c.world.run_for(milliseconds(100));
  c.host("client").set_connected(true);
  c.world.run_for(milliseconds(100));
  expect_all(1, 3);
}

TEST_F(FeedTest, ReconnectDuringAnAnswerAsksOnceMore) {
  c.store.answer_after(milliseconds(300));
  auto feed = follow(kMaps);
  c.world.run_for(milliseconds(50));  // the answer is made, and knows nothing of what comes now
  c.host("client").set_connected(false);
  put(1);
  c.world.run_for(milliseconds(50));
  c.host("client").set_connected(true);
  c.world.run_for(milliseconds(700));  // no head yet
  expect_all(1, 1);
}

TEST_F(FeedTest, ASlowSubscriberAsksForWhatItLost) {
  auto feed = follow(kMaps);
  c.world.settle();
  put(100);
  c.host("client").overrun();
  c.world.run_for(milliseconds(100));
  expect_all(1, 100);
}

TEST_F(FeedTest, AStoreThatRestartsLeavesNoHole) {
  auto feed = follow(kMaps);
  c.world.settle();
  put(2);
  c.restart_store(seconds(30));
  c.store.lose_events(1);
  put(2);
  c.world.run_for(seconds(12));
  expect_all(1, 4);
}

TEST_F(FeedTest, CompactedPastIsToldOnce) {
  put(10);
  c.store.compact(Revision(5));
  auto feed = follow(kMaps, Revision(2));
  c.world.run_for(seconds(120));
  put(1);
  c.world.run_for(seconds(2));
  EXPECT_EQ(expired, 1);
  expect_all(1, 0);
  feed->restart(Revision(9));
  c.world.settle();
  expect_all(10, 11);
}

TEST_F(FeedTest, AQuietLaneDoesNotExpire) {
  auto feed = follow(kMaps);
  put(1);
  c.world.settle();
  for (int i = 0; i < 50; ++i)
    c.put("pods", "d", R"({"metadata":{"name":"p)" + std::to_string(i) + "\"}}");
  c.world.run_for(seconds(70));
  c.store.compact(Revision(40));
  c.world.run_for(seconds(70));
  EXPECT_EQ(expired, 0);
  EXPECT_EQ(current, Revision(51));
}

TEST_F(FeedTest, WaitsWithinBoundsWhileAnswersAreLate) {
  c.store.answer_after(milliseconds(500));
  auto feed = follow(kMaps);
  put(3000);
  c.world.run_for(seconds(60));
  expect_all(1, 3000);
}

TEST_F(FeedTest, MalformedAndForeignEventsAreNotDelivered) {
  auto feed = follow(kMaps);
  c.world.settle();
  bus::Subjects subjects(ClusterName("test"));
  bus::Ports spy = c.host("spy").ports();
  auto say = [&](const Buffer& bytes) {
    spy.bus.publish(subjects.event("", "configmaps", "d", "m"), bytes);
    spy.bus.publish(subjects.head(kMaps), bytes);
  };
  say({});
  say(Buffer(100, 0xFF));
  wire::EventT e;
  e.revision = 1;
  e.resource = "pods";
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::CreateEvent(builder, &e));
  spy.bus.publish(subjects.event("", "configmaps", "d", "m"),
                  {builder.GetBufferPointer(), builder.GetSize()});
  c.world.settle();
  expect_all(1, 0);
  put(2);
  c.world.settle();
  expect_all(1, 2);
}

TEST_F(FeedTest, MayBeDestroyedByItsHandler) {
  put(5);
  std::unique_ptr<Feed> feed;
  int calls = 0;
  feed = std::make_unique<Feed>(
      ports, client, kMaps, Revision(), [&](const EventView&) { ++calls, feed.reset(); }, [] {});
  c.world.settle();
  EXPECT_EQ(calls, 1);
}

TEST_F(FeedTest, MayBeRestartedByItsHandler) {
  put(3);
  std::unique_ptr<Feed> feed;
  feed = std::make_unique<Feed>(
      ports, client, kMaps, Revision(),
      [&](const EventView& e) {
        heard.push_back(e.revision().value());
        if (heard.size() == 2) feed->restart(Revision(0));
      },
      [] {});
  c.world.settle();
  EXPECT_EQ(heard, (std::vector<uint64_t>{1, 2, 1, 2, 3}));
}

}  // namespace
}  // namespace kubus::kit
