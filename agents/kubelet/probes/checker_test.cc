#include "agents/kubelet/probes/checker.h"

#include <gtest/gtest.h>

#include "agents/kubelet/fake/fake_network.h"
#include "agents/kubelet/fake/fake_runtime.h"
#include "bus/sim/world.h"

namespace kubus::kubelet {
namespace {

using std::chrono::seconds;

class CheckerTest : public testing::Test {
 protected:
  Verdict run(const Check& check, seconds timeout = seconds(5)) {
    std::optional<Verdict> out;
    checker_.run(check, {"c1", "10.0.0.9"}, timeout, [&](const Verdict& v) {
      EXPECT_FALSE(out) << "told twice";
      out = v;
    });
    EXPECT_FALSE(out) << "told at once";
    world_.run_for(timeout + seconds(5));
    EXPECT_TRUE(out) << "never told";
    return out.value_or(Verdict{});
  }
  static Check http(const std::string& path) {
    Check out;
    out.kind = Check::Kind::kHttp;
    out.port = 80;
    out.path = path;
    return out;
  }
  static Check tcp(int port) {
    Check out;
    out.kind = Check::Kind::kTcp;
    out.port = port;
    return out;
  }

  bus::sim::World world_{1};
  bus::sim::Host& host_ = world_.add_host("kubelet");
  FakeRuntime runtime_{host_.ports().clock};
  FakeNetwork network_{host_.ports().clock};
  Checker checker_{host_.ports(), runtime_, network_};
};

TEST_F(CheckerTest, HttpIsGoodFrom200To399) {
  network_.answer("/", 204);
  EXPECT_TRUE(run(http("/")).good);
  network_.answer("/", 399);
  EXPECT_TRUE(run(http("/")).good);
  network_.answer("/", 400);
  Verdict v = run(http("/"));
  EXPECT_FALSE(v.good);
  EXPECT_EQ(v.message, "HTTP probe failed with statuscode: 400");
  EXPECT_EQ(network_.seen().front(), "GET http://10.0.0.9:80/");
}

TEST_F(CheckerTest, AHookTakesAnyAnswer) {
  network_.answer("/", 500);
  Check check = http("/");
  check.any_status = true;
  EXPECT_TRUE(run(check).good);
  EXPECT_FALSE(run(http("/nobody")).good);
}

TEST_F(CheckerTest, RedirectsAreFollowedOnTheSameHost) {
  network_.answer("/a/b?x", 302, "c?y=1#z");
  network_.answer("/a/c?y=1", 301, "http://10.0.0.9:81/d");
  network_.answer("/d", 200);
  EXPECT_TRUE(run(http("/a/b?x")).good);
  EXPECT_EQ(network_.seen().back(), "GET http://10.0.0.9:81/d");
  network_.answer("/d", 500);
  EXPECT_FALSE(run(http("/a/b?x")).good);
}

TEST_F(CheckerTest, ARedirectElsewhereIsGoodAndACircleIsNot) {
  network_.answer("/out", 302, "https://example.org/");
  EXPECT_TRUE(run(http("/out")).good);
  network_.answer("/round", 302, "/round");
  Verdict v = run(http("/round"));
  EXPECT_FALSE(v.good);
  EXPECT_NE(v.message.find("redirects"), std::string::npos);
  for (const char* nonsense : {"", "ftp://10.0.0.9/", "http://10.0.0.9:notaport/", "http://"}) {
    network_.answer("/odd", 302, nonsense);
    EXPECT_TRUE(run(http("/odd")).good) << nonsense;
  }
}

TEST_F(CheckerTest, WhatHangsIsCut) {
  network_.hang("/");
  Verdict v = run(http("/"), seconds(2));
  EXPECT_FALSE(v.good);
  EXPECT_EQ(v.message, "no answer within 2 s");
  runtime_.hang_exec(true);
  Check exec;
  exec.command = {"true"};
  EXPECT_EQ(run(exec, seconds(1)).message, "no answer within 1 s");
}

TEST_F(CheckerTest, AConnectionIsEnough) {
  network_.answer("81", 200);
  EXPECT_TRUE(run(tcp(81)).good);
  Verdict v = run(tcp(82));
  EXPECT_FALSE(v.good);
  EXPECT_EQ(v.message, "connect: Connection refused");
}

TEST_F(CheckerTest, AnUnknownPortIsNamed) {
  Check check = tcp(0);
  check.port_name = "metrics";
  Verdict v = run(check);
  EXPECT_FALSE(v.good);
  EXPECT_NE(v.message.find("\"metrics\""), std::string::npos);
  EXPECT_TRUE(network_.seen().empty());
}

TEST_F(CheckerTest, ACommandIsGoodIfItEndsWithZero) {
  Check exec;
  exec.command = {"check"};
  runtime_.answer_exec("check", {"", "", 0});
  EXPECT_FALSE(run(exec).good) << "no such container";
  runtime_.add_container("c1");
  EXPECT_TRUE(run(exec).good);
  runtime_.answer_exec("check", {"all is ", "broken", 1});
  EXPECT_EQ(run(exec).message, "all is broken");
  runtime_.answer_exec("check", {"", "", 7});
  EXPECT_NE(run(exec).message.find("exit code 7"), std::string::npos);
}

TEST_F(CheckerTest, NothingIsToldAfterItsEnd) {
  bool told = false;
  {
    Checker brief(host_.ports(), runtime_, network_);
    network_.answer("/", 200);
    brief.run(http("/"), {"c1", "10.0.0.9"}, seconds(1), [&](const Verdict&) { told = true; });
  }
  world_.run_for(seconds(5));
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace kubus::kubelet
