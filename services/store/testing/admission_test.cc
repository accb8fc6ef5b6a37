// Writes that somebody outside is asked about before they are done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "schemas/bus/admission_generated.h"
#include "schemas/lib/codec/codec.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

struct Admission : ::testing::Test {
  // A subscriber object, and somebody who answers for it.
  void subscribe(const std::string& name, const std::string& rule, const std::string& more = "") {
    Got got = w.create(
        "admissionsubscribers", "",
        R"({"metadata":{"name":")" + name + R"("},"spec":{"rules":[)" + rule + "]" + more + "}}");
    ASSERT_TRUE(got) << got.message();
  }
  void serve(const std::string& name) {
    bus::Ports ports = w.host("outside").ports();
    heard.push_back(ports.bus.subscribe(
        bus::Pattern::given(w.subjects.admission(name).str()), [this, ports](bus::Message m) {
          const auto* q = flatbuffers::GetRoot<wire::AdmissionRequest>(m.payload.data());
          wire::AdmissionRequestT asked;
          q->UnPackTo(&asked);
          questions.push_back(asked);
          if (silent) return;
          wire::AdmissionResponseT a = answer(asked);
          a.id = asked.id;
          timers.push_back(ports.clock.after(think, [ports, m, a] {
            flatbuffers::FlatBufferBuilder b;
            b.Finish(wire::CreateAdmissionResponse(b, &a));
            ports.bus.publish(bus::Subject::received(m.reply), {b.GetBufferPointer(), b.GetSize()});
          }));
        }));
    w.world.settle();
  }
  Got map(const std::string& name, const std::string& value = "v") {
    return w.create("configmaps", "default",
                    R"({"metadata":{"name":")" + name + R"("},"data":{"k":")" + value + "\"}}");
  }
  static wire::AdmissionResponseT allow(const std::string& patch = "") {
    wire::AdmissionResponseT a;
    a.allowed = true;
    a.patch.assign(patch.begin(), patch.end());
    return a;
  }
  static wire::AdmissionResponseT deny(const std::string& why) {
    wire::AdmissionResponseT a;
    a.message = why;
    return a;
  }

  StoreWorld w;
  std::function<wire::AdmissionResponseT(const wire::AdmissionRequestT&)> answer = [](const auto&) {
    return allow();
  };
  bool silent = false;
  bus::Duration think = milliseconds(50);
  std::vector<wire::AdmissionRequestT> questions;
  std::vector<std::unique_ptr<bus::Subscription>> heard;
  std::vector<std::unique_ptr<bus::Timer>> timers;
};

const char* const kMaps = R"({"groups":[""],"resources":["configmaps"],"operations":["*"]})";

TEST_F(Admission, IsAskedWithTheObjectAsItWouldStand) {
  subscribe("policy", kMaps);
  serve("policy");
  Got made = map("a");
  ASSERT_TRUE(made) << made.message();
  ASSERT_EQ(questions.size(), 1u);
  const wire::AdmissionRequestT& q = questions[0];
  EXPECT_EQ(q.subscriber, "policy");
  EXPECT_EQ(q.operation, "CREATE");
  EXPECT_EQ(q.resource, "configmaps");
  EXPECT_EQ(q.namespace_, "default");
  EXPECT_EQ(q.name, "a");
  EXPECT_EQ(q.actor, "admin");
  EXPECT_TRUE(q.old_object.empty());
  auto seen = Object::from(kind("configmaps"), Payload(q.object));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->name(), "a");
  ASSERT_TRUE(w.patch("configmaps", "default", "a", R"({"data":{"k":"w"}})"));
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(questions[1].operation, "UPDATE");
  EXPECT_FALSE(questions[1].old_object.empty());
  ASSERT_TRUE(w.remove("configmaps", "default", "a"));
  ASSERT_EQ(questions.size(), 3u);
  EXPECT_EQ(questions[2].operation, "DELETE");
  EXPECT_TRUE(questions[2].object.empty());
}

TEST_F(Admission, ADenialIsTheUsersAnswerAndLeavesNothing) {
  subscribe("policy", kMaps);
  answer = [](const auto&) { return deny("not on a Friday"); };
  serve("policy");
  Revision before = w.store().state().committed().revision();
  Got got = map("a");
  EXPECT_EQ(got.code(), Code::kForbidden);
  EXPECT_EQ(got.message(), "admission subscriber \"policy\" denied the request: not on a Friday");
  EXPECT_EQ(w.get("configmaps", "default", "a").code(), Code::kNotFound);
  EXPECT_EQ(w.store().state().committed().revision(), before);
}

TEST_F(Admission, APatchChangesWhatIsWritten) {
  subscribe("a", kMaps);
  subscribe("b", kMaps);
  answer = [](const wire::AdmissionRequestT& q) {
    return q.subscriber == "a"
               ? allow(R"([{"op":"add","path":"/metadata/labels","value":{"by":"a"}}])")
               : allow(R"([{"op":"add","path":"/metadata/labels/also","value":"b"}])");
  };
  serve("a");
  serve("b");
  Got got = map("x");
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(json::serialize(got.at("metadata.labels")), R"({"also":"b","by":"a"})");
  answer = [](const wire::AdmissionRequestT& q) {
    return q.subscriber == "a" ? allow(R"([{"op":"replace","path":"/metadata/name","value":"y"}])")
                               : allow();
  };
  got = w.patch("configmaps", "default", "x", R"({"data":{"k":"2"}})");
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.text("metadata.name"), "x");  // names stay
  answer = [](const auto&) { return allow(R"([{"op":"add","path":"/nothing/there","value":1}])"); };
  got = map("z");
  EXPECT_EQ(got.code(), Code::kInternal);
  EXPECT_THAT(got.message(), HasSubstr("subscriber \"a\" answered with a bad patch"));
}

TEST_F(Admission, APatchedServiceKeepsItsAddress) {
  subscribe("policy", R"({"groups":[""],"resources":["services"],"operations":["CREATE"]})");
  answer = [](const auto&) {
    return allow(R"([{"op":"add","path":"/metadata/labels","value":{"seen":"yes"}}])");
  };
  serve("policy");
  Got got = w.create("services", "default",
                     R"({"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}})");
  ASSERT_TRUE(got) << got.message();
  EXPECT_EQ(got.text("metadata.labels.seen"), "yes");
  EXPECT_NE(got.text("spec.clusterIP"), "");
}

TEST_F(Admission, SilenceFailsOrIsIgnored) {
  subscribe("strict", kMaps, R"(,"timeoutSeconds":2)");
  silent = true;
  Got got = map("a");
  EXPECT_EQ(got.code(), Code::kInternal);
  EXPECT_EQ(got.message(), "admission subscriber \"strict\" did not answer within 2 s");
  ASSERT_TRUE(w.remove("admissionsubscribers", "", "strict"));  // nobody is asked about that
  subscribe("lax", kMaps, R"(,"timeoutSeconds":2,"failurePolicy":"Ignore")");
  got = map("a");
  EXPECT_TRUE(got) << got.message();
}

TEST_F(Admission, OthersWriteMeanwhile) {
  subscribe("policy", R"({"groups":[""],"resources":["secrets"],"operations":["*"]})");
  think = seconds(2);
  serve("policy");
  bool done = false;
  w.client("admin").call(
      [&] {
        auto r = w.request(wire::Verb::Create, "secrets", "default", "");
        r.operations[0]->object =
            w.encode("secrets", parse(R"({"metadata":{"name":"s"},"data":{"k":"aHVzaA=="}})"));
        return r;
      }(),
      [&](const Result<kit::Answer>& a) { done = a.ok(); });
  w.world.run_for(milliseconds(500));
  EXPECT_TRUE(map("a", "not asked about"));
  EXPECT_FALSE(done);
  w.world.run_for(seconds(3));
  EXPECT_TRUE(done);
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_TRUE(questions[0].confidential);
  auto secret = codec::to_value(kind("secrets"), questions[0].object);
  EXPECT_FALSE(secret.as_object().contains("data"));
}

TEST_F(Admission, AnObjectThatMovesIsAskedAboutAgain) {
  ASSERT_TRUE(map("a"));
  subscribe("policy", kMaps);
  think = seconds(1);
  serve("policy");
  int done = 0;
  auto patch = [&](const std::string& actor, const std::string& text) {
    auto r = w.request(wire::Verb::Patch, "configmaps", "default", "a");
    r.operations[0]->patch_type = wire::PatchType::Merge;
    r.operations[0]->patch.assign(text.begin(), text.end());
    w.client(actor).call(std::move(r), [&](const Result<kit::Answer>& a) {
      done += a.ok() && kit::status_of(a->outcome());
    });
  };
  patch("admin", R"({"data":{"x":"1"}})");
  patch("controllers", R"({"data":{"y":"1"}})");
  w.world.run_for(seconds(9));
  EXPECT_EQ(done, 2);
  EXPECT_EQ(questions.size(), 3u);  // the slower one twice
  Got got = w.get("configmaps", "default", "a");
  EXPECT_EQ(got.text("data.x") + got.text("data.y"), "11");
}

TEST_F(Admission, ARepeatedRequestIsAskedOnce) {
  subscribe("policy", kMaps);
  think = seconds(4);  // the client repeats meanwhile
  serve("policy");
  Got got = map("a");
  EXPECT_TRUE(got) << got.message();
  EXPECT_EQ(questions.size(), 1u);
}

TEST_F(Admission, RulesSayWho) {
  subscribe("policy", R"({"groups":["*"],"resources":["*"],"operations":["CREATE"],)"
                      R"("namespaces":["other"]})");
  serve("policy");
  ASSERT_TRUE(map("a"));
  EXPECT_TRUE(questions.empty());
  ASSERT_TRUE(w.create("namespaces", "", R"({"metadata":{"name":"other"}})"));
  questions.clear();
  ASSERT_TRUE(w.create("configmaps", "other", R"({"metadata":{"name":"a"}})"));
  ASSERT_EQ(questions.size(), 1u);
  ASSERT_TRUE(w.patch("configmaps", "other", "a", R"({"data":{"k":"w"}})"));
  ASSERT_TRUE(w.create("leases", "other", R"({"metadata":{"name":"a"}})"));
  EXPECT_EQ(questions.size(), 1u);
}

TEST_F(Admission, ForeignAndBrokenAnswersCountForNothing) {
  subscribe("policy", kMaps, R"(,"timeoutSeconds":2)");
  bus::Ports ports = w.host("outside").ports();
  auto liar = ports.bus.subscribe(
      bus::Pattern::given(w.subjects.admission("policy").str()), [ports](bus::Message m) {
        ports.bus.publish(bus::Subject::received(m.reply), as_bytes("garbage of some length"));
        wire::AdmissionResponseT a = allow();
        a.id = "another";
        flatbuffers::FlatBufferBuilder b;
        b.Finish(wire::CreateAdmissionResponse(b, &a));
        ports.bus.publish(bus::Subject::received(m.reply), {b.GetBufferPointer(), b.GetSize()});
      });
  w.world.settle();
  EXPECT_EQ(map("a").code(), Code::kInternal);
}

}  // namespace
}  // namespace kubus::store::testing
