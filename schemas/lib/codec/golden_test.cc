// What a Kubernetes server stored decodes without a problem and is written again as it was.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/yaml.h"

namespace kubus::codec {
namespace {

// The recording says "<allocated>" and the like for what differs from run to run.
void fill(json::value& v, std::string_view key = "") {
  if (v.is_object()) {
    for (auto& m : v.as_object()) fill(m.value(), m.key());
  } else if (v.is_array()) {
    for (auto& i : v.as_array()) fill(i, key);
  } else if (v == "<allocated>") {
    bool number = key == "nodePort" || key == "healthCheckNodePort";
    v = number ? json::value(30007) : json::value("10.0.0.7");
  } else if (v == "<time>" || v == "set") {
    v = "2026-11-23T05:00:00Z";
  }
}

const schema::KindInfo* kind_of(const json::value& object) {
  const json::object& o = object.as_object();
  if (!o.contains("kind") || !o.contains("apiVersion")) return nullptr;
  return schema::Registry::get().by_api_version(o.at("apiVersion").as_string().c_str(),
                                                o.at("kind").as_string().c_str());
}

// Calls `check` with each object under that name in the file, of a kind that we have.
template <class Check>
int for_recorded(const std::string& file, const char* member, Check&& check) {
  std::ifstream in(std::string(KUBUS_GOLDEN) + "/" + file);
  EXPECT_TRUE(in) << file;
  int count = 0;
  for (std::string line; std::getline(in, line);) {
    json::value recorded = json::parse(line);
    json::value* object = recorded.as_object().if_contains(member);
    if (object == nullptr || !object->is_object()) continue;
    const schema::KindInfo* kind = kind_of(*object);
    if (kind == nullptr) continue;
    fill(*object);
    SCOPED_TRACE(json::serialize(*object));
    check(*kind, *object, recorded);
    ++count;
  }
  return count;
}

// Members that are always shown and that a recording of another moment lacks.
void drop_empty(json::value& v) {
  if (v.is_array()) {
    for (auto& i : v.as_array()) drop_empty(i);
  }
  if (!v.is_object()) return;
  for (auto& m : v.as_object()) drop_empty(m.value());
  json::object& o = v.as_object();
  for (const char* name : {"status", "metadata"}) {
    json::value* member = o.if_contains(name);
    if (member != nullptr && member->is_object() && member->as_object().empty()) o.erase(name);
  }
}

TEST(Golden, StoredObjectsComeBackAsTheyWere) {
  auto same = [](const schema::KindInfo& kind, json::value stored, const json::value&) {
    std::vector<Problem> problems;
    auto bytes = from_value(kind, stored, &problems);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    EXPECT_TRUE(problems.empty()) << problems[0].message;
    ASSERT_TRUE(verify(kind, *bytes));
    std::string text;
    to_json(kind, *bytes, {}, &text);
    json::value got = json::parse(text);
    drop_empty(got);
    drop_empty(stored);
    EXPECT_EQ(got, stored);
  };
  EXPECT_GE(for_recorded("defaults.jsonl", "out", same), 35);
}

TEST(Golden, PostedObjectsHaveNoProblem) {
  auto clean = [](const schema::KindInfo& kind, const json::value& posted, const json::value&) {
    std::vector<Problem> problems;
    auto bytes = from_json(kind, json::serialize(posted), &problems);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    EXPECT_TRUE(problems.empty()) << problems[0].message;
  };
  EXPECT_GE(for_recorded("defaults.jsonl", "in", clean), 35);
  EXPECT_GE(for_recorded("patches.jsonl", "base", clean), 5);
  EXPECT_GE(for_recorded("rows.jsonl", "object", clean), 15);
}

// A manifest may come as YAML as well: it means the same.
TEST(Golden, YamlOfPostedObjectsMeansTheSame) {
  auto same = [](const schema::KindInfo&, const json::value& posted, const json::value&) {
    auto documents = parse_yaml(to_yaml(posted));
    ASSERT_TRUE(documents.ok()) << documents.error().message;
    ASSERT_EQ(documents->size(), 1u);
    EXPECT_EQ((*documents)[0].value, posted) << to_yaml(posted);
  };
  EXPECT_GE(for_recorded("defaults.jsonl", "in", same), 35);
}

// Of what a server refused with 400, an unknown field or a wrong type is ours to refuse; a value
// that breaks a rule of its kind (422) is not, and passes here.
TEST(Golden, RefusesWhatCannotBeDecoded) {
  int malformed = 0, others = 0;
  auto refused = [&](const schema::KindInfo& kind, const json::value& posted,
                     const json::value& recorded) {
    std::vector<Problem> problems;
    auto bytes = from_json(kind, json::serialize(posted), &problems);
    bool by_shape = recorded.at("reason") == "BadRequest";
    if (!bytes.ok() || !problems.empty()) {
      EXPECT_TRUE(by_shape) << (bytes.ok() ? problems[0].message : bytes.error().message);
      ++malformed;
    } else {
      ++others;
    }
  };
  for_recorded("refusals.jsonl", "in", refused);
  EXPECT_EQ(malformed, 4) << "field unknown, list, map and bytes of a wrong type";
  EXPECT_GE(others, 40);
}

}  // namespace
}  // namespace kubus::codec
