#include "agents/kubelet/offline/last_known.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "agents/kubelet/testing.h"
#include "bus/sim/world.h"

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

Object config(const std::string& name, const std::string& value) {
  return object_of("configmaps", R"({"metadata":{"name":")" + name +
                                     R"(","namespace":"d"},"data":{"x":")" + value + R"("}})");
}

class LastKnownTest : public testing::Test {
 protected:
  LastKnownTest() {
    std::string pattern = testing::TempDir() + "known-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    start();
  }
  ~LastKnownTest() override {
    known_.reset();
    fs::remove_all(root_);
  }
  void start() {
    known_.reset();
    known_ = std::make_unique<LastKnown>(host_.ports(), dir());
  }
  std::string dir() const { return root_ + "/known"; }
  std::string file(const std::string& name) const { return dir() + "/configmaps/d/" + name; }

  bus::sim::World world_{1};
  bus::sim::Host& host_ = world_.add_host("kubelet");
  std::string root_;
  std::unique_ptr<LastKnown> known_;
};

TEST_F(LastKnownTest, KeepsTheLastVersion) {
  Object one = config("a", "1"), two = config("a", "2");
  known_->keep(one);
  known_->keep(two);
  EXPECT_EQ(known_->find(one.key()).payload().view().size(), two.bytes().size());
  world_.run_for(seconds(1));
  start();
  Object found = known_->find(one.key());
  ASSERT_TRUE(found);
  EXPECT_EQ(std::vector<uint8_t>(found.bytes().begin(), found.bytes().end()),
            std::vector<uint8_t>(two.bytes().begin(), two.bytes().end()));
  EXPECT_EQ(known_->all(one.kind()).size(), 1u);
}

TEST_F(LastKnownTest, OnlyTheOwnerMayRead) {
  known_->keep(config("a", "1"));
  world_.run_for(seconds(1));
  struct stat s {};
  ASSERT_EQ(::stat(file("a").c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(dir().c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0700u);
}

TEST_F(LastKnownTest, ForgetsWhatIsDropped) {
  Object a = config("a", "1"), b = config("b", "1");
  known_->keep(a);
  known_->keep(b);
  world_.run_for(seconds(1));
  known_->drop(a.key());
  EXPECT_FALSE(known_->find(a.key()));
  world_.run_for(seconds(1));
  EXPECT_FALSE(fs::exists(file("a")));
  known_->keep_only(b.kind(), {});
  start();
  EXPECT_TRUE(known_->all(b.kind()).empty());
}

TEST_F(LastKnownTest, WhatIsTornIsNotThere) {
  Object a = config("a", "1");
  for (const char* damage : {"cut", "empty", "flipped", "other"}) {
    known_->keep(a);
    world_.run_for(seconds(1));
    auto size = fs::file_size(file("a"));
    if (damage == std::string("cut")) fs::resize_file(file("a"), size - 1);
    if (damage == std::string("empty")) fs::resize_file(file("a"), 0);
    if (damage == std::string("flipped")) {
      std::fstream f(file("a"), std::ios::in | std::ios::out | std::ios::binary);
      f.seekp(static_cast<std::streamoff>(size / 2));
      f.put('\x7f');
    }
    if (damage == std::string("other")) std::ofstream(file("a")) << std::string(size, 'x');
    EXPECT_FALSE(known_->find(a.key())) << damage;
    EXPECT_TRUE(known_->all(a.kind()).empty()) << damage;
  }
}

TEST_F(LastKnownTest, ADiskThatCannotBeWrittenIsTold) {
  fs::remove_all(dir());
  std::ofstream(dir()) << "in the way";
  known_->keep(config("a", "1"));
  world_.run_for(seconds(1));
  EXPECT_EQ(host_.complaints().size(), 1u);
}

}  // namespace
}  // namespace kubus::kubelet
