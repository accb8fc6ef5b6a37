// Random objects of every kind go through every form and come back the same.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/random_value.h"
#include "schemas/lib/codec/yaml.h"

namespace kubus::codec {
namespace {

constexpr uint64_t kRounds = 60;

template <class Check>
void for_random_objects(Check&& check) {
  for (const auto& kind : schema::Registry::get().kinds()) {
    for (uint64_t seed = 0; seed < kRounds; ++seed) {
      SCOPED_TRACE(kind->kind + " seed " + std::to_string(seed));
      RandomValue random(seed * 1000 + kind->number);
      check(*kind, json::value(random.table(*kind->type)), random);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// Whether `got` shows all that `sent` says, and besides only what is always shown.
bool shows(const schema::TypeInfo& type, const json::value& got, const json::value& sent);

bool shows_field(const schema::FieldInfo& f, const json::value& got, const json::value& sent) {
  if (f.kind != schema::ValueKind::kTable) return got == sent;
  if (!f.is_list) return shows(*f.type, got, sent);
  if (got.as_array().size() != sent.as_array().size()) return false;
  for (size_t i = 0; i < got.as_array().size(); ++i) {
    if (!shows(*f.type, got.as_array()[i], sent.as_array()[i])) return false;
  }
  return true;
}

bool shows(const schema::TypeInfo& type, const json::value& got, const json::value& sent) {
  for (const auto& m : sent.as_object()) {
    const json::value* v = got.as_object().if_contains(m.key());
    const schema::FieldInfo* f = type.find({m.key().data(), m.key().size()});
    if (v == nullptr || f == nullptr || !shows_field(*f, *v, m.value())) return false;
  }
  for (const auto& m : got.as_object()) {
    const schema::FieldInfo* f = type.find({m.key().data(), m.key().size()});
    if (!sent.as_object().contains(m.key()) && !f->always) return false;
  }
  return true;
}

TEST(EveryKind, ValuesComeBackFromFlatBuffers) {
  for_random_objects([](const schema::KindInfo& kind, const json::value& sent, RandomValue&) {
    std::vector<Problem> problems;
    auto bytes = from_value(kind, sent, &problems);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    EXPECT_TRUE(problems.empty());
    ASSERT_TRUE(verify(kind, *bytes));
    json::value got = to_value(kind, *bytes);
    EXPECT_TRUE(shows(*kind.type, got, sent)) << sent << "\n" << got;
    auto again = from_value(kind, got, &problems);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, *bytes) << "equal values are equal bytes";
  });
}

TEST(EveryKind, JsonTextComesBack) {
  for_random_objects([](const schema::KindInfo& kind, const json::value& sent, RandomValue&) {
    auto bytes = from_value(kind, sent, nullptr);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    std::string text, again_text;
    to_json(kind, *bytes, {}, &text);
    std::vector<Problem> problems;
    auto again = from_json(kind, text, &problems);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(*again, *bytes);
    to_json(kind, *again, {}, &again_text);
    EXPECT_EQ(text, again_text);
    json::value tree = json::parse(text);
    tree.as_object().erase("kind");
    tree.as_object().erase("apiVersion");
    EXPECT_EQ(tree, to_value(kind, *bytes));
  });
}

TEST(EveryKind, YamlTextComesBack) {
  for_random_objects([](const schema::KindInfo&, const json::value& sent, RandomValue&) {
    std::string text = to_yaml(sent);
    auto documents = parse_yaml(text);
    ASSERT_TRUE(documents.ok()) << documents.error().message << "\n" << text;
    ASSERT_EQ(documents->size(), 1u) << text;
    EXPECT_EQ((*documents)[0].value, sent) << text;
    EXPECT_TRUE((*documents)[0].problems.empty());
  });
}

// Puts a field that nobody knows into a random struct of the object; returns where.
std::string spoil(const schema::TypeInfo& type, json::value& v, RandomValue& random) {
  std::vector<std::pair<json::value*, std::pair<const schema::TypeInfo*, std::string>>> inside;
  for (auto& m : v.as_object()) {
    const schema::FieldInfo* f = type.find({m.key().data(), m.key().size()});
    if (f->kind != schema::ValueKind::kTable) continue;
    if (!f->is_list) inside.push_back({&m.value(), {f->type, f->name}});
    for (size_t i = 0; f->is_list && i < m.value().as_array().size(); ++i)
      inside.push_back(
          {&m.value().as_array()[i], {f->type, f->name + "[" + std::to_string(i) + "]"}});
  }
  if (inside.empty() || random.below(3) == 0) {
    v.as_object().emplace("noSuchField", random.text());
    return "noSuchField";
  }
  auto& [child, at] = inside[random.below(inside.size())];
  return at.second + "." + spoil(*at.first, *child, random);
}

TEST(EveryKind, StrictDecodingNamesTheOneUnknownField) {
  for_random_objects([](const schema::KindInfo& kind, json::value sent, RandomValue& random) {
    auto clean = from_value(kind, sent, nullptr);
    std::string path = spoil(*kind.type, sent, random);
    std::vector<Problem> problems;
    auto bytes = from_value(kind, sent, &problems);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].message, "unknown field \"" + path + "\"");
    EXPECT_EQ(*bytes, *clean) << "it is dropped";
  });
}

}  // namespace
}  // namespace kubus::codec
