#include "services/scheduler/queue/queue.h"

#include <gtest/gtest.h>

#include "services/scheduler/testing/build.h"

namespace kubus::scheduler {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::PodText;

struct QueueTest : ::testing::Test {
  void put(const PodText& p, Revision cause = {}) {
    Object pod = testing::pod(p);
    queue.put(p.name, pod, demands.of(pod, names, society), cause);
  }
  std::string take() {
    auto c = queue.take(now);
    return c ? c->key : "";
  }
  // Takes it and says that it fits nowhere.
  void refuse(const std::string& name, Helps woken_by = kFreed) {
    ASSERT_EQ(take(), name);
    queue.refused(name, woken_by, why, now);
  }
  void wake(Helps what, Helps still_refused = kNothing) {
    queue.wake(what, Revision(9), now, [&](const DemandPtr&) {
      ++asked;
      return still_refused;
    });
  }
  std::string cpu(int milli) { return R"("cpu":")" + std::to_string(milli) + "m\""; }

  Names names;
  Society society;
  Demands demands;
  Queue queue;
  bus::Instant now;
  int asked = 0;
  std::string why = "0/1 nodes";
};

TEST_F(QueueTest, PriorityThenAgeThenArrival) {
  put({.name = "young", .created = "2026-11-23T05:00:09Z"});
  put({.name = "old", .created = "2026-11-23T05:00:01Z"});
  put({.name = "old2", .created = "2026-11-23T05:00:01Z"});
  put({.name = "vip", .spec = R"("priority":7)", .created = "2026-11-23T05:00:09Z"});
  put({.name = "meek", .spec = R"("priority":-1)"});
  for (const char* name : {"vip", "old", "old2", "young", "meek", ""}) EXPECT_EQ(take(), name);
  EXPECT_EQ(queue.sizes().out, 5u);
}

TEST_F(QueueTest, BackoffDoublesUpToTenSeconds) {
  for (int attempts : {1, 2, 3, 4})
    EXPECT_EQ(backoff_after(attempts), seconds(1 << (attempts - 1)));
  EXPECT_EQ(backoff_after(5), seconds(10));
  EXPECT_EQ(backoff_after(1000), seconds(10));
  put({.name = "p"});
  for (int wait : {1, 2, 4, 8, 10, 10}) {
    ASSERT_EQ(take(), "p");
    queue.failed("p", now);
    EXPECT_EQ(queue.due(now), now + seconds(wait));
    now = now + (seconds(wait) - bus::Duration(1));
    EXPECT_EQ(take(), "");
    now = now + bus::Duration(1);
  }
}

TEST_F(QueueTest, OnlyWhatCanHelpWakes) {
  put({.name = "p"});
  refuse("p", kFreed | kRoom);
  now = now + seconds(20);
  wake(kLabels);
  EXPECT_EQ(asked, 0) << "no filter that refused it cares";
  wake(kFreed, kTaints);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(take(), "") << "it still would not fit on that node";
  wake(kTaints);
  EXPECT_EQ(asked, 2) << "on that node it is the taint now";
  auto c = queue.take(now);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->causes, std::vector<Revision>{Revision(9)});
}

TEST_F(QueueTest, WokenPodsKeepTheirBackoff) {
  put({.name = "p"});
  refuse("p");
  wake(kFreed);
  EXPECT_EQ(take(), "");
  EXPECT_EQ(queue.due(now), now + seconds(1));
  now = now + seconds(1);
  EXPECT_EQ(take(), "p");
}

TEST_F(QueueTest, ACrowdCostsOneTry) {
  for (int i = 0; i < 9; ++i) put({.name = "p" + std::to_string(i)});
  for (int i = 0; i < 9; ++i) refuse("p" + std::to_string(i));
  EXPECT_EQ(queue.sizes(), (Queue::Sizes{.waiting = 9, .classes = 1}));
  now = now + seconds(20);
  wake(kFreed);
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(take(), "p0");
  EXPECT_EQ(take(), "");
  queue.placed("p0", now);
  ASSERT_EQ(take(), "p1") << "there was room, perhaps there is more";
  queue.refused("p1", kFreed, why, now);
  EXPECT_EQ(take(), "");
  EXPECT_EQ(queue.sizes(), (Queue::Sizes{.waiting = 8, .out = 1, .classes = 1}));
}

TEST_F(QueueTest, NewReasonsAreToldToTheWholeClass) {
  for (const char* name : {"p", "q", "r"}) put({.name = name});
  for (const char* name : {"p", "q", "r"}) refuse(name);
  now = now + seconds(20);
  auto others_hear_of = [&](const char* text) {
    wake(kFreed);
    auto c = queue.take(now);
    now = now + seconds(20);
    std::vector<std::string> keys;
    for (const Candidate& o : queue.refused(c->key, kFreed, text, now)) keys.push_back(o.key);
    now = now + seconds(20);
    return keys;
  };
  EXPECT_EQ(others_hear_of("0/2 nodes"), std::vector<std::string>());
  EXPECT_EQ(others_hear_of("0/2 nodes: 2 full"), (std::vector<std::string>{"q", "r"}));
  EXPECT_EQ(others_hear_of("0/3 nodes: 3 full"), std::vector<std::string>());
}

TEST_F(QueueTest, AWokenPodThatGoesWakesTheNext) {
  put({.name = "p"});
  put({.name = "q"});
  refuse("p");
  refuse("q");
  now = now + seconds(20);
  wake(kFreed);
  queue.remove("p", now);
  EXPECT_EQ(take(), "q");
}

TEST_F(QueueTest, OneOfEachClassIsTriedEveryFiveMinutes) {
  put({.name = "a", .requests = cpu(1)});
  put({.name = "b", .requests = cpu(1)});
  put({.name = "c", .requests = cpu(2)});
  for (const char* name : {"a", "b", "c"}) refuse(name);
  EXPECT_EQ(queue.due(now), now + minutes(5));
  now = now + minutes(5);
  EXPECT_EQ(take(), "a");
  queue.refused("a", kFreed, why, now);
  EXPECT_EQ(take(), "c");
  queue.refused("c", kFreed, why, now);
  EXPECT_EQ(take(), "");
  EXPECT_EQ(queue.due(now), now + minutes(5));
}

TEST_F(QueueTest, APodThatWantsSomethingElseIsTriedAtOnce) {
  put({.name = "p"});
  refuse("p");
  put({.name = "p"});
  EXPECT_EQ(take(), "") << "nothing has changed for it";
  put({.name = "p", .requests = cpu(1)}, Revision(5));
  auto c = queue.take(now);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->causes, std::vector<Revision>{Revision(5)});
  EXPECT_EQ(queue.sizes(), (Queue::Sizes{.out = 1}));
}

TEST_F(QueueTest, WhatIsOutStaysOutUntilSomethingIsSaid) {
  put({.name = "p"});
  EXPECT_EQ(take(), "p");
  put({.name = "p", .requests = cpu(1)});
  EXPECT_EQ(take(), "");
  queue.failed("p", now);
  now = now + seconds(1);
  EXPECT_EQ(take(), "p");
  queue.remove("p", now);
  queue.remove("p", now);
  queue.failed("p", now);
  queue.refused("p", kFreed, why, now);
  queue.placed("p", now);
  EXPECT_EQ(queue.sizes(), Queue::Sizes());
}

TEST_F(QueueTest, RecompiledPodsAreTriedAgain) {
  put({.name = "p"});
  refuse("p");
  now = now + seconds(20);
  Demands others;
  queue.recompile([&](const Object& pod) { return others.of(pod, names, society); }, now);
  EXPECT_EQ(queue.sizes(), (Queue::Sizes{.active = 1}));
  EXPECT_EQ(take(), "p");
}

}  // namespace
}  // namespace kubus::scheduler
