#include "bus/testing/conformance.h"

#include <algorithm>
#include <vector>

namespace kubus::bus::testing {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BusConformance);

namespace {

const Subjects kSubjects{ClusterName("test")};
constexpr auto kUp = BusState::kConnected, kDown = BusState::kDisconnected;
using States = std::vector<BusState>;
using Texts = std::vector<std::string>;

Subject event(const std::string& name) {
  return kSubjects.event("", "pods", "d", name);
}
// What every client may say, and hear of itself and others.
Subject beat(const std::string& name) {
  return kSubjects.heartbeat("test", name);
}
Texts numbers(size_t n) {
  Texts out;
  for (size_t i = 0; i < n; ++i) out.push_back(std::to_string(i));
  return out;
}

class Talk {
 public:
  explicit Talk(const Adapter& adapter, bool connected = true) : rig(adapter.make()) {
    if (connected) connect();
  }
  void connect() {
    ASSERT_TRUE(rig->run_until([this] {
      return bus(Rig::kStore).connected() && bus(Rig::kA).connected() && bus(Rig::kB).connected();
    }));
  }
  Bus& bus(Rig::Client client) { return rig->bus(client); }
  // All that is heard goes to `heard`, in the order of the calls.
  std::unique_ptr<Subscription> listen(Rig::Client client, const Pattern& pattern) {
    return bus(client).subscribe(
        pattern, [this](Message m) { heard.emplace_back(as_text(m.payload.view())); });
  }
  bool say(Rig::Client client, const Subject& subject, const std::string& text) {
    return bus(client).publish(subject, as_bytes(text));
  }
  // Runs until all that `from` has said by now has reached `to`, and what this led to.
  void drain(Rig::Client from, Rig::Client to) {
    bool arrived = false;
    std::string name = "drain" + std::to_string(drains_++);
    auto listener = bus(to).subscribe(kSubjects.heartbeats("drain"),
                                      [&](Message m) { arrived |= m.subject.ends_with(name); });
    // The subscription may be younger than the message: it is said until it is heard.
    ASSERT_TRUE(rig->run_until([&] {
      if (!arrived) (void)bus(from).publish(kSubjects.heartbeat("drain", name), {});
      return arrived;
    }));
  }
  // The subscriptions that `client` has made by now are in force.
  void settle(Rig::Client client) { drain(client, client); }
  bool run_until(const std::function<bool()>& done) { return rig->run_until(done); }

  std::unique_ptr<Rig> rig;
  Texts heard;

 private:
  size_t drains_ = 0;
};

// ---- messages ----

TEST_P(BusConformance, APublishersMessagesKeepTheirOrderAcrossSubjectsAndSubscriptions) {
  Talk t(GetParam());
  auto pods = t.listen(Rig::kA, kSubjects.events_of({"", "pods", "", "", ""}));
  auto nodes = t.listen(Rig::kA, kSubjects.events_of({"", "nodes", "", "", ""}));
  auto heads = t.listen(Rig::kA, kSubjects.heads_of({}));
  t.settle(Rig::kA);
  constexpr size_t kMany = 3000;
  for (size_t i = 0; i < kMany; ++i) {
    Subject subject = i % 7 == 6   ? kSubjects.head({"", "pods", "", "", ""})
                      : i % 3 == 0 ? kSubjects.event("", "nodes", "", "n" + std::to_string(i % 5))
                                   : event("p" + std::to_string(i % 11));
    ASSERT_TRUE(t.say(Rig::kStore, subject, std::to_string(i)));
  }
  ASSERT_TRUE(t.run_until([&] { return t.heard.size() >= kMany; }));
  t.drain(Rig::kStore, Rig::kA);
  EXPECT_EQ(t.heard, numbers(kMany));  // each once, too
}

TEST_P(BusConformance, PatternsMatchByToken) {
  Talk t(GetParam());
  const std::string base = kSubjects.prefix() + "event.";
  const Texts patterns = {base + ">",          base + "_.pods.d.x", base + "_.pods.d.*",
                          base + "_.pods.*.x", base + "*.pods.>",   base + "_.pods.d.x.>",
                          base + "_.pod.>",    base + "*.*.*",      base + "*.*.*.*"};
  const std::vector<Subject> subjects = {event("x"),
                                         event("y"),
                                         event("x.y"),
                                         kSubjects.event("", "pods", "e", "x"),
                                         kSubjects.event("apps", "pods", "d", "x"),
                                         kSubjects.event("", "nodes", "", "x")};
  std::vector<Texts> found(patterns.size()), expected(patterns.size());
  std::vector<std::unique_ptr<Subscription>> kept;
  for (size_t i = 0; i < patterns.size(); ++i) {
    Pattern pattern = Pattern::given(patterns[i]);
    kept.push_back(t.bus(Rig::kA).subscribe(
        pattern, [&, i](Message m) { found[i].push_back(std::move(m.subject)); }));
    for (const Subject& s : subjects) {
      if (pattern.matches(s.str())) expected[i].push_back(s.str());
    }
  }
  t.settle(Rig::kA);
  for (const Subject& s : subjects) t.say(Rig::kStore, s, "");
  t.drain(Rig::kStore, Rig::kA);
  for (size_t i = 0; i < patterns.size(); ++i) EXPECT_EQ(found[i], expected[i]) << patterns[i];
}

TEST_P(BusConformance, NamesOfAnyKindArriveAsTheyWere) {
  Talk t(GetParam());
  Texts subjects, expected;
  auto listener = t.bus(Rig::kA).subscribe(
      kSubjects.events_of({}), [&](Message m) { subjects.push_back(std::move(m.subject)); });
  t.settle(Rig::kA);
  for (const char* name : {"a b", "*", ">", "a.b", "", "_", "%", "ü", "\t", "a\r\nb"}) {
    expected.push_back(event(name).str());
    EXPECT_TRUE(t.say(Rig::kStore, event(name), "x")) << name;
  }
  t.drain(Rig::kStore, Rig::kA);
  EXPECT_EQ(subjects, expected);
}

TEST_P(BusConformance, AReplySubjectArrivesAndCanBeAnswered) {
  Talk t(GetParam());
  Subject reply = kSubjects.reply(Actor("a"), "7");
  auto store = t.bus(Rig::kStore).subscribe(kSubjects.all_api(), [&](Message m) {
    EXPECT_EQ(m.reply, reply.str());
    t.say(Rig::kStore, Subject::received(m.reply), "answer");
  });
  auto a = t.listen(Rig::kA, kSubjects.replies(Actor("a")));
  auto other = t.listen(Rig::kB, kSubjects.replies(Actor("a")));  // not permitted
  t.settle(Rig::kStore);
  t.settle(Rig::kA);
  Subject subject = kSubjects.api(Actor("a"), "get", "", "pods");
  ASSERT_TRUE(t.bus(Rig::kA).publish(subject, as_bytes("question"), &reply));
  ASSERT_TRUE(t.run_until([&] { return !t.heard.empty(); }));
  t.drain(Rig::kStore, Rig::kB);
  EXPECT_EQ(t.heard, Texts{"answer"});
}

TEST_P(BusConformance, WithoutAReplySubjectThereIsNone) {
  Talk t(GetParam());
  std::string reply = "?";
  auto a = t.bus(Rig::kA).subscribe(kSubjects.events_of({}), [&](Message m) { reply = m.reply; });
  t.settle(Rig::kA);
  t.say(Rig::kStore, event("x"), "");
  t.drain(Rig::kStore, Rig::kA);
  EXPECT_EQ(reply, "");
}

TEST_P(BusConformance, EachSubscriptionThatMatchesHearsAMessageOnce) {
  Talk t(GetParam());
  auto one = t.listen(Rig::kA, kSubjects.events_of({"", "pods", "", "", ""}));
  auto same = t.listen(Rig::kA, kSubjects.events_of({"", "pods", "", "", ""}));
  auto wider = t.listen(Rig::kA, kSubjects.events_of({}));
  t.settle(Rig::kA);
  for (int i = 0; i < 5; ++i) t.say(Rig::kStore, event("x"), std::to_string(i));
  t.drain(Rig::kStore, Rig::kA);
  Texts expected;
  for (const std::string& n : numbers(5)) expected.insert(expected.end(), 3, n);
  EXPECT_EQ(t.heard, expected);
}

TEST_P(BusConformance, WhatOneSaysOneHearsOnceAndLater) {
  Talk t(GetParam());
  auto own = t.listen(Rig::kA, kSubjects.heartbeats("test"));
  // On one connection a subscription is in force for what is published behind it.
  ASSERT_TRUE(t.say(Rig::kA, beat("x"), "mine"));
  EXPECT_TRUE(t.heard.empty());  // no handler runs within publish()
  t.drain(Rig::kA, Rig::kA);
  EXPECT_EQ(t.heard, Texts{"mine"});
}

TEST_P(BusConformance, AHandlerMayPublish) {
  Talk t(GetParam());
  int turns = 0;
  auto answer = [&](Rig::Client client, const std::string& to) {
    return [&t, &turns, client, to](const Message&) {
      if (++turns < 200) t.say(client, beat(to), "");
    };
  };
  auto a = t.bus(Rig::kA).subscribe(Pattern::given(beat("a").str()), answer(Rig::kA, "b"));
  auto b = t.bus(Rig::kB).subscribe(Pattern::given(beat("b").str()), answer(Rig::kB, "a"));
  t.settle(Rig::kA);
  t.settle(Rig::kB);
  t.say(Rig::kStore, beat("a"), "");
  EXPECT_TRUE(t.run_until([&] { return turns == 200; }));
}

// ---- sizes ----

TEST_P(BusConformance, AnEmptyPayloadArrives) {
  Talk t(GetParam());
  auto a = t.listen(Rig::kA, kSubjects.events_of({}));
  t.settle(Rig::kA);
  ASSERT_TRUE(t.say(Rig::kStore, event("x"), ""));
  t.drain(Rig::kStore, Rig::kA);
  EXPECT_EQ(t.heard, Texts{""});
}

TEST_P(BusConformance, TheLargestPayloadArrivesAndOneByteMoreIsRefused) {
  Talk t(GetParam());
  auto a = t.listen(Rig::kA, kSubjects.events_of({}));
  t.settle(Rig::kA);
  size_t most = t.bus(Rig::kStore).max_payload();
  EXPECT_GE(most, size_t{4} << 20);
  std::string whole(most, 'x');
  whole.front() = 'a';
  whole.back() = 'z';
  EXPECT_TRUE(t.say(Rig::kStore, event("x"), whole));
  EXPECT_FALSE(t.say(Rig::kStore, event("x"), whole + "y"));
  EXPECT_TRUE(t.say(Rig::kStore, event("x"), "after"));
  t.drain(Rig::kStore, Rig::kA);
  ASSERT_EQ(t.heard.size(), 2u);
  EXPECT_TRUE(t.heard[0] == whole);
  EXPECT_EQ(t.heard[1], "after");
  EXPECT_TRUE(t.bus(Rig::kStore).connected());
}

// ---- ends of subscriptions ----

TEST_P(BusConformance, NoCallBeginsAfterASubscriptionsEnd) {
  Talk t(GetParam());
  size_t calls = 0;
  std::unique_ptr<Subscription> subscription;
  subscription = t.bus(Rig::kA).subscribe(kSubjects.events_of({}), [&](const Message&) {
    if (++calls == 3) subscription.reset();
  });
  t.settle(Rig::kA);
  for (int i = 0; i < 50; ++i) t.say(Rig::kStore, event("x"), "");
  t.drain(Rig::kStore, Rig::kA);
  EXPECT_EQ(calls, 3u);
}

TEST_P(BusConformance, AHandlerMayEndAnothersSubscription) {
  Talk t(GetParam());
  size_t calls = 0;
  std::unique_ptr<Subscription> one, other;
  auto end_both = [&](const Message&) {
    ++calls;
    one.reset();
    other.reset();
  };
  one = t.bus(Rig::kA).subscribe(kSubjects.events_of({}), end_both);
  other = t.bus(Rig::kA).subscribe(kSubjects.events_of({}), end_both);
  t.settle(Rig::kA);
  for (int i = 0; i < 5; ++i) t.say(Rig::kStore, event("x"), "");
  t.drain(Rig::kStore, Rig::kA);
  EXPECT_EQ(calls, 1u);
}

TEST_P(BusConformance, AHandlerMaySubscribe) {
  Talk t(GetParam());
  std::unique_ptr<Subscription> later;
  auto first = t.bus(Rig::kA).subscribe(kSubjects.events_of({}), [&](const Message&) {
    if (!later) later = t.listen(Rig::kA, kSubjects.heartbeats("test"));
  });
  t.settle(Rig::kA);
  t.say(Rig::kStore, event("x"), "");
  ASSERT_TRUE(t.run_until([&] { return later != nullptr; }));
  t.settle(Rig::kA);
  t.say(Rig::kB, beat("x"), "new");
  t.drain(Rig::kB, Rig::kA);
  EXPECT_EQ(t.heard, Texts{"new"});
}

// ---- permissions ----

TEST_P(BusConformance, AForbiddenPublishIsSwallowed) {
  Talk t(GetParam());
  auto b = t.listen(Rig::kB, kSubjects.events_of({}));
  auto store = t.listen(Rig::kStore, kSubjects.all_api());
  t.settle(Rig::kB);
  t.settle(Rig::kStore);
  EXPECT_TRUE(t.say(Rig::kA, event("x"), "forged event"));
  EXPECT_TRUE(t.say(Rig::kA, kSubjects.api(Actor("b"), "get", "", "pods"), "another's name"));
  EXPECT_TRUE(t.say(Rig::kA, kSubjects.api(Actor("a"), "get", "", "pods"), "own"));
  t.drain(Rig::kA, Rig::kB);
  t.drain(Rig::kA, Rig::kStore);
  EXPECT_EQ(t.heard, Texts{"own"});
  EXPECT_TRUE(t.bus(Rig::kA).connected());
}

TEST_P(BusConformance, AForbiddenSubscriptionHearsNothing) {
  Talk t(GetParam());
  auto api = t.listen(Rig::kB, kSubjects.all_api());
  auto all = t.listen(Rig::kB, Pattern::given(kSubjects.prefix() + ">"));
  auto any = t.listen(Rig::kB, Pattern::given("kubus.*.event.>"));
  auto foreign = t.listen(Rig::kB, kSubjects.replies(Actor("a")));
  auto heads = t.listen(Rig::kB, kSubjects.heads_of({}));
  t.settle(Rig::kB);
  t.say(Rig::kA, kSubjects.api(Actor("a"), "get", "", "pods"), "request");
  t.say(Rig::kStore, event("x"), "event");
  t.say(Rig::kStore, kSubjects.reply(Actor("a"), "1"), "reply");
  t.say(Rig::kStore, kSubjects.head({}), "head");
  t.drain(Rig::kA, Rig::kB);
  t.drain(Rig::kStore, Rig::kB);
  EXPECT_EQ(t.heard, Texts{"head"});
  EXPECT_TRUE(t.bus(Rig::kB).connected());
}

// ---- the connection ----

TEST_P(BusConformance, BeforeItIsConnectedAPublishIsRefused) {
  Talk t(GetParam(), false);
  EXPECT_FALSE(t.bus(Rig::kStore).connected());
  auto a = t.listen(Rig::kA, kSubjects.events_of({}));
  EXPECT_FALSE(t.say(Rig::kStore, event("x"), "too early"));
  t.connect();
  EXPECT_TRUE(t.say(Rig::kStore, event("x"), "now"));
  t.drain(Rig::kStore, Rig::kA);
  EXPECT_EQ(t.heard, Texts{"now"});
}

TEST_P(BusConformance, AWatchTellsThePresentStateAtOnceAndThenChanges) {
  Talk t(GetParam(), false);
  States early, late;
  auto first = t.bus(Rig::kA).watch_state([&](BusState s) { early.push_back(s); });
  EXPECT_EQ(early, States{kDown});
  t.connect();
  EXPECT_EQ(early, (States{kDown, kUp}));
  auto second = t.bus(Rig::kA).watch_state([&](BusState s) { late.push_back(s); });
  EXPECT_EQ(late, States{kUp});
  EXPECT_EQ(early, (States{kDown, kUp}));
}

TEST_P(BusConformance, ConnectedMeansThatSubscriptionsAreInForce) {
  Talk t(GetParam(), false);
  auto a = t.listen(Rig::kA, kSubjects.events_of({}));
  t.connect();
  t.say(Rig::kStore, event("x"), "1");
  EXPECT_TRUE(t.run_until([&] { return !t.heard.empty(); }));
}

TEST_P(BusConformance, ARestartOfTheServerIsToldAndSubscriptionsAreInForceAgain) {
  Talk t(GetParam());
  Texts log;
  auto watch = t.bus(Rig::kA).watch_state([&](BusState s) {
    log.emplace_back(s == kUp ? "up" : s == kDown ? "down" : "lossy");
  });
  auto a = t.bus(Rig::kA).subscribe(
      kSubjects.events_of({}), [&](Message m) { log.emplace_back(as_text(m.payload.view())); });
  t.settle(Rig::kA);
  for (int round = 0; round < 2; ++round) {
    t.rig->stop_server();
    ASSERT_TRUE(t.run_until(
        [&] { return !t.bus(Rig::kA).connected() && !t.bus(Rig::kStore).connected(); }));
    EXPECT_FALSE(t.say(Rig::kStore, event("x"), "lost"));
    t.rig->start_server();
    t.connect();
    ASSERT_TRUE(t.say(Rig::kStore, event("x"), "again"));
    t.drain(Rig::kStore, Rig::kA);
  }
  EXPECT_EQ(log, (Texts{"up", "down", "up", "again", "down", "up", "again"}));
}

TEST_P(BusConformance, WhatIsSubscribedWhileTheServerIsAwayIsInForceAfterwards) {
  Talk t(GetParam());
  auto before = t.listen(Rig::kA, kSubjects.events_of({}));
  t.rig->stop_server();
  ASSERT_TRUE(t.run_until([&] { return !t.bus(Rig::kA).connected(); }));
  before.reset();
  auto meanwhile = t.listen(Rig::kA, kSubjects.heartbeats("test"));
  t.rig->start_server();
  t.connect();
  t.say(Rig::kStore, event("x"), "ended");
  t.say(Rig::kStore, beat("x"), "new");
  t.drain(Rig::kStore, Rig::kA);
  EXPECT_EQ(t.heard, Texts{"new"});
}

TEST_P(BusConformance, AWatchMayEndItselfAndOthersAreTold) {
  Talk t(GetParam());
  States ended, other;
  std::unique_ptr<Subscription> first;
  first = t.bus(Rig::kA).watch_state([&](BusState s) {
    ended.push_back(s);
    if (s == kDown) first.reset();
  });
  auto second = t.bus(Rig::kA).watch_state([&](BusState s) { other.push_back(s); });
  t.rig->stop_server();
  ASSERT_TRUE(t.run_until([&] { return !t.bus(Rig::kA).connected() && other.size() == 2; }));
  t.rig->start_server();
  t.connect();
  EXPECT_EQ(ended, (States{kUp, kDown}));
  EXPECT_EQ(other, (States{kUp, kDown, kUp}));
}

TEST_P(BusConformance, AHandlerOfStatesMayPublishAndSubscribe) {
  Talk t(GetParam(), false);
  std::unique_ptr<Subscription> made;
  auto watch = t.bus(Rig::kA).watch_state([&](BusState s) {
    if (s != kUp) return;
    made = t.listen(Rig::kA, kSubjects.heartbeats("test"));
    EXPECT_TRUE(t.say(Rig::kA, beat("a"), "hello"));
  });
  t.connect();
  t.drain(Rig::kA, Rig::kA);
  EXPECT_EQ(t.heard, Texts{"hello"});
}

}  // namespace
}  // namespace kubus::bus::testing
