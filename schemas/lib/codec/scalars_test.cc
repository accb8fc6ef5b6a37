#include "schemas/lib/codec/scalars.h"

#include <gtest/gtest.h>

namespace kubus::codec {
namespace {

TEST(Time, ReadsEveryOffset) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("2026-11-23T05:00:00Z"), 1795410000);
  EXPECT_EQ(parse_time("2026-11-23T06:30:00+01:30"), 1795410000);
  EXPECT_EQ(parse_time("2026-11-22T22:00:00-07:00"), 1795410000);
  EXPECT_EQ(parse_time("2026-11-23t05:00:00z"), 1795410000);
  EXPECT_EQ(parse_time("1969-12-31T23:59:59Z"), -1);
  EXPECT_EQ(parse_time("0001-01-01T00:00:00Z"), -62135596800);
}

TEST(Time, KnowsLeapDays) {
  EXPECT_EQ(*parse_time("2024-03-01T00:00:00Z") - *parse_time("2024-02-29T00:00:00Z"), 86400);
  EXPECT_TRUE(parse_time("2000-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_time("1900-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_time("2023-02-29T00:00:00Z"));
}

TEST(Time, DropsOrKeepsFractions) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:01.999999999Z"), 1);
  EXPECT_EQ(parse_micro_time("1970-01-01T00:00:01.5Z"), 1'500'000);
  EXPECT_EQ(parse_micro_time("1970-01-01T00:00:01.000001999Z"), 1'000'001);
  EXPECT_EQ(parse_micro_time("1969-12-31T23:59:59.25+00:00"), -750'000);
  EXPECT_FALSE(parse_micro_time("1970-01-01T00:00:01.Z"));
}

TEST(Time, RefusesWhatIsNone) {
  for (const char* bad : {"",
                          "now",
                          "2026-11-23",
                          "2026-11-23T05:00:00",
                          "2026-11-23 05:00:00Z",
                          "2026-13-01T00:00:00Z",
                          "2026-00-01T00:00:00Z",
                          "2026-04-31T00:00:00Z",
                          "2026-04-00T00:00:00Z",
                          "2026-04-01T24:00:00Z",
                          "2026-04-01T00:60:00Z",
                          "2026-04-01T00:00:60Z",
                          "2026-04-01T00:00:00+24:00",
                          "2026-04-01T00:00:00+0100",
                          "2026-04-01T00:00:00+01:00x",
                          "2026-04-01T00:00:00ZZ",
                          "26-04-01T00:00:00Z",
                          "2026-4-1T00:00:00.00Z",
                          "-026-04-01T00:00:00Z",
                          "2026-04-01T00:00:00.",
                          "1795410000"}) {
    EXPECT_FALSE(parse_time(bad)) << bad;
    EXPECT_FALSE(parse_micro_time(bad)) << bad;
  }
}

TEST(Time, WritesWhatItReads) {
  EXPECT_EQ(format_time(1795410000), "2026-11-23T05:00:00Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(format_time(-62135596800), "0001-01-01T00:00:00Z");
  EXPECT_EQ(format_micro_time(1'500'000), "1970-01-01T00:00:01.500000Z");
  EXPECT_EQ(format_micro_time(-1), "1969-12-31T23:59:59.999999Z");
  // A prime step meets every day of the year and hour of the day.
  for (int64_t t = -62135596800; t < 253402300799; t += 8'640'007'919) {
    EXPECT_EQ(parse_time(format_time(t)), t);
    EXPECT_EQ(parse_micro_time(format_micro_time(t * 1'000'000 + 7)), t * 1'000'000 + 7);
  }
}

TEST(Time, WritesAnyNumberWithoutHarm) {
  EXPECT_FALSE(format_time(INT64_MAX).empty());
  EXPECT_FALSE(format_time(INT64_MIN).empty());
  EXPECT_FALSE(format_micro_time(INT64_MAX).empty());
  EXPECT_FALSE(format_micro_time(INT64_MIN).empty());
}

std::string decoded(std::string_view text) {
  auto raw = from_base64(text);
  return raw ? std::string(as_text(*raw)) : "invalid";
}

TEST(Base64, GoesBothWays) {
  const std::pair<const char*, const char*> kCases[] = {{"", ""},
                                                        {"f", "Zg=="},
                                                        {"fo", "Zm8="},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg=="},
                                                        {"fooba", "Zm9vYmE="},
                                                        {"foobar", "Zm9vYmFy"}};
  for (auto [raw, text] : kCases) {
    EXPECT_EQ(base64(as_bytes(raw)), text);
    EXPECT_EQ(decoded(text), raw);
  }
  Buffer all(256);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(from_base64(base64(all)), all);
}

TEST(Base64, IsAsLenientAsClientsNeed) {
  EXPECT_EQ(decoded("Zm9v\nYmFy\r\n"), "foobar");
  EXPECT_EQ(decoded("Zh=="), "f");  // the bits that padding leaves over are nobody's
}

TEST(Base64, RefusesWhatIsNone) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zm9v=", "Zg==Zg==",
                          "Zm-_", "Zm 9", "Zm9v Zg=", "Zm\xc3\xa9", "=Zg="}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

TEST(Utf8, AcceptsEveryCodePointAndNothingElse) {
  for (std::string_view good :
       {"", "plain ascii, longer than eight", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        "1234567\xc3\xa9"
        "12345678"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
  }
  for (std::string_view bad :
       {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x9f\xbf", "\xe2\x82",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff", "12345678\xfe", "1234567\xe2\x82"}) {
    EXPECT_FALSE(valid_utf8(bad)) << bad;
  }
  EXPECT_TRUE(valid_utf8(std::string_view("\0", 1)));
}

}  // namespace
}  // namespace kubus::codec
