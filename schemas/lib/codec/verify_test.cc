#include <flatbuffers/flatbuffers.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/random_value.h"

namespace kubus::codec {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using Any = Offset<void>;

const schema::KindInfo& config_maps() {
  return *schema::Registry::get().by_resource("", "configmaps");
}

uint16_t at(const schema::TypeInfo& type, std::string_view field) {
  return type.find(field)->voffset;
}

ByteView finished(FlatBufferBuilder& b, Any root) {
  b.Finish(root);
  return {b.GetBufferPointer(), b.GetSize()};
}

Any table(FlatBufferBuilder& b, std::initializer_list<std::pair<uint16_t, Any>> fields) {
  auto start = b.StartTable();
  for (auto [where, what] : fields) b.AddOffset(where, what);
  return Any(b.EndTable(start));
}

Any text(FlatBufferBuilder& b, std::string_view s) {
  return Any(b.CreateString(s.data(), s.size()).o);
}

bool accepts_data(std::initializer_list<std::string_view> keys, bool with_keys = true) {
  FlatBufferBuilder b;
  std::vector<Any> entries;
  for (std::string_view key : keys) {
    Any k = text(b, key), v = text(b, "v");
    entries.push_back(with_keys ? table(b, {{4, k}, {6, v}}) : table(b, {{6, v}}));
  }
  Any data(b.CreateVector(entries).o);
  const schema::TypeInfo& type = *config_maps().type;
  return verify(type, finished(b, table(b, {{at(type, "data"), data}})));
}

TEST(Verify, MapsHaveSortedUniqueKeys) {
  EXPECT_TRUE(accepts_data({}));
  EXPECT_TRUE(accepts_data({"a", "b", "ba", "\xC3\xA9"}));
  EXPECT_TRUE(accepts_data({""}));
  EXPECT_FALSE(accepts_data({"b", "a"}));
  EXPECT_FALSE(accepts_data({"a", "a"}));
  EXPECT_FALSE(accepts_data({"a"}, false)) << "no key";
}

TEST(Verify, TextIsUtf8) {
  for (std::string_view good : {"", "plain ascii, long enough", "\xC3\xA9", "\xE2\x82\xAC",
                                "\xED\x9F\xBF", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(accepts_data({good})) << good;
  }
  EXPECT_TRUE(accepts_data({std::string_view("a\0b", 3)}));
  for (std::string_view bad :
       {"\xff", "\xC3", "\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xE2\x82", "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF0\x9F\x98", "1234567\xC3",
        "12345678\xE2\x28\xA1"}) {
    EXPECT_FALSE(accepts_data({bad})) << bad;
  }
}

TEST(Verify, RefusesWhatIsNoBuffer) {
  EXPECT_FALSE(verify(config_maps(), ByteView()));
  for (size_t n = 0; n < 64; ++n) {
    EXPECT_FALSE(verify(config_maps(), Buffer(n, 0xff))) << n;
    EXPECT_FALSE(verify(config_maps(), Buffer(n, 0x00))) << n;
  }
}

// One string referred to from everywhere: small to send, huge to read.
TEST(Verify, RefusesWhatUnfoldsBeyondItsSize) {
  auto accepts = [](size_t length, size_t times) {
    FlatBufferBuilder b;
    Any shared = text(b, std::string(length, 'x'));
    std::vector<Any> finalizers(times, shared);
    Any list(b.CreateVector(finalizers).o);
    const schema::TypeInfo& type = *config_maps().type;
    Any meta = table(b, {{at(*type.find("metadata")->type, "finalizers"), list}});
    return verify(type, finished(b, table(b, {{at(type, "metadata"), meta}})));
  };
  EXPECT_TRUE(accepts(20, 100)) << "sharing is fine";
  EXPECT_FALSE(accepts(1'000'000, 250'000));
}

TEST(Verify, RefusesAFieldOfAnotherType) {
  FlatBufferBuilder b;
  Any name = text(b, "x");
  const schema::TypeInfo& type = *config_maps().type;
  EXPECT_FALSE(verify(type, finished(b, table(b, {{at(type, "metadata"), name}}))));
}

TEST(Verify, AcceptsFieldsOfANewerSchema) {
  FlatBufferBuilder b;
  Any later = text(b, "later");
  EXPECT_TRUE(verify(config_maps(), finished(b, table(b, {{200, later}}))));
}

// Damages a buffer in one of the ways that bite: bytes, words near small values, a cut, a copy of
// one part over another.
void damage(Buffer& bytes, RandomValue& random) {
  size_t i = random.below(bytes.size());
  switch (random.below(4)) {
    case 0:
      bytes[i] = static_cast<uint8_t>(random.below(256));
      break;
    case 1:
      bytes[i] = static_cast<uint8_t>(bytes[i] + 8 - random.below(16));
      break;
    case 2: {
      size_t n = std::min<size_t>(4, bytes.size() - i), from = random.below(bytes.size() - n + 1);
      Buffer part(bytes.begin() + static_cast<ptrdiff_t>(from),
                  bytes.begin() + static_cast<ptrdiff_t>(from + n));
      std::copy(part.begin(), part.end(), bytes.begin() + static_cast<ptrdiff_t>(i));
      break;
    }
    default:
      if (random.below(8) == 0) bytes.resize(i);
  }
}

TEST(Verify, WhatPassesCanBeRead) {
  const auto& kinds = schema::Registry::get().kinds();
  constexpr uint64_t kMutants = 20'000;
  size_t passed = 0;
  Buffer original;
  std::string out;
  for (uint64_t seed = 0; seed < kMutants; ++seed) {
    const schema::KindInfo& kind = *kinds[seed / 50 % kinds.size()];
    RandomValue random(seed);
    if (seed % 50 == 0) {
      auto made = from_value(kind, random.table(*kind.type), nullptr);
      ASSERT_TRUE(made.ok()) << made.error().message;
      original = *made;
      ASSERT_TRUE(verify(kind, original));
    }
    // A block of its own size, so that a read beyond it is noticed where that is watched for.
    Buffer bytes = original;
    for (uint64_t n = 1 + random.below(3); n > 0 && !bytes.empty(); --n) damage(bytes, random);
    Buffer exact(bytes);
    if (!verify(kind, exact)) continue;
    ++passed;
    out.clear();
    to_json(kind, exact, {}, &out);
    boost::system::error_code code;
    json::parse(out, code);
    ASSERT_FALSE(code) << "seed " << seed << ": " << out;
    auto again = from_value(kind, to_value(kind, exact), nullptr);
    ASSERT_TRUE(again.ok() || again.error().code == Code::kBadRequest) << "a year beyond 9999, say";
  }
  EXPECT_GT(passed, kMutants / 50) << "some damage goes unnoticed, such as in a string";
  EXPECT_LT(passed, kMutants);
}

}  // namespace
}  // namespace kubus::codec
