#include "cli/supervisor/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "cli/cluster/files.h"

namespace kubus::cli {
namespace {

struct SupervisorTest : testing::Test {
  std::string dir;
  pid_t supervisor = 0;

  void SetUp() override {
    char name[] = "/tmp/kubus-supervisor-XXXXXX";
    dir = mkdtemp(name);
  }
  void TearDown() override {
    if (supervisor) stop();
    std::filesystem::remove_all(dir);
  }

  void run(std::vector<ChildSpec> children,
           std::function<std::vector<ChildSpec>()> reload = nullptr) {
    supervisor = fork();
    if (supervisor == 0) {
      if (!take_lock(dir + "/lock")) _exit(2);
      Supervisor s({.log_directory = dir, .status_file = dir + "/status.json", .reload = reload});
      _exit(s.run(children).ok() ? 0 : 1);
    }
  }
  int stop() {
    ::kill(supervisor, SIGTERM);
    int status = 0;
    ::waitpid(supervisor, &status, 0);
    supervisor = 0;
    return WEXITSTATUS(status);
  }
  boost::json::value status() {
    auto text = read_file(dir + "/status.json");
    return text ? boost::json::parse(*text) : boost::json::value();
  }
  // Waits until `true_of` holds of the status of component 0, looking whenever a file changes; the
  // test's own time limit bounds it.
  boost::json::object wait_for(const std::function<bool(const boost::json::object&)>& true_of) {
    return wait_for_all(
               [&](const boost::json::array& all) { return true_of(all.at(0).as_object()); })
        .at(0)
        .as_object();
  }
  boost::json::array wait_for_all(const std::function<bool(const boost::json::array&)>& true_of) {
    int changes = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(changes, dir.c_str(), IN_MOVED_TO | IN_MODIFY);
    for (;;) {
      boost::json::value s = status();
      if (s.is_object()) {
        const auto& all = s.at("components").as_array();
        if (true_of(all)) {
          close(changes);
          return all;
        }
      }
      char events[4096];
      EXPECT_GT(read(changes, events, sizeof events), 0);
    }
  }
};

bool runs(const boost::json::object& c) {
  return c.at("pid").as_int64() != 0;
}

TEST_F(SupervisorTest, AChildThatIsKilledIsStartedAgain) {
  run({{.name = "a", .argv = {"sleep", "1000"}}});
  pid_t first = static_cast<pid_t>(wait_for(runs).at("pid").as_int64());
  ::kill(first, SIGKILL);
  auto again = wait_for([&](auto& c) { return runs(c) && c.at("pid").as_int64() != first; });
  EXPECT_EQ(again.at("restarts").as_int64(), 1);
  EXPECT_EQ(again.at("lastEnd").as_string(), "signal 9");
  EXPECT_EQ(stop(), 0);
}

TEST_F(SupervisorTest, StoppingLeavesNoChild) {
  run({{.name = "a", .argv = {"sleep", "1000"}}});
  pid_t child = static_cast<pid_t>(wait_for(runs).at("pid").as_int64());
  EXPECT_EQ(stop(), 0);
  EXPECT_EQ(::kill(child, 0), -1);
}

TEST_F(SupervisorTest, AChildThatIgnoresSigtermIsKilledAfterItsTime) {
  run({{.name = "a",
        .argv = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"},
        .stop_seconds = 1}});
  wait_for(
      [&](auto&) { return read_file(dir + "/a.log").ok() && !read_file(dir + "/a.log")->empty(); });
  EXPECT_EQ(stop(), 0);
}

TEST_F(SupervisorTest, AProgramThatIsNotThereIsReportedAndTriedAgain) {
  run({{.name = "a", .argv = {"/nonexistent/program"}}});
  auto c = wait_for([](auto& c) { return c.at("restarts").as_int64() >= 2; });
  EXPECT_EQ(c.at("lastEnd").as_string(), "exit code 127");
  EXPECT_NE(read_file(dir + "/a.log")->find("cannot run /nonexistent/program"), std::string::npos);
}

TEST_F(SupervisorTest, AReloadStartsStopsAndTells) {
  ChildSpec told{.name = "told",
                 .argv = {"sh", "-c",
                          "trap 'echo again' HUP; echo ready; while :; do sleep 1000 & wait; done"},
                 .reload_signal = SIGHUP};
  ChildSpec old{.name = "old", .argv = {"sleep", "1000"}},
      fresh{.name = "fresh", .argv = {"sleep", "1000"}};
  run({told, old}, [=] { return std::vector<ChildSpec>{told, fresh}; });
  wait_for_all([&](auto& all) {
    return runs(all.at(1).as_object()) && read_file(dir + "/told.log").ok() &&
           !read_file(dir + "/told.log")->empty();
  });
  pid_t before = static_cast<pid_t>(status().at("components").at(0).at("pid").as_int64());
  pid_t gone = static_cast<pid_t>(status().at("components").at(1).at("pid").as_int64());
  ::kill(supervisor, SIGHUP);
  auto after = wait_for_all([&](auto& all) {
    return all.size() == 2 && all.at(1).at("name") == "fresh" &&
           *read_file(dir + "/told.log") == "ready\nagain\n";
  });
  EXPECT_EQ(after.at(0).at("pid").as_int64(), before);
  EXPECT_EQ(after.at(0).at("restarts").as_int64(), 0);
  EXPECT_EQ(::kill(gone, 0), -1);
  EXPECT_EQ(stop(), 0);
}

TEST_F(SupervisorTest, TheLockNamesItsOwner) {
  EXPECT_EQ(lock_owner(dir + "/lock"), 0);
  run({{.name = "a", .argv = {"sleep", "1000"}}});
  wait_for(runs);
  EXPECT_EQ(lock_owner(dir + "/lock"), supervisor);
  Status second = take_lock(dir + "/lock");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kConflict);
}

}  // namespace
}  // namespace kubus::cli
