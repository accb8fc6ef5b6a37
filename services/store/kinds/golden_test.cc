// Replays recorded requests of the kinds that exist through behaviour and validation, and compares
// what came of them.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "schemas/lib/patch/patch.h"
#include "services/store/kinds/testing.h"

namespace kubus::store::kinds {
namespace {

std::vector<json::object> lines(const char* file) {
  std::ifstream in(std::filesystem::path(KUBUS_TESTDATA) / file);
  std::vector<json::object> out;
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line).as_object());
  return out;
}

std::string text(const json::object& o, std::string_view key) {
  return std::string(text_in(o, key));
}

// "/api/v1/namespaces/golden/pods" → the kind, or nullptr if it does not exist here.
const KindInfo* kind_of(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream in(path.substr(1));
  for (std::string part; std::getline(in, part, '/');) parts.push_back(part);
  std::string group = parts.at(0) == "apis" ? parts.at(1) : "";
  return schema::Registry::get().by_resource(group, parts.back());
}

// Replaces what differs from run to run by what stands for it.
void blur(json::value& v, const json::value& want) {
  if (text_of(want) == "<allocated>" || text_of(want) == "<time>" || text_of(want) == "<uid>") {
    v = want;
  } else if (v.is_object() && want.is_object()) {
    for (auto& entry : v.get_object()) {
      if (const json::value* w = want.get_object().if_contains(entry.key()))
        blur(entry.value(), *w);
    }
  } else if (v.is_array() && want.is_array()) {
    for (size_t i = 0; i < v.get_array().size() && i < want.get_array().size(); ++i)
      blur(v.get_array()[i], want.get_array()[i]);
  } else if (v.is_string() && text_of(want).find("<suffix>") != std::string_view::npos) {
    std::string prefix(text_of(want).substr(0, text_of(want).find('<')));
    std::string have(text_of(v));
    if (have.compare(0, prefix.size(), prefix) == 0 && have.size() == prefix.size() + 5) v = want;
  }
}

// What an answer would hold, without what the recording leaves out.
json::value shown(const KindInfo& kind, json::object object) {
  json::object& meta = make_object(object, "metadata");
  for (const char* key :
       {"uid", "creationTimestamp", "resourceVersion", "managedFields", "generateName"})
    meta.erase(key);
  object["kind"] = kind.kind;
  object["apiVersion"] = kind.api_version();
  return object;
}

std::string difference(const json::value& have, const json::value& want,
                       const std::string& path = "") {
  if (have == want) return "";
  if (have.is_object() && want.is_object()) {
    std::string out;
    for (const auto& [key, v] : have.get_object()) {
      const json::value* w = want.get_object().if_contains(key);
      out += w == nullptr ? "+" + path + "/" + std::string(key) + "=" + json::serialize(v) + " "
                          : difference(v, *w, path + "/" + std::string(key));
    }
    for (const auto& [key, v] : want.get_object()) {
      if (!have.get_object().contains(key))
        out += "-" + path + "/" + std::string(key) + "=" + json::serialize(v) + " ";
    }
    return out;
  }
  if (have.is_array() && want.is_array() && have.get_array().size() == want.get_array().size()) {
    std::string out;
    for (size_t i = 0; i < have.get_array().size(); ++i)
      out += difference(have.get_array()[i], want.get_array()[i], path + "/" + std::to_string(i));
    return out;
  }
  return path + ": " + json::serialize(have) + " instead of " + json::serialize(want) + " ";
}

std::vector<std::string> causes_of(const Error& e) {
  std::vector<std::string> out;
  for (const Cause& c : e.causes) out.push_back(c.field + " " + c.reason);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> causes_of(const json::object& line) {
  std::vector<std::string> out;
  for (const json::value& c : array_in(line, "causes"))
    out.push_back(text(c.as_object(), "field") + " " + text(c.as_object(), "reason"));
  std::sort(out.begin(), out.end());
  return out;
}

TEST(Golden, Defaults) {
  int compared = 0, n = -1;
  for (const json::object& line : lines("defaults.jsonl")) {
    ++n;
    const KindInfo* kind = kind_of(text(line, "path"));
    if (kind == nullptr) continue;
    SCOPED_TRACE("line " + std::to_string(n) + " " + json::serialize(line.at("in")));
    World world;
    Result<json::object> out = world.create(*kind, line.at("in"));
    EXPECT_TRUE(out) << (out ? "" : out.error().message);
    if (!out) continue;
    const json::value& want = line.at("out");
    json::value have = shown(*kind, *out);
    blur(have, want);
    EXPECT_EQ(difference(have, want), "");
    ++compared;
  }
  EXPECT_GE(compared, 35);
}

TEST(Golden, Refusals) {
  int compared = 0, n = -1;
  for (const json::object& line : lines("refusals.jsonl")) {
    ++n;
    const KindInfo* kind = kind_of(text(line, "path"));
    if (kind == nullptr || !line.contains("in")) continue;
    SCOPED_TRACE("line " + std::to_string(n) + " " + json::serialize(line.at("in")));
    World world;
    std::vector<codec::Problem> problems;
    Result<json::object> object = World::canonical(*kind, line.at("in"), &problems);
    int64_t code = line.at("code").to_number<int64_t>();
    if (!object || !problems.empty()) {
      EXPECT_EQ(code, 400) << (object ? problems[0].message : object.error().message);
      ++compared;
      continue;
    }
    Context ctx = world.context(*kind);
    Status s = admit_create(ctx, *object);
    EXPECT_FALSE(s);
    if (s) continue;
    Code want = code == 422   ? Code::kInvalid
                : code == 403 ? Code::kForbidden
                : code == 400 ? Code::kBadRequest
                              : Code::kInternal;
    EXPECT_EQ(s.error().code, want) << s.error().message;
    EXPECT_EQ(causes_of(s.error()), causes_of(line)) << s.error().message;
    ++compared;
  }
  EXPECT_GE(compared, 80);
}

// Merge and strategic patches as chains: create, patch, update.
TEST(Golden, Patches) {
  World world;
  json::object live;
  std::string name;
  int compared = 0, n = -1;
  for (const json::object& line : lines("patches.jsonl")) {
    ++n;
    const json::object& base = line.at("base").as_object();
    const KindInfo* kind =
        schema::Registry::get().by_api_version(text(base, "apiVersion"), text(base, "kind"));
    std::string type = text(line, "type");
    if (kind == nullptr || type == "apply-patch+yaml") continue;
    SCOPED_TRACE("line " + std::to_string(n) + " " + json::serialize(line.at("patch")));
    if (text(object_in(base, "metadata"), "name") != name) {
      name = text(object_in(base, "metadata"), "name");
      Result<json::object> made = world.create(*kind, base);
      ASSERT_TRUE(made) << made.error().message;
      live = *made;
    }
    json::value next(live);
    if (type == "merge-patch+json") {
      patch::merge_patch(next, line.at("patch"));
    } else {
      ASSERT_TRUE(patch::strategic_merge(*kind->type, next, line.at("patch")));
    }
    int64_t code = line.at("code").to_number<int64_t>();
    std::vector<std::string> wanted = causes_of(line);
    // What the executor refuses: revisions that don't match, patches that make no object.
    if (code == 409 || (wanted.size() == 1 && wanted[0] == "patch FieldValueInvalid")) continue;
    Result<json::object> out = world.update(*kind, live, next);
    ++compared;
    if (code != 200) {
      ASSERT_FALSE(out);
      EXPECT_EQ(causes_of(out.error()), wanted) << out.error().message;
      continue;
    }
    ASSERT_TRUE(out) << out.error().message;
    live = *out;
    json::value want = line.at("out"), have = shown(*kind, live);
    // The recording names one address here and there.
    if (kind->kind == "Service") {
      for (const char* key : {"clusterIP", "clusterIPs"}) {
        make_object(want.as_object(), "spec").erase(key);
        make_object(have.as_object(), "spec").erase(key);
      }
    }
    blur(have, want);
    EXPECT_EQ(difference(have, want), "");
  }
  EXPECT_GE(compared, 25);
}

}  // namespace
}  // namespace kubus::store::kinds
