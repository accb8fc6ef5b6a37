// Reads: the present, the past, pages, lanes.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "schemas/bus/event_generated.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

void make(StoreWorld& w, const std::string& name, const std::string& label = "x") {
  Got got =
      w.create("configmaps", "default",
               R"({"metadata":{"name":")" + name + R"(","labels":{"l":")" + label + R"("}}})");
  ASSERT_TRUE(got) << got.message();
}

std::vector<std::string> names(const Got& got) {
  std::vector<std::string> out;
  for (const auto& item : got.items) {
    auto name = item.at("metadata").at("name").as_string();
    if (name != "kube-root-ca.crt") out.emplace_back(name);
  }
  return out;
}

using Names = std::vector<std::string>;

ObjectKey key_of_map(const std::string& name) {
  return {schema::Registry::get().by_resource("", "configmaps"), "default", name};
}

TEST(List, SelectsByLabelsAndFields) {
  StoreWorld w;
  make(w, "a", "1");
  make(w, "b", "2");
  EXPECT_EQ(names(w.list("configmaps", "default")), (Names{"a", "b"}));
  EXPECT_EQ(names(w.list("configmaps", "default", "l in (2,3)")), (Names{"b"}));
  EXPECT_EQ(names(w.list("configmaps", "default", "", "metadata.name=a")), (Names{"a"}));
  EXPECT_EQ(names(w.list("configmaps", "", "", "metadata.name!=a,metadata.namespace=default")),
            (Names{"b"}));
  EXPECT_EQ(w.list("configmaps", "default", "", "spec.x=1").code(), Code::kBadRequest);
  EXPECT_EQ(w.list("configmaps", "default", "a in (").code(), Code::kBadRequest);
}

// What a read shows is durable: it is still there after a crash at that moment.
TEST(List, ShowsNothingThatACrashCouldTake) {
  StoreWorld w;
  make(w, "first");
  for (int i = 0; i < 30; ++i) {
    std::string name = "m" + std::to_string(i);
    wire::RequestT create = StoreWorld::request(wire::Verb::Create, "configmaps", "default", name);
    create.operations[0]->object =
        StoreWorld::encode("configmaps", {{"metadata", {{"name", name}}}});
    w.client("admin").call(std::move(create), [](const Result<kit::Answer>&) {});
    std::string shown;
    bool answered = false;
    w.client("scheduler").get(key_of_map(name), [&](const Result<Object>& found) {
      answered = true;
      if (found) shown = found->uid();
    });
    ASSERT_TRUE(w.world.run_until([&] { return answered; }));
    w.restart();
    if (shown.empty()) continue;
    // The writer asks again: what it makes then is another object.
    Got after = w.get("configmaps", "default", name);
    ASSERT_TRUE(after) << name << " was shown and is gone";
    EXPECT_EQ(after.object.at("metadata").at("uid").as_string(), shown) << name;
  }
}

TEST(List, OfTheObjectsOfANode) {
  StoreWorld w;
  w.create_pod("a", "n1");
  w.create_pod("b", "n2");
  w.create_pod("c");
  EXPECT_EQ(names(w.list("pods", "", "", "spec.nodeName=n1")), (Names{"a"}));
  EXPECT_EQ(names(w.list("pods", "", "", "spec.nodeName=n1,status.phase!=Pending")), Names{});
  EXPECT_EQ(names(w.list("pods", "", "", "spec.nodeName=")), (Names{"c"}));
}

TEST(List, IsOfOneRevisionThroughAllPages) {
  StoreWorld w;
  for (const char* n : {"a", "b", "c"}) make(w, n);
  auto page = [&](const std::string& token) {
    auto request = StoreWorld::request(wire::Verb::List, "configmaps", "default", "");
    request.operations[0]->limit = 2;
    request.operations[0]->continue_token = token;
    return w.call(std::move(request));
  };
  Got first = page("");
  EXPECT_EQ(names(first), (Names{"a", "b"}));
  EXPECT_EQ(*first.outcome.remaining, 1u);
  w.remove("configmaps", "default", "c");
  make(w, "d");
  Got second = page(first.outcome.continue_token);
  EXPECT_EQ(names(second), (Names{"c"}));
  EXPECT_EQ(second.revision(), first.revision());
  EXPECT_EQ(second.outcome.continue_token, "");
  EXPECT_EQ(page("nonsense").code(), Code::kBadRequest);
}

TEST(Past, IsReadAtARevisionOrATime) {
  StoreWorld w;
  Got a = w.create("configmaps", "default", R"({"metadata":{"name":"a"},"data":{"k":"1"}})");
  int64_t then = w.host("store").ports().clock.wall_ns();
  w.world.run_for(std::chrono::seconds(10));
  w.patch("configmaps", "default", "a", R"({"data":{"k":"2"}})");
  auto get = [&](uint64_t revision, int64_t time) {
    auto request = StoreWorld::request(wire::Verb::Get, "configmaps", "default", "a");
    request.operations[0]->revision = revision;
    request.operations[0]->match = wire::ListMatch::Exact;
    request.operations[0]->at_time = time;
    return w.call(std::move(request));
  };
  EXPECT_EQ(get(a.revision(), 0).text("data.k"), "1");
  EXPECT_EQ(get(a.revision() + 1, 0).text("data.k"), "2");
  EXPECT_EQ(get(0, then).text("data.k"), "1");
  EXPECT_EQ(get(a.revision() - 1, 0).code(), Code::kNotFound);
  auto list = StoreWorld::request(wire::Verb::List, "configmaps", "default", "");
  list.operations[0]->revision = a.revision();
  list.operations[0]->match = wire::ListMatch::Exact;
  Got listed = w.call(std::move(list));
  ASSERT_EQ(listed.items.size(), 1u);
  EXPECT_EQ(listed.items[0].at("data").at("k"), "1");
}

TEST(Past, BelowTheHorizonIsGone) {
  StoreOptions options;
  options.state.keep_revisions = 2;
  options.state.keep_time = std::chrono::seconds(1);
  StoreWorld w(1, options);
  for (int i = 0; i < 20; ++i) {
    make(w, "c" + std::to_string(i));
    w.world.run_for(std::chrono::seconds(2));
  }
  auto request = StoreWorld::request(wire::Verb::EventsAfter, "configmaps", "", "");
  request.operations[0]->after = 1;
  EXPECT_EQ(w.call(std::move(request)).code(), Code::kExpired);
  auto list = StoreWorld::request(wire::Verb::List, "configmaps", "default", "");
  list.operations[0]->revision = 2;
  list.operations[0]->match = wire::ListMatch::Exact;
  EXPECT_EQ(w.call(std::move(list)).code(), Code::kExpired);
}

TEST(Waiting, ForARevisionThatComes) {
  StoreWorld w;
  uint64_t now = w.get("namespaces", "", "default").revision();
  auto request = StoreWorld::request(wire::Verb::List, "configmaps", "default", "");
  request.min_revision = now + 1;
  std::optional<Result<kit::Answer>> answer;
  w.client("admin").call(std::move(request), [&](Result<kit::Answer> a) { answer = std::move(a); });
  w.world.run_for(std::chrono::milliseconds(500));
  EXPECT_FALSE(answer);
  make(w, "a");
  ASSERT_TRUE(w.world.run_until([&] { return answer.has_value(); }, std::chrono::seconds(1)));
  ASSERT_TRUE(answer->ok());
  EXPECT_EQ((*answer)->outcome().items()->size(), 1u);
}

TEST(Waiting, ForARevisionThatDoesNot) {
  StoreWorld w;
  auto request = StoreWorld::request(wire::Verb::List, "configmaps", "default", "");
  request.operations[0]->revision = 1'000'000;
  Got got = w.call(std::move(request));
  EXPECT_EQ(got.code(), Code::kTimeout);
  ASSERT_EQ(got.status.error().causes.size(), 1u);
  EXPECT_EQ(got.status.error().causes[0].reason, "ResourceVersionTooLarge");
}

TEST(History, TellsEveryVersionNewestFirst) {
  StoreWorld w;
  make(w, "a");
  w.patch("configmaps", "default", "a", R"({"data":{"k":"1"}})");
  w.remove("configmaps", "default", "a");
  make(w, "a");
  auto page = [&](const std::string& token) {
    auto request = StoreWorld::request(wire::Verb::History, "configmaps", "default", "a");
    request.operations[0]->limit = 3;
    request.operations[0]->continue_token = token;
    return w.call(std::move(request));
  };
  Got first = page("");
  ASSERT_EQ(first.outcome.events.size(), 3u) << first.message();
  auto type = [](const Got& got, size_t i) {
    return flatbuffers::GetRoot<wire::Event>(got.outcome.events[i]->bytes.data())->type();
  };
  EXPECT_EQ(type(first, 0), wire::EventType::Added);
  EXPECT_EQ(type(first, 1), wire::EventType::Deleted);
  EXPECT_EQ(type(first, 2), wire::EventType::Modified);
  const auto* changed =
      flatbuffers::GetRoot<wire::Event>(first.outcome.events[2]->bytes.data())->changed();
  ASSERT_TRUE(changed && changed->size() > 0);
  EXPECT_EQ(changed->Get(0)->str(), "data");
  Got second = page(first.outcome.continue_token);
  EXPECT_EQ(second.outcome.events.size(), 1u);
  EXPECT_EQ(page("x").code(), Code::kBadRequest);
}

TEST(Lanes, TellEventsAndHeads) {
  StoreWorld w;
  make(w, "a");
  make(w, "b");
  auto request = StoreWorld::request(wire::Verb::EventsAfter, "configmaps", "", "");
  request.operations[0]->lane = std::make_unique<wire::LaneT>();
  request.operations[0]->lane->resource = "configmaps";
  request.operations[0]->lane->namespace_ = "default";
  Got events = w.call(std::move(request));
  ASSERT_TRUE(events) << events.message();
  EXPECT_EQ(events.outcome.events.size(), 2u);
  EXPECT_EQ(events.outcome.head, events.revision());
  request = StoreWorld::request(wire::Verb::Heads, "configmaps", "", "");
  Got heads = w.call(std::move(request));
  ASSERT_EQ(heads.outcome.heads.size(), 1u) << heads.message();
  EXPECT_EQ(heads.outcome.heads[0]->revision, events.outcome.head);
  EXPECT_EQ(heads.outcome.heads[0]->lane->resource, "configmaps");
}

TEST(Lanes, HeadsComeByThemselvesAfterTheEvents) {
  StoreWorld w;
  w.world.run_for(std::chrono::seconds(3));
  std::vector<std::string> seen;
  auto& bus = w.host("listener").ports().bus;
  auto events = bus.subscribe(w.subjects.events_of({"", "configmaps", "", "", ""}),
                              [&](bus::Message) { seen.push_back("event"); });
  auto heads = bus.subscribe(w.subjects.heads_of({"", "configmaps", "default", "", ""}),
                             [&](bus::Message m) {
                               auto* head = flatbuffers::GetRoot<wire::Head>(m.payload.data());
                               seen.push_back("head " + std::to_string(head->revision()));
                             });
  Got a = w.create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  w.world.run_for(std::chrono::seconds(5));
  EXPECT_EQ(seen, (std::vector<std::string>{"event", "head " + std::to_string(a.revision())}));
}

TEST(Events, TellWhatALabelSelectorNeeds) {
  StoreWorld w;
  make(w, "a", "1");
  std::vector<bus::Message> got;
  auto events = w.host("listener")
                    .ports()
                    .bus.subscribe(w.subjects.events_of({"", "configmaps", "", "", ""}),
                                   [&](bus::Message m) { got.push_back(std::move(m)); });
  w.patch("configmaps", "default", "a", R"({"metadata":{"labels":{"l":"2"}}})");
  w.patch("configmaps", "default", "a", R"({"data":{"x":"y"}})");
  w.world.run_for(std::chrono::seconds(1));
  ASSERT_EQ(got.size(), 2u);
  const auto* first = flatbuffers::GetRoot<wire::Event>(got[0].payload.data());
  ASSERT_NE(first->before(), nullptr);
  EXPECT_TRUE(first->before()->labels_changed());
  EXPECT_EQ(first->before()->labels()->Get(0)->value()->str(), "1");
  EXPECT_EQ(flatbuffers::GetRoot<wire::Event>(got[1].payload.data())->before(), nullptr);
}

}  // namespace
}  // namespace kubus::store::testing
