#include "schemas/lib/quantity.h"

#include <gtest/gtest.h>

namespace kubus {
namespace {

std::string canonical(std::string_view text) {
  auto q = Quantity::parse(text);
  return q ? q->str() : "invalid";
}

TEST(Quantity, IsWrittenWithTheLargestSuffixThatNeedsNoFraction) {
  const std::pair<const char*, const char*> kCases[] = {
      {"1000m", "1"},     {"500m", "500m"},   {"0.5", "500m"},  {"1.5", "1500m"}, {"1000", "1k"},
      {"1500", "1500"},   {"1000000k", "1G"}, {"0.001k", "1"},  {"100n", "100n"}, {"1000n", "1u"},
      {"12e0", "12"},     {".5", "500m"},     {"5.", "5"},      {"+7", "7"},      {"0", "0"},
      {"0Ki", "0"},       {"-0", "0"},        {"0.000e5", "0"}, {"00012", "12"},  {"1E", "1E"},
      {"-500m", "-500m"}, {"-1.50", "-1500m"}};
  for (auto [text, expected] : kCases) EXPECT_EQ(canonical(text), expected) << text;
}

TEST(Quantity, BinaryKeepsToItsFamilyFromOneKiOnAndWhileWhole) {
  const std::pair<const char*, const char*> kCases[] = {{"1024Mi", "1Gi"},
                                                        {"1.5Gi", "1536Mi"},
                                                        {"0.5Ki", "512"},
                                                        {"1Ki", "1Ki"},
                                                        {"1025Ki", "1025Ki"},
                                                        {"3Ti", "3Ti"},
                                                        {"0.1Ki", "102400m"},
                                                        {"1.0001Ki", "1024102400u"},
                                                        {"-2048Ki", "-2Mi"},
                                                        {"7Ei", "7Ei"},
                                                        {"1.00000000000000000000000000Pi", "1Pi"}};
  for (auto [text, expected] : kCases) EXPECT_EQ(canonical(text), expected) << text;
}

TEST(Quantity, ExponentsKeepToMultiplesOfThree) {
  const std::pair<const char*, const char*> kCases[] = {
      {"1e3", "1e3"},     {"1E3", "1e3"},    {"1e4", "10e3"},  {"1e+6", "1e6"}, {"1e0", "1"},
      {"5e-1", "500e-3"}, {"1.5e3", "1500"}, {"1e-3", "1e-3"}, {"0e99", "0"},   {"1e-99", "1e-9"}};
  for (auto [text, expected] : kCases) EXPECT_EQ(canonical(text), expected) << text;
}

TEST(Quantity, WhatIsFinerThanANanoRoundsAwayFromZero) {
  EXPECT_EQ(canonical("0.1n"), "1n");
  EXPECT_EQ(canonical("1.0000000001"), "1000000001n");
  EXPECT_EQ(canonical("-0.1n"), "-1n");
  EXPECT_EQ(canonical("0.00000000000000000000000000000000000000000000000001"), "1n");
}

TEST(Quantity, CapsWhatDoesNotFit) {
  const std::string most = std::to_string(INT64_MAX);
  for (const char* huge :
       {"9223372036854775808", "1e30", "100E", "8Ei", "999999999999999999999999Ei", "1e99",
        "99999999999999999999999999999999999999999999999999"}) {
    auto q = Quantity::parse(huge);
    ASSERT_TRUE(q) << huge;
    EXPECT_EQ(q->units(), INT64_MAX) << huge;
    EXPECT_EQ(q->milli(), INT64_MAX) << huge;
  }
  EXPECT_EQ(canonical("9223372036854775808"), most);
  EXPECT_EQ(canonical("-9223372036854775809"), "-" + most);
}

TEST(Quantity, RefusesGarbage) {
  for (const char* bad :
       {"",      " ",   ".",    "-",    "+",     "m",   "Ki",   "1 ",           " 1",
        "1K",    "1ki", "1Kii", "1mm",  "1.2.3", "1e",  "1e3m", "1e3.5",        "1e+",
        "1e+-3", "--1", "+-1",  "0x10", "1,5",   "NaN", "inf",  "1e99999999999"}) {
    EXPECT_FALSE(Quantity::parse(bad)) << bad;
  }
  EXPECT_FALSE(Quantity::parse(std::string_view("1\0", 2)));
}

TEST(Quantity, CanonicalTextIsAFixedPoint) {
  for (const char* text : {"1000m", "1.5Gi", "1e4", "5e-1", "0.1Ki", "9223372036854775807", "1n"}) {
    std::string once = canonical(text);
    EXPECT_EQ(canonical(once), once);
    EXPECT_EQ(Quantity::parse(once), Quantity::parse(text));
  }
}

TEST(Quantity, MilliAndUnitsRoundUp) {
  EXPECT_EQ(Quantity::parse("1.0001")->milli(), 1001);
  EXPECT_EQ(Quantity::parse("1.0001")->units(), 2);
  EXPECT_EQ(Quantity::parse("1n")->milli(), 1);
  EXPECT_EQ(Quantity::parse("0")->units(), 0);
  EXPECT_EQ(Quantity::parse("-1.5")->units(), -1);
  EXPECT_EQ(Quantity::parse("-1.5")->milli(), -1500);
  EXPECT_EQ(Quantity::parse("1Gi")->units(), 1073741824);
}

TEST(Quantity, Adds) {
  auto q = [](const char* text) { return *Quantity::parse(text); };
  EXPECT_EQ((q("500m") + q("1.5")).str(), "2");
  EXPECT_EQ((q("1Gi") - q("512Mi")).str(), "512Mi");
  EXPECT_EQ((Quantity() + q("1Gi")).str(), "1Gi");  // zero takes the other's family
  EXPECT_EQ((q("1") - q("3")).str(), "-2");
  EXPECT_EQ((q("1") - q("3")).sign(), -1);
  EXPECT_TRUE((q("1") - q("1000m")).is_zero());
  EXPECT_LT(q("999m"), q("1"));
  EXPECT_EQ(q("1Ki"), q("1024"));
  EXPECT_GT(q("1k"), q("-1k"));
  Quantity most = Quantity::of(INT64_MAX);
  EXPECT_EQ((most + most).units(), INT64_MAX);
  EXPECT_EQ((Quantity() - most - most).units(), -INT64_MAX);
  EXPECT_EQ((Quantity() - most - most).milli(), INT64_MIN);
  EXPECT_EQ(Quantity::of_milli(2500).str(), "2500m");
  EXPECT_EQ(Quantity::of(-3).str(), "-3");
}

}  // namespace
}  // namespace kubus
