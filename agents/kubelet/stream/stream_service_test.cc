// What a node serves when the store tells it to, on a runtime in memory.
#include "agents/kubelet/stream/stream_service.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "agents/kubelet/fake/fake_runtime.h"
#include "bus/sim/world.h"
#include "bus/stream/pair.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::kubelet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using stream::Channel;

// Lets in whom a test wants.
struct FakeHost final : stream::StreamHost {
  Status expect(const stream::Admission& a, bus::Duration, Accept accept) override {
    accepts[a.ticket] = std::move(accept);
    return {};
  }
  const std::string& endpoint() const override { return text; }
  const std::string& public_key() const override { return text; }
  std::map<std::string, Accept> accepts;
  std::string text;
};

class StreamServiceTest : public testing::Test {
 protected:
  StreamServiceTest() {
    std::string pattern = testing::TempDir() + "streams-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    identity_ = {.cluster = "c", .node = "n1", .address = "192.0.2.1", .state_dir = dir_};
    view_.desired.containers = {{.name = "web"}};
    view_.memory = &memory_;
    view_.known = true;
    run(0, ContainerState::kRunning);
    service_ = std::make_unique<StreamService>(
        host_.ports(), runtime_, door_, subjects_, identity_,
        [this](const std::string& uid) -> std::optional<PodWorkers::View> {
          if (uid != "u") return std::nullopt;
          return view_;
        });
    store_.ports();
    world_.settle();
  }
  ~StreamServiceTest() override {
    service_.reset();
    std::filesystem::remove_all(dir_);
  }

  // A run of the container, newest first.
  void run(uint32_t attempt, ContainerState state) {
    ContainerStatus c;
    c.id = "id" + std::to_string(attempt);
    c.name = "web";
    c.attempt = attempt;
    c.state = state;
    view_.observed.containers.insert(view_.observed.containers.begin(), c);
  }

  void log(uint32_t attempt, const std::string& text) {
    std::string path = identity_.log_dir("u") + "/web";
    std::filesystem::create_directories(path);
    std::ofstream out(path + "/" + std::to_string(attempt) + ".log", std::ios::app);
    out << "2026-11-23T10:00:00Z stdout F " << text << "\n";
  }

  void command(const std::string& operation, wire::ConnectT connect, const std::string& uid = "u") {
    wire::StreamCommandT c;
    c.ticket = "t";
    c.client_key = "k";
    c.operation = operation;
    c.name = "a";
    c.uid = uid;
    c.container = "web";
    c.expires_ms = host_.ports().clock.wall_ns() / 1'000'000 + 10'000;
    c.connect = std::make_unique<wire::ConnectT>(std::move(connect));
    flatbuffers::FlatBufferBuilder b;
    b.Finish(wire::StreamCommand::Pack(b, &c));
    store_.ports().bus.publish(subjects_.node_command(NodeName("n1"), operation),
                               {b.GetBufferPointer(), b.GetSize()});
    world_.settle(milliseconds(50));
  }

  // The ticket's holder connects.
  void connect() {
    auto [client, server] = stream::make_pair(host_.ports().clock);
    stream::Stream::Handlers h;
    h.opened = [this] { opened_ = true; };
    h.data = [this](Channel c, std::string_view b) {
      (c == Channel::kErr ? err_ : out_).append(b);
      client_->consumed(b.size());
    };
    h.ended = [this](const stream::End& e) { end_ = e; };
    client->listen(std::move(h));
    client_ = std::move(client);
    door_.accepts.at("t")(std::move(server));
    world_.run_for(milliseconds(300));
  }

  bus::sim::World world_{3};
  bus::sim::Host& store_ = world_.add_host("store");
  bus::sim::Host& host_ = world_.add_host("kubelet");
  bus::Subjects subjects_{ClusterName("c")};
  FakeRuntime runtime_{host_.ports().clock};
  FakeHost door_;
  std::string dir_;
  Identity identity_;
  PodMemory memory_;
  PodWorkers::View view_;
  std::unique_ptr<StreamService> service_;
  std::unique_ptr<stream::Stream> client_;
  std::string out_, err_;
  std::optional<stream::End> end_;
  bool opened_ = false;
};

TEST_F(StreamServiceTest, ALogIsShownAndFollowedToTheEnd) {
  log(0, "one");
  wire::ConnectT c;
  c.follow = true;
  command("log", std::move(c));
  connect();
  EXPECT_TRUE(opened_);
  EXPECT_EQ(out_, "one\n");
  log(0, "two");
  world_.run_for(seconds(1));
  EXPECT_EQ(out_, "one\ntwo\n");
  EXPECT_FALSE(end_.has_value());
  log(0, "last words");
  view_.observed.containers[0].state = ContainerState::kExited;
  world_.run_for(seconds(1));
  EXPECT_EQ(out_, "one\ntwo\nlast words\n");
  ASSERT_TRUE(end_.has_value());
  EXPECT_TRUE(end_->status.ok());
  EXPECT_EQ(service_->serving(), 0u);
}

TEST_F(StreamServiceTest, ThePreviousRunIsTheOneBefore) {
  log(0, "first run");
  log(1, "second run");
  wire::ConnectT previous;
  previous.previous = true;
  view_.observed.containers[0].state = ContainerState::kExited;
  // It waits to be started again: what ended last is the previous run.
  command("log", wire::ConnectT(previous));
  connect();
  EXPECT_EQ(out_, "first run\n");
  out_.clear();
  run(1, ContainerState::kRunning);
  command("log", wire::ConnectT(previous));
  connect();
  EXPECT_EQ(out_, "first run\n");
}

TEST_F(StreamServiceTest, WithoutAPreviousRunItSaysSo) {
  wire::ConnectT previous;
  previous.previous = true;
  command("log", std::move(previous));
  connect();
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->status.error().code, Code::kBadRequest);
  EXPECT_FALSE(opened_);
}

TEST_F(StreamServiceTest, WhatHasNotStartedSaysWhy) {
  view_.observed.containers.clear();
  memory_.containers["web"].reason = "ImagePullBackOff";
  command("log", {});
  connect();
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->status.error().message,
            "container \"web\" in pod \"a\" is waiting to start: ImagePullBackOff");
}

TEST_F(StreamServiceTest, APodOfAnotherNodeIsNotServed) {
  command("log", {}, "somebody else's");
  connect();
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->status.error().code, Code::kNotFound);
}

TEST_F(StreamServiceTest, AProcessIsJoinedWithItsClient) {
  wire::ConnectT c;
  c.command = {"sh", "-c", "x"};
  c.in = c.out = c.err = true;
  command("exec", std::move(c));
  connect();
  ASSERT_EQ(runtime_.streams().size(), 1u);
  EXPECT_EQ(runtime_.streams()[0].what, "exec id0 sh -c x");
  EXPECT_TRUE(opened_);
  std::string in;
  bool closed = false;
  stream::Stream& process = *runtime_.streams()[0].end;
  stream::Stream::Handlers h;
  h.data = [&](Channel, std::string_view b) { in.append(b); };
  h.closed = [&](Channel) { closed = true; };
  process.listen(std::move(h));
  client_->write(Channel::kIn, "typed");
  client_->close(Channel::kIn);
  process.write(Channel::kOut, "said");
  process.write(Channel::kErr, "sighed");
  world_.run_for(milliseconds(100));
  EXPECT_EQ(in, "typed");
  EXPECT_TRUE(closed);
  EXPECT_EQ(out_, "said");
  EXPECT_EQ(err_, "sighed");
  process.end({{}, 4});
  world_.run_for(milliseconds(100));
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->exit_code, 4);
  EXPECT_EQ(service_->serving(), 0u);
}

TEST_F(StreamServiceTest, AClientThatLeavesEndsTheProcesssStream) {
  wire::ConnectT c;
  c.command = {"cat"};
  command("exec", std::move(c));
  connect();
  bool ended = false;
  stream::Stream::Handlers h;
  h.ended = [&](const stream::End&) { ended = true; };
  runtime_.streams().at(0).end->listen(std::move(h));
  client_.reset();
  world_.run_for(seconds(1));
  EXPECT_TRUE(ended);
  EXPECT_EQ(service_->serving(), 0u);
}

TEST_F(StreamServiceTest, NothingRunsInAContainerThatDoesNot) {
  view_.observed.containers[0].state = ContainerState::kExited;
  command("exec", {});
  connect();
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->status.error().code, Code::kBadRequest);
  EXPECT_TRUE(runtime_.streams().empty());
}

TEST_F(StreamServiceTest, MalformedCommandsAreIgnored) {
  std::string garbage = "not a FlatBuffer at all";
  store_.ports().bus.publish(subjects_.node_command(NodeName("n1"), "log"), as_bytes(garbage));
  world_.settle(milliseconds(50));
  EXPECT_TRUE(door_.accepts.empty());
}

}  // namespace
}  // namespace kubus::kubelet
