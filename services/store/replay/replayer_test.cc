#include "services/store/replay/replayer.h"

#include <gtest/gtest.h>

#include "bus/kit/informer.h"
#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Everything that was published to followers, as it came.
struct Chronicle {
  Chronicle(bus::Ports ports, const bus::Subjects& subjects) {
    size_t skip = subjects.prefix().size();
    for (const char* what : {"event.>", "node.>"}) {
      heard.push_back(ports.bus.subscribe(
          bus::Pattern::given(subjects.prefix() + what), [this, skip](const bus::Message& m) {
            lines.emplace_back(m.subject.substr(skip), std::string(as_text(m.payload.view())));
          }));
    }
  }
  std::vector<std::pair<std::string, std::string>> lines;
  std::vector<std::unique_ptr<bus::Subscription>> heard;
};

// A short life of a cluster: Pods on a node with what they refer to, changes, deletions, a name
// used twice, a Secret.
struct ReplayerTest : ::testing::Test {
  ReplayerTest() {
    w.world.faults().latency_most = w.world.faults().latency_least;
    w.world.settle();
    live = std::make_unique<Chronicle>(w.host("observer").ports(), w.subjects);
    w.create("namespaces", "", R"({"metadata":{"name":"shop"}})");
    w.create_node("n1");
    w.create("configmaps", "default", R"({"metadata":{"name":"m"},"data":{"a":"1"}})");
    w.create("secrets", "default", R"({"metadata":{"name":"s"},"stringData":{"a":"1"}})");
    w.create("pods", "default",
             R"({"metadata":{"name":"user"},"spec":{"nodeName":"n1","containers":[{"name":"c",
                 "image":"i","envFrom":[{"configMapRef":{"name":"m"}}]}]}})");
    for (int i = 0; i < 8; ++i) {
      std::string name = "p" + std::to_string(i);
      w.create_pod(name, i % 2 == 0 ? "n1" : "");
      w.world.run_for(milliseconds(500));
      w.patch("configmaps", "default", "m", R"({"data":{"a":")" + name + "\"}}");
      if (i % 3 == 2) w.remove("pods", "default", "p" + std::to_string(i - 1));
    }
    w.create("configmaps", "default", R"({"metadata":{"name":"brief"}})");
    w.remove("configmaps", "default", "brief");
    w.create("configmaps", "default", R"({"metadata":{"name":"brief"},"data":{"b":"2"}})");
    w.world.settle();
    tables = w.copy_of_tables();
    last = w.store().state().committed().revision().value();
  }

  std::unique_ptr<State> restored() {
    auto log = std::make_shared<MemoryLog>();
    auto& workers = w.host("replay").ports().workers;
    auto state = State::open(w.host("replay").ports(), open_memory(tables),
                             open_memory_journal(log, workers), {});
    EXPECT_TRUE(state) << (state ? "" : state.error().message);
    return *std::move(state);
  }

  Status play(uint64_t from, uint64_t to, std::string_view speed, bool standing = false) {
    again = std::make_unique<Chronicle>(w.host("subscriber").ports(), night);
    ReplayerOptions options;
    options.name = "night";
    options.home = ClusterName("test");
    options.play = {Revision(from), Revision(to), *replay::Speed::parse(speed)};
    options.standing = standing;
    auto opened = Replayer::open(w.host("replay").ports(), std::move(options), restored(),
                                 [this](const Status& s) { ended += s.ok() ? 1 : 100; });
    if (!opened) return opened.error();
    replayer = *std::move(opened);
    return {};
  }

  kit::Client& client() {
    if (!client_) {
      client_ = std::make_unique<kit::Client>(
          w.host("subscriber").ports(),
          kit::ClientOptions{bus::Subjects::replay("night"), Actor("admin")});
    }
    return *client_;
  }
  Result<kit::Answer> ask(wire::RequestT request) {
    std::optional<Result<kit::Answer>> answer;
    client().call(std::move(request), [&](Result<kit::Answer> a) { answer.emplace(std::move(a)); });
    w.world.run_until([&] { return answer.has_value(); });
    if (*answer) {
      if (Status s = kit::status_of((*answer)->outcome()); !s) return s.error();
    }
    return *std::move(answer);
  }
  static std::map<std::string, uint64_t> names_of(const wire::Outcome& outcome,
                                                  const schema::KindInfo& kind) {
    std::map<std::string, uint64_t> out;
    for (size_t i = 0; outcome.items() && i < outcome.items()->size(); ++i) {
      const auto* bytes = outcome.items()->Get(static_cast<unsigned>(i))->bytes();
      auto object = Object::from(kind, Payload::copy_of({bytes->data(), bytes->size()}));
      out[std::string(object->name())] = object->revision().value();
    }
    return out;
  }
  // What there was of a kind at a revision, as the live store tells it, or the replay now.
  std::map<std::string, uint64_t> then(std::string_view resource, uint64_t revision) {
    auto request = testing::StoreWorld::request(wire::Verb::List, resource, "default", "");
    request.operations[0]->revision = revision;
    request.operations[0]->match = wire::ListMatch::Exact;
    std::map<std::string, uint64_t> out;
    for (const auto& item : w.call(std::move(request)).items) {
      const auto& meta = item.at("metadata").as_object();
      out[std::string(meta.at("name").as_string())] =
          std::stoull(std::string(meta.at("resourceVersion").as_string()));
    }
    return out;
  }
  std::map<std::string, uint64_t> now(std::string_view resource) {
    auto answer = ask(testing::StoreWorld::request(wire::Verb::List, resource, "default", ""));
    EXPECT_TRUE(answer) << answer.error().message;
    return names_of(answer->outcome(), testing::kind(resource));
  }

  testing::StoreWorld w{5};
  bus::Subjects night{bus::Subjects::replay("night")};
  std::unique_ptr<Chronicle> live, again;
  std::shared_ptr<MemoryTables> tables;
  uint64_t last = 0;
  int ended = 0;
  std::unique_ptr<kit::Client> client_;
  std::unique_ptr<Replayer> replayer;
};

TEST_F(ReplayerTest, EverySubscriberHearsTheSameBytesInTheSameOrder) {
  ASSERT_TRUE(play(1, last, "max"));
  w.world.run_until([&] { return ended > 0; });
  w.world.settle();
  EXPECT_EQ(ended, 1);
  // The live one was heard from a revision on.
  ASSERT_GT(live->lines.size(), 30u);
  ASSERT_GE(again->lines.size(), live->lines.size());
  std::vector<std::pair<std::string, std::string>> tail(
      again->lines.end() - static_cast<long>(live->lines.size()), again->lines.end());
  EXPECT_TRUE(tail == live->lines);
  bool notice = false, on_node = false;
  for (const auto& [subject, bytes] : tail) {
    const auto* e = flatbuffers::GetRoot<wire::Event>(bytes.data());
    notice |= e->type() == wire::EventType::Notice;
    on_node |= subject.starts_with("node.n1.event._.pods.");
  }
  EXPECT_TRUE(notice);
  EXPECT_TRUE(on_node);
}

TEST_F(ReplayerTest, AtEachMomentItReadsAsItWasThen) {
  ASSERT_TRUE(play(1, last, "step"));
  w.world.run_for(milliseconds(10));
  for (uint64_t r = 1; r <= last; ++r) {
    EXPECT_EQ(now("pods"), then("pods", r)) << r;
    EXPECT_EQ(now("configmaps"), then("configmaps", r)) << r;
    replayer->player().step(1);
    w.world.run_for(milliseconds(10));
  }
}

TEST_F(ReplayerTest, OneObjectAndItsHistoryEndAtTheClock) {
  ASSERT_TRUE(play(1, last, "max"));
  w.world.run_until([&] { return ended > 0; });
  auto get = [&] {
    return ask(testing::StoreWorld::request(wire::Verb::Get, "configmaps", "default", "brief"));
  };
  EXPECT_TRUE(get());
  replayer->player().pause();
  ASSERT_TRUE(replayer->player().seek(Revision(last - 1)));
  auto gone = get();
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::kNotFound);
  ASSERT_TRUE(replayer->player().seek(Revision(last - 2)));
  EXPECT_TRUE(get());
  auto history =
      ask(testing::StoreWorld::request(wire::Verb::History, "configmaps", "default", "brief"));
  ASSERT_TRUE(history);
  EXPECT_EQ(history->outcome().events()->size(), 1u);
}

TEST_F(ReplayerTest, AnInformerFollowsAndBeginsAgainAfterAJumpBack) {
  ASSERT_TRUE(play(1, last, "step"));
  kit::Informer pods(w.host("subscriber").ports(), client(),
                     {.kind = &testing::kind("pods"), .ns = "default"});
  pods.start();
  auto cached = [&] {
    std::map<std::string, uint64_t> out;
    for (const auto& [key, object] : pods.all()) out[key.second] = object.revision().value();
    return out;
  };
  w.world.run_until([&] { return pods.synced(); });
  replayer->player().set_speed(*replay::Speed::parse("max"));
  replayer->player().resume();
  w.world.run_until([&] { return ended > 0; });
  w.world.run_for(seconds(2));
  EXPECT_EQ(cached(), then("pods", last));
  replayer->player().pause();
  for (uint64_t to : {last / 2, last / 3, last - 4, uint64_t{1}}) {
    ASSERT_TRUE(replayer->player().seek(Revision(to)));
    w.world.run_for(seconds(2));
    EXPECT_EQ(cached(), then("pods", to)) << to;
  }
}

TEST_F(ReplayerTest, ItIsOnlyRead) {
  ASSERT_TRUE(play(1, last, "1", true));
  for (wire::Verb verb : {wire::Verb::Create, wire::Verb::Delete, wire::Verb::Patch}) {
    auto answer = ask(testing::StoreWorld::request(verb, "configmaps", "default",
                                                   verb == wire::Verb::Create ? "" : "m"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kMethodNotAllowed) << answer.error().message;
    EXPECT_NE(answer.error().message.find("replay"), std::string::npos);
  }
  w.world.run_for(seconds(5));
  EXPECT_TRUE(again->lines.empty());
}

TEST_F(ReplayerTest, WhoKnowsMoreThanThereIsIsToldSo) {
  ASSERT_TRUE(play(1, last, "step"));
  bus::LaneId lane{"", "pods", "", "", ""};
  auto beyond = ask(kit::events_after_request(lane, Revision(last - 1)));
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Code::kExpired);
  auto head = ask(kit::events_after_request(lane, Revision(UINT64_MAX)));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->outcome().head(), 0u);
}

TEST_F(ReplayerTest, LanesEndAtTheClock) {
  ASSERT_TRUE(play(1, last, "step"));
  bus::LaneId lanes[] = {{"", "pods", "", "", ""},
                         {"", "configmaps", "default", "", ""},
                         {"", "configmaps", "default", "m", ""},
                         {"", "", "", "", "n1"},
                         {}};
  std::map<std::string, uint64_t> heads;
  for (uint64_t r = 1; r < last; ++r) {
    replayer->player().step(1);
    w.world.run_for(milliseconds(10));
    for (const bus::LaneId& lane : lanes) {
      auto page = ask(kit::events_after_request(lane, Revision(r)));
      ASSERT_TRUE(page) << page.error().message;
      const auto* events = page->outcome().events();
      if (events != nullptr && events->size() > 0) {
        ASSERT_EQ(events->size(), 1u);
        heads[lane.str()] = r + 1;
      }
      EXPECT_EQ(page->outcome().head(), heads[lane.str()]) << lane.str() << " at " << r + 1;
    }
  }
}

TEST_F(ReplayerTest, ARangeThatIsNotThereIsRefused) {
  EXPECT_EQ(play(1, last + 1, "1").error().code, Code::kBadRequest);
  w.store().state().compact_to(Revision(10));
  w.world.run_for(seconds(5));
  tables = w.copy_of_tables();
  ASSERT_GE(w.store().state().committed().compacted(), Revision(10));
  EXPECT_EQ(play(5, last, "1").error().code, Code::kExpired);
  EXPECT_TRUE(play(10, last, "1"));
}

}  // namespace
}  // namespace kubus::store
