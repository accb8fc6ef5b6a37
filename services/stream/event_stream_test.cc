#include "services/stream/event_stream.h"

#include <gtest/gtest.h>

#include <map>

#include "bus/kit/testing/cluster.h"
#include "schemas/bus/event_generated.h"

namespace kubus::stream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A log in memory behind a slow connection that dies on demand.
class FakeLog final : public bus::EventLog {
 public:
  explicit FakeLog(bus::Clock& clock) : clock_(clock) {}

  void open(Looked done) override {
    exists = true;
    later([this, done] { done(place(true)); });
  }
  void look(Looked done) override {
    later([this, done] {
      if (!exists) return done(Error(Code::kNotFound, "no stream"));
      done(place(false));
    });
  }
  void renew(uint64_t next, Did done) override {
    later([this, next, done] {
      exists = true;
      messages.clear();
      last = next - 1;
      ++renewed;
      done({});
    });
  }
  bool append(const bus::Subject& subject, ByteView payload, uint64_t after, Did done) override {
    if (!up) return false;
    later([this, done, after, subject = subject.str(), bytes = Payload::copy_of(payload)] {
      if (!exists) return done(Error(Code::kUnavailable, "no stream"));
      if (after != last) return done(Error(Code::kConflict, "wrong last sequence"));
      messages[++last] = {subject, bytes};
      most_lag = std::max(most_lag, last);
      if (lose_answers > 0) return void(--lose_answers);
      done({});
    });
    return true;
  }
  std::unique_ptr<bus::Subscription> watch_state(bus::Bus::StateHandler handler) override {
    handler_ = std::move(handler);
    handler_(bus::BusState::kConnected);
    return nullptr;
  }

  void drop() {
    up = false;
    timers_.clear();
    handler_(bus::BusState::kDisconnected);
  }
  void come_back() {
    up = true;
    handler_(bus::BusState::kConnected);
  }

  struct Stored {
    std::string subject;
    Payload bytes;
  };
  std::map<uint64_t, Stored> messages;
  uint64_t last = 0, most_lag = 0;
  bool exists = false, up = true;
  size_t lose_answers = 0;
  int renewed = 0;

 private:
  bus::LogPlace place(bool with_message) const {
    bus::LogPlace p;
    p.last = last;
    p.first = messages.empty() ? last + 1 : messages.begin()->first;
    p.whole = messages.size() == p.last + 1 - p.first;
    if (with_message && !messages.empty()) p.message = messages.rbegin()->second.bytes;
    return p;
  }
  void later(std::function<void()> f) {
    std::erase_if(timers_, [](const auto& t) { return *t.second; });
    auto over = std::make_shared<bool>(false);
    timers_.emplace_back(clock_.after(milliseconds(1), [f, over] { *over = true, f(); }), over);
  }

  bus::Clock& clock_;
  bus::Bus::StateHandler handler_;
  std::vector<std::pair<std::unique_ptr<bus::Timer>, std::shared_ptr<bool>>> timers_;
};

struct EventStreamTest : ::testing::Test {
  kit::testing::Cluster c;
  bus::Ports ports = c.host("stream").ports();
  FakeLog log{ports.clock};
  std::unique_ptr<EventStream> stream;
  int writes = 0;

  void start() { stream = std::make_unique<EventStream>(ports, c.client_options("stream"), log); }
  void put(int n) {
    for (int i = 0; i < n; ++i)
      c.put("configmaps", "d",
            R"({"metadata":{"name":"m"},"data":{"n":")" + std::to_string(++writes) + "\"}}");
  }
  // The stream is the history from `first` on.
  void expect_equal(uint64_t first = 1) {
    EXPECT_EQ(log.last, c.store.revision().value());
    ASSERT_EQ(log.messages.size(), log.last + 1 - first);
    uint64_t n = first;
    for (const auto& [sequence, message] : log.messages) {
      auto event = kit::EventView::from(message.bytes);
      ASSERT_TRUE(event);
      EXPECT_EQ(sequence, n);
      EXPECT_EQ(event->revision().value(), n++);
      EXPECT_EQ(message.subject, "kubus.test.stream._.configmaps.d.m");
    }
  }
};

TEST_F(EventStreamTest, ThePastThenThePresent) {
  put(700);
  start();
  c.world.run_for(seconds(5));
  put(5);
  c.world.run_for(seconds(5));
  expect_equal();
  EXPECT_EQ(stream->stats().looked, 1u);
  EXPECT_EQ(stream->position(), c.store.revision());
}

TEST_F(EventStreamTest, MoreThanFitsWaits) {
  put(12'000);
  start();
  c.world.run_for(seconds(60));
  expect_equal();
  EXPECT_EQ(stream->stats().looked, 1u);
}

TEST_F(EventStreamTest, TheServerDiesUnderLoad) {
  start();
  for (int round = 0; round < 5; ++round) {
    put(300);
    c.world.run_for(milliseconds(3));
    log.lose_answers = 20;
    put(10);
    c.world.run_for(milliseconds(1));
    log.drop();
    put(50);
    c.world.run_for(seconds(1));
    log.come_back();
    c.world.run_for(seconds(1));
  }
  c.world.run_for(seconds(5));
  expect_equal();
  EXPECT_EQ(log.renewed, 1);
}

TEST_F(EventStreamTest, ItsOwnDeathAndTheStores) {
  start();
  put(50);
  c.world.run_for(seconds(1));
  stream.reset();
  put(50);
  start();
  c.world.run_for(milliseconds(2));
  c.restart_store(seconds(1));
  put(10);
  c.world.run_for(seconds(20));
  expect_equal();
}

TEST_F(EventStreamTest, DeletedItIsMadeAnew) {
  put(20);
  start();
  c.world.run_for(seconds(2));
  log.exists = false;
  log.messages.clear();
  log.last = 0;
  c.world.run_for(seconds(30));
  put(3);
  c.world.run_for(seconds(5));
  expect_equal();
  EXPECT_GE(log.renewed, 2);
}

TEST_F(EventStreamTest, AHoleIsNoticed) {
  put(20);
  start();
  c.world.run_for(seconds(2));
  log.messages.erase(7);
  c.world.run_for(seconds(30));
  expect_equal();
}

TEST_F(EventStreamTest, BelowTheHorizonItBeginsThere) {
  put(500);
  c.store.compact(Revision(123));
  start();
  c.world.run_for(seconds(5));
  expect_equal(124);
}

TEST_F(EventStreamTest, WhatItLacksIsCompacted) {
  put(20);
  start();
  c.world.run_for(seconds(2));
  log.drop();
  put(300);
  c.store.compact(Revision(200));
  log.come_back();
  c.world.run_for(seconds(20));
  expect_equal(201);
}

TEST_F(EventStreamTest, AStreamOfAnotherPastIsMadeAnew) {
  put(20);
  start();
  c.world.run_for(seconds(2));
  stream.reset();
  for (int i = 0; i < 40; ++i) log.messages[++log.last] = log.messages[1];
  start();
  c.world.run_for(seconds(5));
  expect_equal();
}

}  // namespace
}  // namespace kubus::stream
