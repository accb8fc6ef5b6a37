#include "tests/e2e/faults/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

namespace kubus::faults {
namespace {

using sim::Operation;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

History sound() {
  History h;
  Operation create{.client = 1, .object = "a", .kind = Operation::Kind::kCreate, .value = "1.1"};
  create.revision = 5, create.begin = 10, create.end = 20;
  create.outcome = Operation::Outcome::kDone;
  Operation read = create;
  read.kind = Operation::Kind::kRead;
  read.begin = 30, read.end = 40;
  Operation lost{.client = 2, .object = "a", .kind = Operation::Kind::kWrite, .value = "2.1"};
  h.operations = {create, read, lost};
  h.followed = {{5, 0, 'A', "a", "1.1"}, {7, 5, 'M', "a", "2.1"}};
  h.replayed = h.followed;
  return h;
}

TEST(History, WhatHoldsIsNotComplainedOf) {
  EXPECT_THAT(judge(sound()), IsEmpty());
  EXPECT_THAT(judge({}), IsEmpty());
}

TEST(History, ALostWriteIsNamed) {
  History h = sound();
  h.followed.erase(h.followed.begin());
  h.replayed.erase(h.replayed.begin());
  EXPECT_THAT(judge(h), ElementsAre(HasSubstr("lost: client 1 creates a")));
  h = sound();
  h.followed[0].value = h.replayed[0].value = "other";
  EXPECT_THAT(judge(h), ElementsAre(HasSubstr("another change")));
}

TEST(History, GapsRepetitionsAndSilenceAreNamed) {
  History h = sound();
  h.followed[1].previous = 6;
  EXPECT_THAT(judge(h), Contains(HasSubstr("names 6 before it")));
  h = sound();
  h.followed.push_back(h.followed.back());
  EXPECT_THAT(judge(h), SizeIs(3));
  h = sound();
  h.followed.pop_back();
  EXPECT_THAT(judge(h), ElementsAre(HasSubstr("was told 1 events, the journal holds 2")));
}

TEST(History, StaleReadsAreNamed) {
  History h = sound();
  h.operations[1].value = "0.9";
  EXPECT_THAT(judge(h), ElementsAre(HasSubstr("no order explains")));
}

TEST(History, AFileHoldsIt) {
  std::string path = std::filesystem::temp_directory_path() / "kubus-history-XXXXXX";
  int fd = mkstemp(path.data());
  ASSERT_GE(fd, 0);
  ASSERT_TRUE(write_history(sound(), path));
  auto again = read_history(path);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->operations.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(again->operations[i].str(), sound().operations[i].str());
  EXPECT_EQ(again->followed, sound().followed);
  EXPECT_EQ(again->replayed, sound().replayed);
  std::filesystem::resize_file(path, 30);
  EXPECT_FALSE(read_history(path));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace kubus::faults
