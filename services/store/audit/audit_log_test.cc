#include "services/store/audit/audit_log.h"

#include <gtest/gtest.h>

namespace kubus::store {
namespace {

AuditEntry refusal(const std::string& actor, const std::string& name, int64_t time = 1) {
  AuditEntry e;
  e.time_ns = time;
  e.actor = actor;
  e.verb = 2;
  e.resource = "pods";
  e.ns = "shop";
  e.name = name;
  e.reason = "Forbidden";
  e.message = "no";
  return e;
}
AuditEntry deed(const std::string& message) {
  AuditEntry e = refusal("admin", "db");
  e.reason = "";
  e.message = message;
  return e;
}

TEST(AuditLog, repeats_are_one_entry_that_counts) {
  AuditLog log({});
  for (int i = 1; i <= 100; ++i) {
    AuditEntry e = refusal("eve", "web", i);
    e.source = "10.0.0." + std::to_string(i);
    log.note(e);
  }
  ASSERT_EQ(log.size(), 1u);
  const AuditEntry& e = *log.after(0, 10)[0];
  EXPECT_EQ(e.count, 100u);
  EXPECT_EQ(e.time_ns, 1);
  EXPECT_EQ(e.last_time_ns, 100);
  EXPECT_EQ(e.source, "10.0.0.100");
}

TEST(AuditLog, nobody_fills_it) {
  AuditLimits limits{.entries = 80, .bytes = 1 << 20, .shares = 8, .text = 64};
  AuditLog log(limits);
  log.note(refusal("bob", "once"));
  log.note(deed("purged data.password"));
  for (int i = 0; i < 10'000; ++i) {
    AuditEntry e = refusal("eve", "n" + std::to_string(i), i);
    e.message = std::string(100'000, 'x');
    log.note(e);
    log.take_puts();
    ASSERT_LE(log.size(), 12u);
    ASSERT_LE(log.bytes(), limits.bytes);
  }
  EXPECT_EQ(log.dropped(), 9'990u);
  EXPECT_EQ(log.after(0, 100)[0]->actor, "bob");
  EXPECT_EQ(log.after(0, 100)[1]->message, "purged data.password");
  EXPECT_EQ(log.after(0, 100).back()->name, "n9999");
  for (int i = 0; i < 1000; ++i) log.note(refusal("eve" + std::to_string(i), "x"));
  EXPECT_LE(log.size(), limits.entries);
}

TEST(AuditLog, what_many_actors_say_stays_below_the_bytes) {
  AuditLimits limits{.entries = 100'000, .bytes = 64 << 10, .shares = 8, .text = 512};
  AuditLog log(limits);
  for (int i = 0; i < 5'000; ++i) {
    AuditEntry e = refusal("eve" + std::to_string(i % 50), "n" + std::to_string(i));
    e.message = std::string(400, 'x');
    log.note(e);
    ASSERT_LE(log.bytes(), limits.bytes);
  }
  EXPECT_EQ(log.size() + log.dropped(), 5'000u);
}

TEST(AuditLog, it_comes_back_from_its_puts) {
  AuditLimits limits{.entries = 16, .bytes = 1 << 20, .shares = 2, .text = 512};
  AuditLog log(limits);
  std::map<std::string, Buffer> disk;
  auto write = [&] {
    EXPECT_TRUE(log.has_puts());
    for (AuditLog::Put& put : log.take_puts()) {
      if (put.value.empty())
        disk.erase(put.key);
      else
        disk[put.key] = std::move(put.value);
    }
    EXPECT_FALSE(log.has_puts());
  };
  for (int i = 0; i < 20; ++i) log.note(refusal("eve", "n" + std::to_string(i)));
  write();
  log.note(refusal("eve", "n19", 7));
  log.note(deed("first"));
  log.note(deed("second"));
  write();
  EXPECT_EQ(disk.size(), 10u);
  AuditLog again(limits);
  for (const auto& [key, value] : disk) again.load(value);
  ASSERT_EQ(again.size(), 10u);
  EXPECT_EQ(again.dropped(), 12u);
  EXPECT_FALSE(again.has_puts());
  EXPECT_EQ(again.after(0, 100)[7]->count, 2u);
  EXPECT_EQ(again.after(0, 100)[9]->message, "second");
  again.note(refusal("eve", "n19", 9));
  EXPECT_EQ(again.after(0, 100)[7]->count, 3u);
  again.note(refusal("eve", "new"));
  EXPECT_GT(again.after(0, 100).back()->sequence, 22u);
  Buffer broken = disk.begin()->second;
  broken.resize(broken.size() / 2);
  again.load(broken);
  again.load({});
}

TEST(AuditLog, a_cut_leaves_whole_characters) {
  AuditLog log({.text = 5});
  AuditEntry e = refusal("eve", "n");
  e.message = "abcdéf";  // é begins at 4
  log.note(e);
  EXPECT_EQ(log.after(0, 1)[0]->message, "abcd");
}

}  // namespace
}  // namespace kubus::store
