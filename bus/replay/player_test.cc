#include "bus/replay/player.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>

#include "bus/replay/control.h"
#include "bus/sim/world.h"
#include "schemas/bus/event_generated.h"

namespace kubus::replay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int64_t kSecond = 1'000'000'000, kBegin = 1'000 * kSecond;

// Revision r happened r seconds after the beginning.
kit::EventView event(uint64_t revision) {
  flatbuffers::FlatBufferBuilder b;
  auto name = b.CreateString("o" + std::to_string(revision));
  wire::EventBuilder e(b);
  e.add_revision(revision);
  e.add_time(kBegin + static_cast<int64_t>(revision) * kSecond);
  e.add_name(name);
  b.Finish(e.Finish());
  return *kit::EventView::from(
      Payload(Buffer(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize())));
}

// Pages of three, at once or a moment later. Revisions that are multiples of `hole` are not of it.
class Recorded : public Source {
 public:
  Recorded(bus::Clock& clock, uint64_t last) : clock_(clock), last_(last) {}

  void read(Revision after, Revision to, std::function<void(Result<Page>)> done) override {
    ++reads;
    if (failing) return done(Error(Code::kExpired, "compacted away"));
    Page page;
    uint64_t r = after.value();
    while (page.events.size() < 3 && r < std::min(last_, to.value())) {
      if (++r % hole != 0) page.events.push_back(event(r));
    }
    page.complete_to = Revision(r);
    if (!slow) return done(std::move(page));
    waiting_ = clock_.after(milliseconds(1), [page = std::move(page), done] { done(page); });
  }
  void revision_at(int64_t time_ns, std::function<void(Result<Revision>)> done) override {
    if (time_ns < kBegin) return done(Error(Code::kExpired, "before the cluster"));
    done(Revision(static_cast<uint64_t>((time_ns - kBegin) / kSecond)));
  }

  int reads = 0;
  bool failing = false, slow = false;
  uint64_t hole = 1000;

 private:
  bus::Clock& clock_;
  uint64_t last_;
  std::unique_ptr<bus::Timer> waiting_;
};

struct PlayerTest : ::testing::Test {
  void play(uint64_t from, uint64_t to, std::string_view speed, bool paused = false) {
    player = std::make_unique<Player>(
        ports.clock, source,
        PlayerOptions{Revision(from), Revision(to), *Speed::parse(speed), paused},
        [this](const kit::EventView& e) {
          if (refuse > 0 && refuse--) return false;
          heard.push_back(e.revision().value());
          heard_at.push_back((ports.clock.now() - began).count());
          return true;
        },
        [this](Revision r) { sought.push_back(r.value()); },
        [this](const Status& s) { ends.push_back(s ? "" : s.error().message); });
    began = ports.clock.now();
  }
  static std::vector<uint64_t> range(uint64_t from, uint64_t to) {
    std::vector<uint64_t> all;
    for (uint64_t r = from; r <= to; ++r) all.push_back(r);
    return all;
  }

  bus::sim::World world{3};
  bus::Ports ports = world.add_host("player").ports();
  Recorded source{ports.clock, 100};
  std::unique_ptr<Player> player;
  bus::Instant began;
  std::vector<uint64_t> heard, sought;
  std::vector<int64_t> heard_at;
  std::vector<std::string> ends;
  int refuse = 0;
};

TEST_F(PlayerTest, EventsComeAsFarApartAsTheyHappened) {
  play(10, 15, "1");
  world.run_for(seconds(10));
  EXPECT_EQ(heard, range(11, 15));
  for (size_t i = 0; i < heard_at.size(); ++i)
    EXPECT_EQ(heard_at[i], static_cast<int64_t>(i) * kSecond);
  EXPECT_EQ(ends, std::vector<std::string>{""});
  EXPECT_TRUE(player->state().ended);
  EXPECT_EQ(player->state().played, 5u);
}

TEST_F(PlayerTest, TheSpeedDividesTime) {
  play(0, 100, "10");
  world.run_for(milliseconds(950));
  EXPECT_EQ(heard, range(1, 10));
  player->set_speed(*Speed::parse("20"));
  world.run_for(milliseconds(500));
  EXPECT_EQ(heard, range(1, 20));
  player->set_speed(*Speed::parse("max"));
  world.run_for(milliseconds(1));
  EXPECT_EQ(heard, range(1, 100));
}

TEST_F(PlayerTest, MaxNeedsNoTime) {
  source.slow = true;
  play(0, 100, "max");
  world.run_for(milliseconds(50));
  EXPECT_EQ(heard, range(1, 100));
  EXPECT_EQ(ends.size(), 1u);
}

TEST_F(PlayerTest, PausedTimeDoesNotPass) {
  play(0, 100, "1");
  world.run_for(milliseconds(2500));
  player->pause();
  world.run_for(seconds(30));
  EXPECT_EQ(heard, range(1, 3));
  player->resume();
  world.run_for(milliseconds(490));
  EXPECT_EQ(heard, range(1, 3));
  world.run_for(milliseconds(20));
  EXPECT_EQ(heard, range(1, 4));
}

TEST_F(PlayerTest, AStepIsSoManyEvents) {
  play(0, 100, "step");
  world.run_for(seconds(30));
  EXPECT_TRUE(heard.empty());
  player->step(1);
  world.run_for(milliseconds(10));
  EXPECT_EQ(heard, range(1, 1));
  player->step(5);
  world.run_for(milliseconds(10));
  EXPECT_EQ(heard, range(1, 6));
  player->set_speed(*Speed::parse("1"));
  player->resume();
  world.run_for(milliseconds(1010));
  EXPECT_EQ(heard, range(1, 7));
}

TEST_F(PlayerTest, SeekGoesBothWaysAndOnFromThere) {
  play(0, 100, "max");
  world.run_for(milliseconds(10));
  heard.clear();
  ASSERT_TRUE(player->seek(Revision(90)));
  world.run_for(milliseconds(10));
  EXPECT_EQ(heard, range(91, 100));
  EXPECT_EQ(ends.size(), 2u);
  EXPECT_EQ(sought, std::vector<uint64_t>{90});
  EXPECT_FALSE(player->seek(Revision(101)));
  ASSERT_TRUE(player->seek(Revision(100)));
  world.run_for(milliseconds(10));
  EXPECT_EQ(ends.size(), 3u);
}

TEST_F(PlayerTest, ASeekMakesAPageUnderWayVoid) {
  source.slow = true;
  play(0, 100, "max");
  ASSERT_TRUE(player->seek(Revision(50)));
  world.run_for(milliseconds(100));
  EXPECT_EQ(heard, range(51, 100));
}

TEST_F(PlayerTest, WhatIsNotTakenComesAgain) {
  refuse = 4;
  play(0, 10, "max");
  world.run_for(milliseconds(100));
  EXPECT_EQ(heard, range(1, 10));
}

TEST_F(PlayerTest, ALaneWithHolesEndsAtItsEnd) {
  source.hole = 2;
  play(0, 10, "max");
  world.run_for(milliseconds(10));
  EXPECT_EQ(heard, (std::vector<uint64_t>{1, 3, 5, 7, 9}));
  EXPECT_EQ(player->state().position, Revision(10));
}

TEST_F(PlayerTest, AFailingSourceIsTheEnd) {
  source.failing = true;
  play(0, 10, "max");
  world.run_for(milliseconds(10));
  EXPECT_EQ(ends, std::vector<std::string>{"compacted away"});
}

TEST(Speed, WordsAndNumbers) {
  EXPECT_EQ(Speed::parse("max")->str(), "max");
  EXPECT_EQ(Speed::parse("step")->str(), "step");
  EXPECT_EQ(Speed::parse("0.5")->str(), "0.5");
  for (const char* text : {"", "fast", "0", "-1", "nan", "inf", "1x", "1e9"})
    EXPECT_FALSE(Speed::parse(text)) << text;
}

TEST(Command, WhatIsUnderstood) {
  EXPECT_EQ(Command::parse("pause")->what, Command::What::kPause);
  EXPECT_EQ(Command::parse(" step 3\n")->steps, 3u);
  EXPECT_EQ(Command::parse("step")->steps, 1u);
  EXPECT_EQ(Command::parse("seek 12")->revision, Revision(12));
  EXPECT_EQ(Command::parse("seek 1970-01-01T00:00:02Z")->time_ns, 2 * kSecond);
  EXPECT_EQ(Command::parse("speed 4")->speed.times, 4);
  for (const char* text :
       {"", "stop", "pause now", "step 0", "step x", "seek", "seek yesterday", "speed", "step 1 2"})
    EXPECT_FALSE(Command::parse(text)) << text;
}

TEST(Command, ComesBackAsItWas) {
  for (const char* text : {"state", "pause", "resume", "step 3", "seek 12", "speed 0.5",
                           "speed max", "seek 1970-01-01T00:00:02.000000Z"})
    EXPECT_EQ(Command::parse(text)->str(), text);
  PlayState state{Revision(7), 2 * kSecond, Revision(1), Revision(9), *Speed::parse("4")};
  state.paused = true;
  auto again = parse_state(state_json(state));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->position, Revision(7));
  EXPECT_EQ(again->time_ns, 2 * kSecond);
  EXPECT_EQ(again->speed.times, 4);
  EXPECT_TRUE(again->paused);
  EXPECT_FALSE(again->ended);
  EXPECT_EQ(parse_state(error_json(Error(Code::kBadRequest, "no"))).error().message, "no");
  EXPECT_FALSE(parse_state("[1"));
}

struct ControlTest : PlayerTest {
  boost::json::value ask(std::string_view words, const std::string& actor = "admin") {
    std::string answer;
    bus::Subject reply = home.reply(Actor(actor), "n" + std::to_string(++asked));
    auto waiting = admin.bus.subscribe(
        bus::Pattern::given(reply.str()),
        [&](const bus::Message& m) { answer = std::string(as_text(m.payload.view())); });
    admin.bus.publish(bus::Subjects::replay_control("night"), as_bytes(words), &reply);
    world.run_for(milliseconds(20));
    return answer.empty() ? boost::json::value() : boost::json::parse(answer);
  }
  bus::Ports admin = world.add_host("admin").ports();
  bus::Subjects home{ClusterName("test")};
  int asked = 0;
};

TEST_F(ControlTest, ObeysAndAnswersWithItsState) {
  play(0, 100, "step");
  Control control(ports, ClusterName("test"), "night", *player, source);
  EXPECT_EQ(ask("state").at("position"), 0u);
  ask("step 4");
  EXPECT_EQ(ask("state").at("position"), 4u);
  EXPECT_EQ(ask("seek 1970-01-01T00:17:30Z").at("position"), 50u);
  EXPECT_EQ(heard, range(1, 4));
  EXPECT_NE(ask("seek 101").at("error").as_string().find("not in what is replayed"),
            std::string::npos);
  EXPECT_NE(ask("dance").at("error").as_string().find("understands"), std::string::npos);
  EXPECT_EQ(ask("speed max").at("speed"), "max");
  EXPECT_EQ(ask("resume").at("paused"), false);
  EXPECT_EQ(ask("state").at("ended"), true);
}

TEST_F(ControlTest, OthersAreNotHeard) {
  play(0, 100, "step");
  Control control(ports, ClusterName("test"), "night", *player, source);
  EXPECT_TRUE(ask("step 4", "proxy:n1").is_null());
  EXPECT_TRUE(heard.empty());
}

}  // namespace
}  // namespace kubus::replay
