#include "bus/subjects.h"

#include <gtest/gtest.h>

namespace kubus::bus {
namespace {

const Subjects kSubjects{ClusterName("test")};

TEST(Subjects, TokensComeBackAsTheyWere) {
  for (std::string name : {"web", "a.b.c", "_", "", "%", "/", "100%", "a b", "*", ">", "x_y",
                           "\x01\x7f", "ü", "a/b"}) {
    std::string token = escape_token(name);
    EXPECT_EQ(token.find_first_of(". *>\t\r\n"), std::string::npos) << name;
    EXPECT_FALSE(token.empty());
    auto back = unescape_token(token);
    ASSERT_TRUE(back) << token;
    EXPECT_EQ(*back, name);
  }
}

TEST(Subjects, EveryByteSurvives) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(unescape_token(escape_token(all)), all);
}

TEST(Subjects, DifferentNamesNeverShareAToken) {
  EXPECT_NE(escape_token("a.b"), escape_token("a/b"));
  EXPECT_NE(escape_token("_"), escape_token(""));
  EXPECT_NE(escape_token("%5F"), escape_token("_"));
}

TEST(Subjects, MalformedTokensAreRefused) {
  for (const char* token : {"", "%", "%4", "%zz", "a b", "a.b", "a*"})
    EXPECT_FALSE(unescape_token(token)) << token;
}

TEST(Subjects, AnActorMayHoldAnything) {
  EXPECT_EQ(escape_actor("kubelet:node-1"), "kubelet:node-1");
  EXPECT_EQ(escape_actor("evil.*.>"), "evil%2E%2A%2E%3E");
  auto parsed = kSubjects.parse_api(kSubjects.api(Actor("a.b *"), "get", "", "pods").str());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->actor, "a.b *");
  EXPECT_EQ(parsed->verb, "get");
  EXPECT_EQ(parsed->group, "");
  EXPECT_EQ(parsed->resource, "pods");
}

TEST(Subjects, ApiSubjectsOfOtherShapesAreNone) {
  for (const char* s : {"kubus.test.api.a.get._", "kubus.test.api.a.get._.pods.more",
                        "kubus.other.api.a.get._.pods", "kubus.test.event._.pods.a.b", ""}) {
    EXPECT_FALSE(kSubjects.parse_api(s)) << s;
  }
}

TEST(Subjects, PatternsMatchAsNatsDoes) {
  EXPECT_TRUE(Pattern::given("a.*.c").matches("a.b.c"));
  EXPECT_FALSE(Pattern::given("a.*").matches("a.b.c"));
  EXPECT_TRUE(Pattern::given("a.>").matches("a.b.c"));
  EXPECT_FALSE(Pattern::given("a.>").matches("a"));
  EXPECT_FALSE(Pattern::given("a.b").matches("a"));
  EXPECT_FALSE(Pattern::given("a.b").matches("a.c"));
}

TEST(Subjects, LanesMatchTheirEventsOnly) {
  Subject pod = kSubjects.event("", "pods", "default", "web");
  EXPECT_TRUE(kSubjects.events_of({}).matches(pod.str()));
  EXPECT_TRUE(kSubjects.events_of({"", "pods", "", "", ""}).matches(pod.str()));
  EXPECT_TRUE(kSubjects.events_of({"", "pods", "default", "", ""}).matches(pod.str()));
  EXPECT_TRUE(kSubjects.events_of({"", "pods", "default", "web", ""}).matches(pod.str()));
  EXPECT_FALSE(kSubjects.events_of({"", "pods", "other", "", ""}).matches(pod.str()));
  EXPECT_FALSE(kSubjects.events_of({"apps", "pods", "", "", ""}).matches(pod.str()));
  EXPECT_FALSE(kSubjects.events_of({"", "", "", "", "n1"}).matches(pod.str()));
  EXPECT_TRUE(kSubjects.events_of({"", "", "", "", "n1"})
                  .matches(kSubjects.node_event("n1", "", "pods", "d", "w").str()));
}

TEST(Subjects, EveryLaneHasAHeadOfItsOwn) {
  EXPECT_NE(kSubjects.head({"", "pods", "a", "", ""}), kSubjects.head({"", "pods", "", "", ""}));
  EXPECT_TRUE(kSubjects.heads_of({}).matches(kSubjects.head({"", "", "", "", "n1"}).str()));
}

TEST(Subjects, AReplyBelongsToItsActorAlone) {
  std::string reply = kSubjects.reply(Actor("a"), "1").str();
  EXPECT_TRUE(kSubjects.reply_belongs_to(reply, "a"));
  EXPECT_FALSE(kSubjects.reply_belongs_to(reply, "b"));
  EXPECT_FALSE(kSubjects.reply_belongs_to("kubus.test.reply.a.", "a"));
  EXPECT_FALSE(kSubjects.reply_belongs_to("kubus.test.reply.a.*", "a"));
  EXPECT_FALSE(kSubjects.reply_belongs_to("kubus.test.event._.pods.a.b", "a"));
}

TEST(Subjects, CloudEventsLieUnderTheClusterOrWhereTheyAreWanted) {
  Subject own = kSubjects.cloudevent("", "apps", "deployments", "d", "a.b");
  EXPECT_EQ(own.str(), "kubus.test.cloudevents.apps.deployments.d.a/b");
  EXPECT_TRUE(kSubjects.cloudevents().matches(own.str()));
  EXPECT_TRUE(kSubjects.cloudevents().matches(kSubjects.cloudevent_marker("", "r").str()));
  EXPECT_TRUE(kSubjects.cloudevents().matches(kSubjects.cloudevent_lost("", "r").str()));
  EXPECT_EQ(kSubjects.cloudevent("x.y", "", "nodes", "", "n").str(), "x.y._.nodes._.n");
}

TEST(Subjects, ReplaysStandApartFromClusters) {
  Subjects night(Subjects::replay("last.night"));
  EXPECT_EQ(night.prefix(), "kubus.replay.last/night.");
  EXPECT_EQ(Subjects::replay_control("last.night").str(), "kubus.replay.last/night.control");
  Pattern events = Subjects::all_replays("event.>");
  EXPECT_TRUE(events.matches(night.event("", "pods", "shop", "web").str()));
  EXPECT_FALSE(events.matches(kSubjects.event("", "pods", "shop", "web").str()));
  auto parsed = night.parse_api(night.api(Actor("admin"), "get", "", "pods").str());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->actor, "admin");
  EXPECT_EQ(Subjects(ClusterName("replay")).prefix(), "kubus.replay.");
}

}  // namespace
}  // namespace kubus::bus
