#include "tests/sim/checkers/linearizable.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

namespace kubus::sim {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

// A history by hand: times count up by themselves unless given.
class History {
 public:
  Operation& add(Kind kind, const std::string& value, Outcome outcome, uint64_t revision = 0) {
    ops_.push_back({client_++, "r", kind, value, 0, revision, time_, time_ + 5, outcome});
    time_ += 10;
    return ops_.back();
  }
  Operation& create(const std::string& v, uint64_t at) {
    return add(Kind::kCreate, v, Outcome::kDone, at);
  }
  Operation& write(const std::string& v, uint64_t at) {
    return add(Kind::kWrite, v, Outcome::kDone, at);
  }
  Operation& swap(const std::string& v, uint64_t expected, uint64_t at) {
    Operation& op = add(Kind::kCompareAndSet, v, at ? Outcome::kDone : Outcome::kConflict, at);
    op.expected = expected;
    return op;
  }
  Operation& read(const std::string& v, uint64_t at) {
    return add(Kind::kRead, v, Outcome::kDone, at);
  }
  Operation& remove() { return add(Kind::kDelete, "", Outcome::kDone); }
  Operation& missing() { return add(Kind::kRead, "", Outcome::kAbsent); }
  Operation& lost(Kind kind, const std::string& v) { return add(kind, v, Outcome::kUnknown); }

  Verdict check() const { return check_linearizable(ops_); }

 private:
  std::vector<Operation> ops_;
  int client_ = 0;
  int64_t time_ = 0;
};

TEST(Linearizable, NothingAndOneAfterAnother) {
  History h;
  EXPECT_TRUE(h.check().ok());
  h.missing();
  h.create("a", 1);
  h.read("a", 1);
  h.swap("b", 1, 2);
  h.swap("c", 1, 0);
  h.add(Kind::kCreate, "d", Outcome::kExists);
  h.write("e", 5);
  h.read("e", 5);
  h.remove();
  h.missing();
  h.add(Kind::kWrite, "f", Outcome::kAbsent);
  h.add(Kind::kDelete, "", Outcome::kAbsent);
  h.create("g", 9);
  EXPECT_TRUE(h.check().ok()) << h.check().str();
}

TEST(Linearizable, AStaleReadIsFoundAndMadeSmall) {
  History h;
  h.create("a", 1);
  for (uint64_t i = 2; i < 20; ++i)
    h.write("w" + std::to_string(i), i), h.read("w" + std::to_string(i), i);
  h.write("b", 20);
  h.read("b", 20);
  h.read("w19", 19);
  h.read("b", 20);
  Verdict v = h.check();
  ASSERT_EQ(v.kind, Verdict::Kind::kNot);
  EXPECT_EQ(v.object, "r");
  ASSERT_EQ(v.part.size(), 2u) << v.str();
  EXPECT_EQ(v.part[1].value, "w19");
  EXPECT_NE(v.str().find("reads r: \"w19\" at 19"), std::string::npos) << v.str();
}

TEST(Linearizable, AnAcknowledgedWriteThatIsGoneIsFound) {
  History h;
  h.create("a", 1);
  h.write("b", 2);
  h.missing();
  EXPECT_EQ(h.check().kind, Verdict::Kind::kNot);
}

TEST(Linearizable, WhatOverlapsMayTakeEitherOrder) {
  for (bool first : {true, false}) {
    History h;
    h.create("a", 1);
    Operation w = h.write("b", 2);
    Operation& r = first ? h.read("a", 1) : h.read("b", 2);
    r.begin = w.begin;
    r.end = w.end;
    EXPECT_TRUE(h.check().ok());
    h.read("a", 1);
    EXPECT_FALSE(h.check().ok());
  }
}

TEST(Linearizable, TwoReadersMustSeeOneOrder) {
  // While the write runs, one reader has seen it and a later one has not.
  History bad;
  bad.create("a", 1);
  Operation& longer = bad.write("b", 2);
  longer.end += 1000;
  bad.read("b", 2);
  bad.read("a", 1);
  EXPECT_FALSE(bad.check().ok());
  History good;
  good.create("a", 1);
  good.write("b", 2).end += 1000;
  good.read("a", 1);
  good.read("b", 2);
  EXPECT_TRUE(good.check().ok());
}

TEST(Linearizable, AWriteWithoutAnswerMayHappenAtAnyTimeOrNever) {
  History h;
  h.create("a", 1);
  h.lost(Kind::kWrite, "b");
  h.read("a", 1);
  EXPECT_TRUE(h.check().ok());
  h.read("b", 4);
  EXPECT_TRUE(h.check().ok());
  h.read("b", 4);
  EXPECT_TRUE(h.check().ok());
  // Once it has happened it does not happen again, nor undo itself.
  History back = h;
  back.read("a", 1);
  EXPECT_FALSE(back.check().ok());
  History twice = h;
  twice.write("c", 5);
  twice.read("b", 6);
  EXPECT_FALSE(twice.check().ok());
}

TEST(Linearizable, WhatDidNotHappenIsNotSeen) {
  History h;
  h.create("a", 1);
  h.swap("b", 7, 0);
  h.read("b", 2);
  EXPECT_FALSE(h.check().ok());
}

TEST(Linearizable, ACreateThatSaysExistsDidNotCreate) {
  History h;
  h.add(Kind::kCreate, "a", Outcome::kExists);
  EXPECT_FALSE(h.check().ok());
  History seen;
  seen.lost(Kind::kCreate, "a");
  seen.add(Kind::kCreate, "b", Outcome::kExists);
  EXPECT_TRUE(seen.check().ok());
  seen.read("b", 3);
  EXPECT_FALSE(seen.check().ok());
}

TEST(Linearizable, RevisionsRiseEvenThroughDeletion) {
  History h;
  h.create("a", 5);
  h.remove();
  h.create("b", 6);
  EXPECT_TRUE(h.check().ok());
  History back;
  back.create("a", 5);
  back.remove();
  back.create("b", 4);
  EXPECT_FALSE(back.check().ok());
  History stuck;
  stuck.create("a", 5);
  stuck.write("b", 5);
  EXPECT_FALSE(stuck.check().ok());
}

TEST(Linearizable, TwoCompareAndSetsOfOneRevisionCannotBothBeDone) {
  History h;
  h.create("a", 1);
  Operation one = h.swap("b", 1, 2);
  Operation& two = h.swap("c", 1, 3);
  two.begin = one.begin;
  Verdict v = h.check();
  ASSERT_FALSE(v.ok());
  EXPECT_EQ(v.part.size(), 2u) << v.str();
}

TEST(Linearizable, AConflictNeedsAnotherRevision) {
  History h;
  h.create("a", 1);
  h.swap("b", 1, 0);
  EXPECT_FALSE(h.check().ok());
  History hidden;
  hidden.create("a", 1);
  hidden.lost(Kind::kWrite, "b");
  hidden.swap("c", 1, 0);
  EXPECT_TRUE(hidden.check().ok());
  hidden.read("a", 1);
  EXPECT_FALSE(hidden.check().ok());
}

TEST(Linearizable, AWriteOfWhatIsThereMovesNothing) {
  History h;
  h.create("a", 1);
  h.write("a", 1);
  h.read("a", 1);
  EXPECT_TRUE(h.check().ok());
}

TEST(Linearizable, DeletesWithARevision) {
  History h;
  h.create("a", 1);
  h.add(Kind::kDelete, "", Outcome::kConflict).expected = 9;
  h.add(Kind::kDelete, "", Outcome::kDone).expected = 1;
  h.missing();
  EXPECT_TRUE(h.check().ok());
  History wrong;
  wrong.create("a", 1);
  wrong.add(Kind::kDelete, "", Outcome::kDone).expected = 2;
  EXPECT_FALSE(wrong.check().ok());
}

// A register that is one, with clients that overlap and answers that get lost.
std::vector<Operation> simulated(uint32_t seed, size_t count) {
  std::mt19937 random(seed);
  std::optional<std::pair<std::string, uint64_t>> now;
  uint64_t revision = 0;
  std::vector<Operation> out;
  for (size_t i = 0; i < count; ++i) {
    auto at = static_cast<int64_t>(i * 10);
    Operation op{.client = static_cast<int>(random() % 5), .object = "r"};
    op.kind = static_cast<Kind>(random() % 5);
    op.begin = at - static_cast<int64_t>(random() % 40);
    op.end = at + static_cast<int64_t>(random() % 40);
    op.outcome = Outcome::kDone;
    bool writes = op.kind == Kind::kWrite || op.kind == Kind::kCompareAndSet;
    if (op.kind != Kind::kRead && op.kind != Kind::kDelete) op.value = std::to_string(i);
    if (op.kind == Kind::kCompareAndSet) op.expected = revision > 1 ? revision - random() % 2 : 1;
    if (op.kind == Kind::kCreate ? bool(now) : !now) {
      op.outcome = now ? Outcome::kExists : Outcome::kAbsent;
    } else if (op.kind == Kind::kRead) {
      std::tie(op.value, op.revision) = *now;
    } else if (op.kind == Kind::kDelete) {
      now.reset();
      ++revision;
    } else if (op.kind == Kind::kCompareAndSet && op.expected != now->second) {
      op.outcome = Outcome::kConflict;
    } else if (writes || op.kind == Kind::kCreate) {
      now = {op.value, op.revision = ++revision};
    }
    if (random() % 20 == 0) op.outcome = Outcome::kUnknown, op.revision = 0;
    out.push_back(op);
  }
  return out;
}

TEST(Linearizable, LongHistoriesOfATrueRegisterAre) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Verdict v = check_linearizable(simulated(seed, 200));
    EXPECT_TRUE(v.ok()) << "seed " << seed << ": " << v.str();
  }
}

// A read that is moved far into the future must be found, and little of the rest told.
TEST(Linearizable, OneOldReadInALongHistoryIsFound) {
  int tried = 0;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    auto ops = simulated(seed, 200);
    auto old = std::find_if(ops.begin(), ops.end(), [](const Operation& op) {
      return op.kind == Kind::kRead && op.outcome == Outcome::kDone;
    });
    if (old == ops.end()) continue;
    ++tried;
    old->begin = 1100, old->end = 1105;
    Verdict v = check_linearizable(ops);
    ASSERT_EQ(v.kind, Verdict::Kind::kNot) << "seed " << seed;
    EXPECT_LT(v.part.size(), 60u) << "seed " << seed;
  }
  EXPECT_GT(tried, 10);
}

TEST(Linearizable, EachObjectIsJudgedOnItsOwn) {
  Operation a{.object = "a", .kind = Kind::kCreate, .value = "x", .revision = 1, .end = 5};
  a.outcome = Outcome::kDone;
  Operation b{.object = "b", .value = "x", .revision = 1, .begin = 10, .end = 15};
  b.outcome = Outcome::kDone;
  std::vector<Operation> ops{a, b};
  Verdict v = check_linearizable(ops);
  EXPECT_FALSE(v.ok());
  EXPECT_EQ(v.object, "b");
}

}  // namespace
}  // namespace kubus::sim
