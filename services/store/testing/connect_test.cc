// Tickets for byte streams: who gets one, for what, and what the node is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>

#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTwo = R"({"metadata":{"name":"two"},"spec":{"nodeName":"n1","containers":
  [{"name":"a","image":"i"},{"name":"b","image":"i"}],"initContainers":[{"name":"first","image":"i"}]}})";

class Connect : public ::testing::Test {
 protected:
  Connect() {
    w_.create_node("n1");
    w_.patch("nodes", "", "n1",
             R"({"metadata":{"annotations":{"kubus.io/stream-endpoint":"tcp://192.0.2.1:1",
                 "kubus.io/stream-key":"server"}}})");
    w_.create_pod("web", "n1");
    for (const char* node : {"n1", "n2"}) {
      subscriptions_.push_back(w_.host("kubelet").ports().bus.subscribe(
          w_.subjects.node_commands(NodeName(node)),
          [this](bus::Message m) { commands_.push_back(std::move(m)); }));
    }
  }

  static wire::RequestT ask(const std::string& operation, const std::string& pod = "web") {
    wire::RequestT r = StoreWorld::request(wire::Verb::Connect, "pods", "default", pod);
    r.operations[0]->subresource = operation;
    r.operations[0]->connect = std::make_unique<wire::ConnectT>();
    r.operations[0]->connect->out = true;
    r.operations[0]->connect->port = 80;
    if (operation == "exec") r.operations[0]->connect->command = {"ls"};
    return r;
  }

  Got connect(wire::RequestT r, const std::string& actor = "admin") {
    Got got = w_.call(std::move(r), actor);
    w_.world.settle();
    return got;
  }

  StoreWorld w_;
  std::vector<std::unique_ptr<bus::Subscription>> subscriptions_;
  std::vector<bus::Message> commands_;
};

TEST_F(Connect, GivesATicketAndTellsTheNode) {
  Revision before = w_.store().state().committed().revision();
  wire::RequestT r = ask("log");
  r.operations[0]->connect->tail_lines = 5;
  Got got = connect(std::move(r));
  ASSERT_TRUE(got) << got.message();
  ASSERT_TRUE(got.outcome.ticket);
  EXPECT_EQ(got.outcome.ticket->endpoint, "tcp://192.0.2.1:1");
  EXPECT_EQ(got.outcome.ticket->server_key, "server");
  EXPECT_EQ(got.outcome.ticket->client_secret.size(), 40u);
  ASSERT_EQ(commands_.size(), 1u);
  EXPECT_THAT(commands_[0].subject, HasSubstr("node.n1.command.log"));
  const auto* command = flatbuffers::GetRoot<wire::StreamCommand>(commands_[0].payload.data());
  EXPECT_EQ(command->ticket()->str(), got.outcome.ticket->id);
  EXPECT_EQ(command->client_key()->str(), got.outcome.ticket->client_key);
  EXPECT_EQ(command->container()->str(), "c");
  EXPECT_EQ(command->connect()->tail_lines(), 5);
  // The secret stays with the caller, and nothing is written.
  std::string bytes(as_text(commands_[0].payload.view()));
  EXPECT_EQ(bytes.find(got.outcome.ticket->client_secret), std::string::npos);
  EXPECT_EQ(w_.store().state().committed().revision(), before);
}

TEST_F(Connect, TwoTicketsDiffer) {
  Got one = connect(ask("exec")), two = connect(ask("exec"));
  ASSERT_TRUE(one && two) << one.message();
  EXPECT_NE(one.outcome.ticket->id, two.outcome.ticket->id);
  EXPECT_NE(one.outcome.ticket->client_secret, two.outcome.ticket->client_secret);
}

TEST_F(Connect, ADryRunAsksOnlyWhetherItMay) {
  wire::RequestT r = ask("portforward");
  r.dry_run = true;
  r.operations[0]->connect->port = 0;
  Got got = connect(std::move(r));
  EXPECT_TRUE(got) << got.message();
  EXPECT_FALSE(got.outcome.ticket);
  EXPECT_TRUE(commands_.empty());
}

TEST_F(Connect, SaysWhatIsWrong) {
  auto refused = [&](wire::RequestT r, Code code, const char* text) {
    Got got = connect(std::move(r));
    EXPECT_EQ(got.code(), code);
    EXPECT_THAT(got.message(), HasSubstr(text));
  };
  w_.create_pod("unbound");
  w_.create_pod("elsewhere", "n2");
  w_.create("pods", "default", kTwo);
  refused(ask("log", "nope"), Code::kNotFound, "not found");
  refused(ask("log", "unbound"), Code::kBadRequest, "does not have a host assigned");
  refused(ask("log", "elsewhere"), Code::kUnavailable, "n2");
  refused(ask("log", "two"), Code::kBadRequest, "choose one of: [a b] or one of the init");
  wire::RequestT other = ask("exec");
  other.operations[0]->connect->container = "nope";
  refused(std::move(other), Code::kBadRequest, "container nope is not valid for pod web");
  wire::RequestT nothing = ask("exec");
  nothing.operations[0]->connect->command.clear();
  refused(std::move(nothing), Code::kBadRequest, "at least 1 command");
  wire::RequestT silent = ask("attach");
  silent.operations[0]->connect->out = false;
  refused(std::move(silent), Code::kBadRequest, "stdin, stdout");
  wire::RequestT port = ask("portforward");
  port.operations[0]->connect->port = 70000;
  refused(std::move(port), Code::kBadRequest, "between 1 and 65535");
  wire::RequestT tail = ask("log");
  tail.operations[0]->connect->tail_lines = -1;
  refused(std::move(tail), Code::kInvalid, "tailLines");
  wire::RequestT bare = ask("log");
  bare.operations[0]->connect.reset();
  refused(std::move(bare), Code::kBadRequest, "what to connect to");
  EXPECT_TRUE(commands_.empty());
}

TEST_F(Connect, ANodeThatHasNotSaidWhereIsNamed) {
  w_.create_node("n2");
  w_.create_pod("elsewhere", "n2");
  Got got = connect(ask("log", "elsewhere"));
  EXPECT_EQ(got.code(), Code::kUnavailable);
  EXPECT_THAT(got.message(), HasSubstr("has not said where it serves streams"));
}

TEST_F(Connect, OneOfSeveralContainersIsNamed) {
  w_.create("pods", "default", kTwo);
  for (const char* name : {"b", "first"}) {
    wire::RequestT r = ask("log", "two");
    r.operations[0]->connect->container = name;
    EXPECT_TRUE(connect(std::move(r)));
  }
  EXPECT_EQ(commands_.size(), 2u);
}

TEST_F(Connect, OnlyPeopleAndWhoSpeaksForThemMay) {
  for (const char* actor : {"kubelet:n1", "scheduler", "controllers", "gateway"}) {
    for (const char* operation : {"log", "exec"}) {
      Got got = connect(ask(operation), actor);
      EXPECT_EQ(got.code(), Code::kForbidden) << actor << " " << operation;
    }
  }
  wire::RequestT r = ask("exec");
  r.on_behalf_of = std::make_unique<wire::IdentityT>();
  r.on_behalf_of->user = "somebody";
  EXPECT_EQ(connect(std::move(r), "gateway").code(), Code::kForbidden);
  wire::RequestT master = ask("exec");
  master.on_behalf_of = std::make_unique<wire::IdentityT>();
  master.on_behalf_of->user = "ann";
  master.on_behalf_of->groups = {"system:masters"};
  EXPECT_TRUE(connect(std::move(master), "gateway"));
  ASSERT_EQ(commands_.size(), 1u);
  const auto* command = flatbuffers::GetRoot<wire::StreamCommand>(commands_[0].payload.data());
  EXPECT_EQ(command->user()->str(), "ann");
}

TEST_F(Connect, AStreamIsNothingElse) {
  wire::RequestT get = StoreWorld::request(wire::Verb::Get, "pods", "default", "web");
  get.operations[0]->subresource = "log";
  EXPECT_EQ(connect(std::move(get)).code(), Code::kMethodNotAllowed);
  wire::RequestT status = ask("status");
  EXPECT_EQ(connect(std::move(status)).code(), Code::kMethodNotAllowed);
}

}  // namespace
}  // namespace kubus::store::testing
