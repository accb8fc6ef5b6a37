#include "bus/archive/record.h"

#include <gtest/gtest.h>

namespace kubus::archive {
namespace {

Buffer event_of(char fill, char last) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += std::to_string(i * 7919 % 1000) + fill;
  text += last;
  return Buffer(text.begin(), text.end());
}

RecordHeader header() {
  return {.type = 1, .kind = 7, .base = 5, .oid = 3, .place = 1};
}

TEST(Record, FullComesBack) {
  Buffer event = event_of('a', 'x');
  std::string notices;
  encode_notice(&notices, {41, true, "n1"});
  RecordHeader h = header();
  h.notices = 1;
  std::string bytes = encode_record(h, event, as_bytes(notices));
  auto record = decode_record(as_bytes(bytes));
  ASSERT_TRUE(record);
  EXPECT_EQ(as_text(record->event), as_text(event));
  EXPECT_EQ(record->header.oid, 3u);
  ASSERT_TRUE(record->notice("n1"));
  EXPECT_EQ(record->notice("n1")->previous, 41u);
  EXPECT_EQ(event_digest(*record, record->event), digest_of(event));
}

TEST(Record, DeltaIsSmallAndComesBack) {
  Buffer base = event_of('a', 'x'), event = event_of('a', 'y');
  std::string notices;
  encode_notice(&notices, {41, false, "n1"});
  RecordHeader h = header();
  h.notices = 1;
  h.base = 9;
  h.place = 2;
  std::string full = encode_record(h, event, as_bytes(notices));
  auto bytes = encode_delta(*decode_record(as_bytes(full)), base);
  ASSERT_TRUE(bytes);
  EXPECT_LT(bytes->size(), 100u);
  EXPECT_EQ(bytes->size() % 8, 0u);
  auto record = decode_record(as_bytes(*bytes));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->header.base, 9u);
  EXPECT_EQ(record->header.place, 2u);
  EXPECT_TRUE(record->notice("n1"));
  auto back = decode_delta(*record, base);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, event);
  EXPECT_EQ(event_digest(*record, *back), digest_of(event));
  // Another base gives something else or nothing, and never crashes.
  auto wrong = decode_delta(*record, Buffer());
  EXPECT_TRUE(!wrong || *wrong != event);
}

TEST(Record, CutNoticesAreRefused) {
  Buffer event = event_of('a', 'x');
  std::string notices;
  encode_notice(&notices, {41, true, "node-with-a-name"});
  RecordHeader h = header();
  h.notices = 2;
  EXPECT_FALSE(decode_record(as_bytes(encode_record(h, event, as_bytes(notices)))));
  h.notices = 1;
  EXPECT_TRUE(decode_record(as_bytes(encode_record(h, event, as_bytes(notices)))));
}

TEST(Record, DeltaThatDoesNotPayIsNone) {
  Buffer base(300, 0), event;
  for (uint32_t i = 0, z = 1; i < 300; ++i, z = z * 1664525 + 1013904223) event.push_back(z >> 24);
  std::string full = encode_record(header(), event, {});
  EXPECT_FALSE(encode_delta(*decode_record(as_bytes(full)), base));
}

TEST(Record, PlacesHangOnNearOnes) {
  EXPECT_EQ(base_place(1), 0);
  EXPECT_EQ(base_place(3), 0);
  EXPECT_EQ(base_place(4), 0);
  EXPECT_EQ(base_place(5), 4);
  EXPECT_EQ(base_place(0x57), 0x54);
  EXPECT_EQ(base_place(0x54), 0x50);
  for (uint16_t place = 1; place < kGroup; ++place) {
    size_t steps = 0;
    for (uint16_t at = place; at != 0; at = base_place(at), ++steps) {
      EXPECT_TRUE(may_carry(base_place(at)));
    }
    EXPECT_LE(steps, kMostSteps);
  }
}

TEST(Record, PurgedKeepsTheDigest) {
  Digest was = digest_of(event_of('a', 'x'));
  Buffer now = event_of('b', 'x');
  std::string bytes = encode_record(header(), now, {}, &was);
  auto record = decode_record(as_bytes(bytes));
  ASSERT_TRUE(record);
  EXPECT_EQ(as_text(record->event), as_text(now));
  EXPECT_EQ(event_digest(*record, record->event), was);
}

TEST(Record, CutShortIsNone) {
  Buffer base = event_of('a', 'x'), event = event_of('a', 'y');
  Digest digest = digest_of(event);
  std::string full = encode_record(header(), event, {});
  for (const std::string& bytes : {full, *encode_delta(*decode_record(as_bytes(full)), base),
                                   encode_record(header(), event, {}, &digest)}) {
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(decode_record(as_bytes(std::string_view(bytes).substr(0, size)))) << size;
  }
}

}  // namespace
}  // namespace kubus::archive
