// The envelope: who asks, when, how often, and whether it is a request at all.
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <set>

#include "bus/kit/feed.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/base/error_codes.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

constexpr const char* kMap = R"({"metadata":{"name":"a"}})";

// Speaks on the bus without a client's manners.
class Raw {
 public:
  explicit Raw(StoreWorld& w, const std::string& actor = "admin")
      : w_(w),
        actor_(actor),
        bus_(w.host("raw").ports().bus),
        reply_(w.subjects.reply(Actor(actor), "nonce")) {
    replies_ = bus_.subscribe(bus::Pattern::given(reply_.str()), [this](bus::Message m) {
      const auto* all = flatbuffers::GetRoot<wire::Replies>(m.payload.data());
      for (const auto* r : *all->replies()) {
        got.emplace_back();
        r->UnPackTo(&got.back());
      }
    });
  }

  static Buffer pack(wire::RequestT& request) {
    flatbuffers::FlatBufferBuilder b;
    b.Finish(wire::CreateRequest(b, &request));
    return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
  }
  void send(ByteView bytes, const char* verb = "get") {
    bus_.publish(w_.subjects.api(Actor(actor_), verb, "", "configmaps"), bytes, &reply_);
    w_.world.run_for(std::chrono::seconds(1));
  }
  std::string reason() const {
    if (got.empty()) return "silence";
    return got.back().failure ? got.back().failure->reason : "answer";
  }

  std::vector<wire::ReplyT> got;

 private:
  StoreWorld& w_;
  std::string actor_;
  bus::Bus& bus_;
  bus::Subject reply_;
  std::unique_ptr<bus::Subscription> replies_;
};

wire::RequestT create_request(const char* id) {
  wire::RequestT r = StoreWorld::request(wire::Verb::Create, "configmaps", "default", "a");
  r.operations[0]->object = StoreWorld::encode("configmaps", parse(kMap));
  r.id = id;
  return r;
}

TEST(Requests, RepeatedAreAnsweredNotRun) {
  StoreWorld w;
  Got first = w.call(create_request("one"));
  ASSERT_TRUE(first);
  Got again = w.call(create_request("one"));
  ASSERT_TRUE(again) << again.message();
  EXPECT_TRUE(again.outcome.repeated);
  EXPECT_EQ(again.revision(), first.revision());
  EXPECT_EQ(again.object, first.object);
  EXPECT_TRUE(again.outcome.created);
  EXPECT_EQ(w.call(create_request("two")).code(), Code::kAlreadyExists);
  EXPECT_EQ(w.call(create_request("one"), "cli:bob").code(), Code::kAlreadyExists);
}

TEST(Requests, ARepeatedOneIsAnsweredWithWhatItDidNotWithWhatIsNow) {
  StoreWorld w;
  Got first = w.call(create_request("one"));
  ASSERT_TRUE(w.patch("configmaps", "default", "a", R"({"data":{"later":"yes"}})"));
  EXPECT_EQ(w.call(create_request("one")).object, first.object);
  ASSERT_TRUE(w.remove("configmaps", "default", "a"));
  EXPECT_EQ(w.call(create_request("one")).object, first.object);
  w.restart();
  EXPECT_EQ(w.call(create_request("one")).object, first.object);
}

TEST(Requests, ARefusalIsNotOverturnedByARepeat) {
  StoreWorld w;
  wire::RequestT patch = StoreWorld::request(wire::Verb::Patch, "configmaps", "default", "a");
  patch.id = "patch";
  patch.operations[0]->patch_type = wire::PatchType::Merge;
  constexpr std::string_view kPatch = R"({"data":{"late":"yes"}})";
  patch.operations[0]->patch.assign(kPatch.begin(), kPatch.end());
  EXPECT_EQ(w.call(patch).code(), Code::kNotFound);
  Got made = w.call(create_request("one"));
  ASSERT_TRUE(made);
  Got again = w.call(patch);
  EXPECT_EQ(again.code(), Code::kNotFound);
  EXPECT_TRUE(again.outcome.repeated);
  EXPECT_EQ(w.get("configmaps", "default", "a").object, made.object);
  patch.id = "another";
  EXPECT_TRUE(w.call(patch));
}

TEST(Requests, OfWhichAPartWasRefusedAreAnsweredInEachPart) {
  StoreWorld w;
  ASSERT_TRUE(w.call(create_request("one")));
  auto both = [] {
    wire::RequestT r = create_request("both");
    wire::RequestT more = create_request("");
    more.operations[0]->name = "b";
    more.operations[0]->object =
        StoreWorld::encode("configmaps", parse(R"({"metadata":{"name":"b"}})"));
    r.operations.push_back(std::move(more.operations[0]));
    return r;
  };
  auto outcomes = [&](wire::RequestT r) {
    std::optional<Result<kit::Answer>> answer;
    w.client("admin").call(std::move(r),
                           [&](Result<kit::Answer> a) { answer.emplace(std::move(a)); });
    EXPECT_TRUE(w.world.run_until([&] { return answer.has_value(); }));
    return std::pair((*answer)->outcome(0).failure() != nullptr, (*answer)->outcome(1).revision());
  };
  auto [refused, revision] = outcomes(both());
  EXPECT_TRUE(refused);
  EXPECT_GT(revision, 0u);
  ASSERT_TRUE(w.remove("configmaps", "default", "a"));
  EXPECT_EQ(outcomes(both()), std::pair(true, revision));
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
  // One who takes the same id for something smaller gets what there is of it.
  EXPECT_EQ(w.call(create_request("both")).code(), Code::kAlreadyExists);
}

TEST(Requests, RepeatedInOneTurnRunOnce) {
  StoreWorld w;
  w.get("namespaces", "", "default");
  Raw raw(w);
  wire::RequestT r = create_request("one");
  Buffer bytes = Raw::pack(r);
  auto& bus = w.host("raw").ports().bus;
  bus::Subject reply = w.subjects.reply(Actor("admin"), "nonce");
  w.world.faults().latency_most = w.world.faults().latency_least;
  for (int i = 0; i < 3; ++i)
    bus.publish(w.subjects.api(Actor("admin"), "create", "", "configmaps"), bytes, &reply);
  w.world.run_for(std::chrono::seconds(1));
  ASSERT_EQ(raw.got.size(), 3u);
  for (const auto& reply_got : raw.got) {
    ASSERT_EQ(reply_got.outcomes.size(), 1u);
    EXPECT_EQ(reply_got.outcomes[0]->failure, nullptr);
    EXPECT_EQ(reply_got.outcomes[0]->revision, raw.got[0].outcomes[0]->revision);
  }
}

TEST(Requests, LateAreRefused) {
  StoreWorld w;
  wire::RequestT r = create_request("late");
  r.deadline_ms = 1;
  Raw raw(w);
  raw.send(Raw::pack(r), "create");
  EXPECT_EQ(raw.reason(), "Timeout");
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
}

TEST(Requests, ClientsWhoseClocksAreWrongAreServed) {
  StoreWorld w;
  for (auto wrong : {std::chrono::hours(-1), std::chrono::hours(3), std::chrono::hours(-5)}) {
    w.host("client of admin").jump_wall_clock(wrong);
    EXPECT_TRUE(w.get("namespaces", "", "default")) << wrong.count();
    EXPECT_TRUE(w.get("namespaces", "", "default")) << wrong.count();
  }
  EXPECT_EQ(w.store().stats().late, 2u) << "told once, they know";
}

TEST(Requests, OfAnotherVersionAreRefused) {
  StoreWorld w;
  wire::RequestT r = create_request("new");
  r.version = 2;
  Raw raw(w);
  raw.send(Raw::pack(r), "create");
  EXPECT_EQ(raw.reason(), "BadRequest");
}

TEST(Requests, MustBeWhatTheirSubjectSays) {
  StoreWorld w;
  wire::RequestT r = create_request("x");
  Raw raw(w);
  raw.send(Raw::pack(r), "get");
  EXPECT_EQ(raw.reason(), "BadRequest");
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
}

TEST(Requests, WithAForgedReplyAreDropped) {
  StoreWorld w;
  auto& bus = w.host("raw").ports().bus;
  std::vector<bus::Message> heard;
  auto all = w.host("ear").ports().bus.subscribe(
      bus::Pattern::given(w.subjects.prefix() + ">"), [&](bus::Message m) {
        if (m.subject.find(".api.") == std::string::npos &&
            m.subject.find(".head.") == std::string::npos)
          heard.push_back(std::move(m));
      });
  w.world.run_for(std::chrono::seconds(3));
  heard.clear();
  wire::RequestT r = create_request("x");
  Buffer bytes = Raw::pack(r);
  bus::Subject api = w.subjects.api(Actor("admin"), "create", "", "configmaps");
  for (const bus::Subject& forged :
       {w.subjects.event("", "pods", "default", "p"), w.subjects.reply(Actor("kubelet:n1"), "x"),
        w.subjects.node_command(NodeName("n1"), "exec")})
    bus.publish(api, bytes, &forged);
  bus.publish(api, bytes);
  w.world.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(heard.empty());
  EXPECT_EQ(w.store().intake_stats().forged, 4u);
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
}

TEST(Requests, ThatAreNoneAreToldSo) {
  StoreWorld w;
  Raw raw(w);
  raw.send(as_bytes("hello"));
  EXPECT_EQ(raw.reason(), "BadRequest");
  raw.send({});
  EXPECT_EQ(raw.got.size(), 2u);
  EXPECT_EQ(raw.reason(), "BadRequest");
  wire::RequestT empty;
  empty.id = "x";
  raw.send(Raw::pack(empty));
  EXPECT_EQ(raw.reason(), "BadRequest");
}

TEST(Requests, TruncatedOrAlteredDoNoHarm) {
  StoreWorld w;
  w.get("namespaces", "", "default");
  wire::RequestT r = create_request("x");
  Buffer whole = Raw::pack(r);
  auto& bus = w.host("raw").ports().bus;
  bus::Subject reply = w.subjects.reply(Actor("admin"), "n");
  bus::Subject api = w.subjects.api(Actor("admin"), "create", "", "configmaps");
  for (size_t n = 0; n < whole.size(); n += 3) bus.publish(api, ByteView(whole).first(n), &reply);
  for (size_t i = 0; i < whole.size(); ++i) {
    for (uint8_t flip : {0xff, 0x80, 0x01}) {
      Buffer altered = whole;
      altered[i] ^= flip;
      bus.publish(api, altered, &reply);
    }
  }
  w.world.run_for(std::chrono::seconds(2));
  EXPECT_TRUE(w.get("namespaces", "", "default"));
  EXPECT_TRUE(w.store().state().verify());
}

TEST(Requests, WithAHostileObjectAreRefused) {
  StoreWorld w;
  wire::RequestT r = create_request("x");
  r.operations[0]->object = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(w.call(std::move(r)).code(), Code::kBadRequest);
  r = create_request("y");
  r.operations[0]->object.resize(r.operations[0]->object.size() / 2);
  EXPECT_EQ(w.call(std::move(r)).code(), Code::kBadRequest);
  r = create_request("z");
  r.operations[0]->object.clear();
  EXPECT_EQ(w.call(std::move(r)).code(), Code::kBadRequest);
}

TEST(Requests, ForUnknownResourcesAndVerbs) {
  StoreWorld w;
  wire::RequestT r = StoreWorld::request(wire::Verb::Get, "pods", "default", "p");
  r.operations[0]->resource = "unicorns";
  EXPECT_EQ(w.call(std::move(r)).code(), Code::kNotFound);
  r = StoreWorld::request(wire::Verb::Connect, "pods", "default", "p");
  EXPECT_EQ(w.call(std::move(r)).code(), Code::kMethodNotAllowed);
  r = StoreWorld::request(wire::Verb::Get, "pods", "default", "p");
  r.operations[0]->subresource = "horn";
  EXPECT_EQ(w.call(std::move(r)).code(), Code::kNotFound);
  EXPECT_EQ(w.get("pods", "", "p").code(), Code::kBadRequest);
  EXPECT_EQ(w.get("nodes", "default", "p").code(), Code::kBadRequest);
  EXPECT_EQ(w.get("pods", "default", "").code(), Code::kBadRequest);
  EXPECT_EQ(w.get("pods", "default", std::string(5000, 'x')).code(), Code::kNotFound);
}

TEST(Requests, TooLargeObjectsAreRefused) {
  StoreWorld w;
  wire::RequestT r = create_request("x");
  boost::json::value big = parse(kMap);
  big.as_object()["data"] = {{"k", std::string(1700 * 1024, 'x')}};
  r.operations[0]->object = StoreWorld::encode("configmaps", big);
  Got got = w.call(std::move(r));
  EXPECT_TRUE(got.code() == Code::kTooLarge || got.code() == Code::kInvalid) << got.message();
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
}

TEST(Fences, RefuseAnOlderEpoch) {
  StoreWorld w;
  Got lease = w.create("leases", "kube-system",
                       R"({"metadata":{"name":"sched"},"spec":{"leaseTransitions":3}})");
  ASSERT_TRUE(lease) << lease.message();
  auto write = [&](const char* id, const char* lease_name, uint64_t epoch) {
    wire::RequestT r = create_request(id);
    r.lease = lease_name;
    r.epoch = epoch;
    return w.call(std::move(r)).code();
  };
  EXPECT_EQ(write("1", "sched", 2), Code::kConflict);
  EXPECT_EQ(write("2", "other", 9), Code::kConflict);
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
  write("3", "sched", 3);
  EXPECT_TRUE(w.get("configmaps", "default", "a"));
}

TEST(Actors, MayOnlyDoTheirOwn) {
  StoreWorld w;
  w.create("configmaps", "default", kMap);
  w.create("secrets", "default", R"({"metadata":{"name":"s"}})");
  EXPECT_EQ(w.get("configmaps", "default", "a", "stranger").code(), Code::kForbidden);
  EXPECT_EQ(w.get("configmaps", "default", "a", "administrator").code(), Code::kForbidden);
  EXPECT_TRUE(w.get("configmaps", "default", "a", "cli:bob"));
  EXPECT_TRUE(w.get("configmaps", "default", "a", "scheduler"));
  EXPECT_EQ(w.get("secrets", "default", "s", "scheduler").code(), Code::kForbidden);
  EXPECT_EQ(w.remove("configmaps", "default", "a", "scheduler").code(), Code::kForbidden);
  EXPECT_EQ(w.get("configmaps", "default", "a", "bridge").code(), Code::kForbidden);
  auto events = w.request(wire::Verb::EventsAfter, "configmaps", "", "");
  EXPECT_TRUE(w.call(events, "bridge"));
  Got told = w.remove("configmaps", "default", "a", "scheduler");
  EXPECT_EQ(told.message(),
            "configmaps is forbidden: User \"scheduler\" cannot delete resource \"configmaps\" in "
            "API group \"\" in the namespace \"default\"");
}

TEST(Actors, KubeletsAreHeldToTheirNode) {
  StoreWorld w;
  w.create("configmaps", "default", kMap);
  w.create_pod("mine", "n1");
  w.create_pod("other", "n2");
  const std::string me = "kubelet:n1";
  EXPECT_TRUE(w.create("nodes", "", R"({"metadata":{"name":"n1"}})", me));
  EXPECT_EQ(w.create("nodes", "", R"({"metadata":{"name":"n3"}})", me).code(), Code::kForbidden);
  EXPECT_EQ(w.create("nodes", "", R"({"metadata":{"generateName":"n"}})", me).code(),
            Code::kForbidden);
  EXPECT_TRUE(w.get("pods", "default", "mine", me));
  EXPECT_EQ(w.get("pods", "default", "other", me).code(), Code::kForbidden);
  EXPECT_TRUE(
      w.patch("pods", "default", "mine", R"({"status":{"phase":"Running"}})", "status", me));
  EXPECT_EQ(w.patch("pods", "default", "other", R"({"status":{}})", "status", me).code(),
            Code::kForbidden);
  EXPECT_EQ(w.patch("pods", "default", "mine", R"({"spec":{}})", "", me).code(), Code::kForbidden);
  EXPECT_EQ(w.list("pods", "", "", "", me).code(), Code::kForbidden);
  EXPECT_EQ(w.list("pods", "", "", "spec.nodeName=n1", me).items.size(), 1u);
  EXPECT_EQ(w.get("configmaps", "default", "a", me).code(), Code::kForbidden);
  EXPECT_TRUE(w.get("serviceaccounts", "default", "default", me));
  EXPECT_TRUE(w.create("leases", "kube-node-lease", R"({"metadata":{"name":"n1"}})", me));
  EXPECT_EQ(w.create("leases", "kube-node-lease", R"({"metadata":{"name":"n2"}})", me).code(),
            Code::kForbidden);
  EXPECT_EQ(w.remove("pods", "default", "other", me).code(), Code::kForbidden);
}

TEST(Actors, AKubeletWithoutANodeMayNothing) {
  StoreWorld w;
  ASSERT_TRUE(w.create_pod("p"));
  for (const char* actor : {"kubelet", "kubelet:"}) {
    EXPECT_EQ(w.get("pods", "default", "p", actor).code(), Code::kForbidden) << actor;
    EXPECT_EQ(w.patch("pods", "default", "p", R"({"status":{"phase":"Running"}})", "status", actor)
                  .code(),
              Code::kForbidden)
        << actor;
  }
}

TEST(Actors, SpeakForOthersOnlyIfTheyMay) {
  StoreWorld w;
  auto as = [&](const char* group, const std::string& actor) {
    wire::RequestT r = StoreWorld::request(wire::Verb::List, "configmaps", "default", "");
    r.on_behalf_of = std::make_unique<wire::IdentityT>();
    r.on_behalf_of->user = "jane";
    r.on_behalf_of->groups = {group};
    return w.call(std::move(r), actor);
  };
  EXPECT_TRUE(as("system:masters", "gateway"));
  Got denied = as("dev", "gateway");
  EXPECT_EQ(denied.code(), Code::kForbidden);
  EXPECT_NE(denied.message().find("User \"jane\" cannot list"), std::string::npos);
  EXPECT_EQ(as("system:masters", "scheduler").code(), Code::kForbidden);
  EXPECT_EQ(w.list("configmaps", "default", "", "", "gateway").code(), Code::kForbidden);
}

TEST(Queues, ANoisyActorDelaysOnlyItself) {
  StoreOptions options;
  options.queues.requests = 50;
  options.executor.turn_requests = 10;
  StoreWorld w(1, options);
  w.get("namespaces", "", "default");
  w.client("cli:quiet");
  w.world.faults().latency_most = w.world.faults().latency_least;
  int noisy_done = 0, busy = 0, quiet_after = -1;
  for (int i = 0; i < 500; ++i) {
    w.client("cli:noisy")
        .call(StoreWorld::request(wire::Verb::Get, "namespaces", "", "default"),
              [&](Result<kit::Answer> a) {
                ++noisy_done;
                if (!a.ok() && a.error().code == Code::kTooManyRequests) {
                  ++busy;
                  EXPECT_EQ(a.error().retry_after_seconds, 1);
                }
              });
  }
  w.client("cli:quiet")
      .call(StoreWorld::request(wire::Verb::Get, "namespaces", "", "default"),
            [&](Result<kit::Answer> a) {
              EXPECT_TRUE(a.ok());
              quiet_after = noisy_done - busy;
            });
  ASSERT_TRUE(w.world.run_until([&] { return noisy_done == 500 && quiet_after >= 0; }));
  EXPECT_GT(busy, 0);
  EXPECT_LE(quiet_after, 20);
}

TEST(Queues, ServeActorsInTurn) {
  FairQueues queues(QueueLimits{.requests = 2, .bytes = 1000, .actors = 2});
  auto incoming = [](const char* actor, size_t size = 10) {
    return Incoming{Payload(Buffer(size)), nullptr, actor, ""};
  };
  EXPECT_TRUE(queues.push(incoming("a")));
  EXPECT_TRUE(queues.push(incoming("a")));
  EXPECT_FALSE(queues.push(incoming("a")));
  EXPECT_TRUE(queues.push(incoming("b", 5000)));
  EXPECT_FALSE(queues.push(incoming("b", 5000)));
  EXPECT_FALSE(queues.push(incoming("c")));
  EXPECT_EQ(queues.size(), 3u);
  EXPECT_EQ(queues.take()->actor, "a");
  EXPECT_EQ(queues.take()->actor, "b");
  auto last = queues.take();
  EXPECT_EQ(last->actor, "a");
  queues.put_back(*std::move(last));
  EXPECT_EQ(queues.size(), 1u);
  EXPECT_EQ(queues.take()->actor, "a");
  EXPECT_FALSE(queues.take());
  EXPECT_TRUE(queues.empty());
}

TEST(Journal, FailureAcknowledgesNothing) {
  StoreWorld w;
  w.get("namespaces", "", "default");
  w.log().fail_after(0);
  EXPECT_EQ(w.call(create_request("x")).code(), Code::kUnavailable);
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
  w.crash();
  w.log().heal();
  w.start();
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
  EXPECT_TRUE(w.call(create_request("y")));
}

// The store dies again and again between any two steps, the bus loses and doubles messages: every
// acknowledged write is there, none happened twice, and a follower sees each change once, in order.
void crash_story(uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  StoreWorld w(seed);
  w.get("namespaces", "", "default");
  w.world.faults().drop = 20;
  w.world.faults().duplicate = 20;
  std::vector<std::string> seen;
  kit::Client& follower = w.client("scheduler");
  kit::Feed feed(
      w.host("client of scheduler").ports(), follower, {"", "configmaps", "", "", ""}, Revision(0),
      [&](const kit::EventView& e) {
        if (e->name()->str()[0] == 'm') seen.push_back(e->name()->str());
      },
      [] { ADD_FAILURE() << "the past is gone"; });
  constexpr int kWrites = 60;
  int next = 0, done = 0;
  std::set<std::string> acknowledged;
  std::function<void()> write = [&] {
    if (next == kWrites) return;
    std::string name = "m" + std::to_string(next++);
    wire::RequestT r = StoreWorld::request(wire::Verb::Create, "configmaps", "default", name);
    r.operations[0]->object = StoreWorld::encode("configmaps", {{"metadata", {{"name", name}}}});
    w.client("admin").call(std::move(r), [&, name](Result<kit::Answer> a) {
      ASSERT_TRUE(a.ok()) << a.error().message;
      Status s = kit::status_of(a->outcome());
      EXPECT_TRUE(s.ok()) << name << ": " << s.error().message;
      acknowledged.insert(name);
      ++done;
      write();
    });
  };
  for (int i = 0; i < 4; ++i) write();
  while (done < kWrites) {
    w.world.run_for(std::chrono::microseconds(200 + w.world.random().below(40'000)));
    w.restart();
  }
  w.world.faults().drop = 0;
  for (const std::string& name : acknowledged) {
    EXPECT_TRUE(w.get("configmaps", "default", name)) << name;
  }
  ASSERT_TRUE(w.world.run_until([&] { return seen.size() >= kWrites; }, std::chrono::minutes(5)));
  w.world.run_for(std::chrono::minutes(2));
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
  EXPECT_EQ(seen.size(), static_cast<size_t>(kWrites));
  EXPECT_TRUE(w.store().state().verify());
}

TEST(Crashes, LoseNothingThatWasAcknowledged) {
  for (uint64_t seed = 1; seed <= 8; ++seed) crash_story(seed);
}

// A feed that takes the answer's revision for its position must have got all events up to it.
TEST(EventsAfter, PromisesNoMoreThanItHoldsWhileABatchIsOpen) {
  StoreWorld w;
  Got first = w.create("configmaps", "default", R"({"metadata":{"name":"a"}})");
  auto request = StoreWorld::request(wire::Verb::Create, "configmaps", "default", "b");
  request.operations[0]->object =
      StoreWorld::encode("configmaps", parse(R"({"metadata":{"name":"b"}})"));
  for (auto verb : {wire::Verb::EventsAfter, wire::Verb::Heads}) {
    auto asked = StoreWorld::request(verb, "configmaps", "", "");
    asked.operations[0]->after = first.revision();
    request.operations.push_back(std::move(asked.operations[0]));
  }
  std::optional<Result<kit::Answer>> answer;
  w.client("admin").call(std::move(request),
                         [&](Result<kit::Answer> a) { answer.emplace(std::move(a)); });
  ASSERT_TRUE(w.world.run_until([&] { return answer.has_value(); }));
  ASSERT_TRUE(*answer) << answer->error().message;
  uint64_t made = (*answer)->outcome(0).revision();
  ASSERT_GT(made, first.revision());
  const wire::Outcome& page = (*answer)->outcome(1);
  bool holds = page.events() && page.events()->size() > 0;
  EXPECT_TRUE(holds || page.revision() < made) << "the event of " << made << " is lost";
  const wire::Outcome& heads = (*answer)->outcome(2);
  EXPECT_TRUE(heads.head() == made || heads.revision() < made);
}

}  // namespace
}  // namespace kubus::store::testing
