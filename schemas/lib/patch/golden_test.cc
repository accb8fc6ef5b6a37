// Replays recorded patches of kinds whose behaviour lies wholly in the schema, without a store:
// patch, defaults, compare. What needs per-kind behaviour is replayed in services/store/kinds.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/patch/ownership.h"
#include "schemas/lib/patch/patch.h"
#include "schemas/lib/validation/validation.h"

namespace kubus::patch {
namespace {

std::vector<json::object> lines() {
  std::ifstream in(std::filesystem::path(KUBUS_TESTDATA) / "patches.jsonl");
  std::vector<json::object> out;
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line).as_object());
  return out;
}

// The two defaults of Deployments that depend on other fields, as far as the recordings need them.
void add_behaviour(json::value& v) {
  json::object& spec = v.as_object()["spec"].as_object();
  json::object& strategy = spec["strategy"].as_object();
  if (!strategy.contains("rollingUpdate")) {
    strategy["rollingUpdate"] = json::object{{"maxUnavailable", "25%"}, {"maxSurge", "25%"}};
  }
  for (json::value& c : v.at("spec").at("template").at("spec").at("containers").as_array()) {
    if (!c.as_object().contains("imagePullPolicy")) c.as_object()["imagePullPolicy"] = "Always";
  }
}

// As stored: through the FlatBuffer and back, with defaults.
json::value stored(const schema::KindInfo& kind, const json::value& v) {
  json::value work = v;
  validation::apply_defaults(*kind.type, work);
  if (kind.kind == "Deployment") add_behaviour(work);
  Result<Buffer> bytes = codec::from_value(kind, work, nullptr);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? codec::to_value(kind, *bytes) : json::value();
}

// Leaves out what the server decides.
void strip(json::value& v) {
  if (json::object* o = v.if_object()) {
    for (const char* key : {"generation", "namespace", "apiVersion", "kind", "status"})
      o->erase(key);
    for (auto& entry : *o) strip(entry.value());
  } else if (json::array* a = v.if_array()) {
    for (json::value& e : *a) strip(e);
  }
}

json::value stripped(json::value v) {
  strip(v);
  return v;
}

std::map<std::string, json::value> by_manager(const std::vector<Manager>& managers) {
  std::map<std::string, json::value> out;
  for (const Manager& m : managers)
    out[m.name + (m.apply ? "/Apply" : "/Update")] = m.fields.to_fields_v1();
  return out;
}

std::map<std::string, json::value> by_manager(const json::array& managers) {
  std::map<std::string, json::value> out;
  for (const json::value& m : managers) {
    out[json::value_to<std::string>(m.at("manager")) + "/" +
        json::value_to<std::string>(m.at("operation"))] = m.at("fields");
  }
  return out;
}

std::string text(const json::object& line, std::string_view key) {
  const json::value* v = line.if_contains(key);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : "";
}

struct Replay {
  const schema::KindInfo* kind = nullptr;
  json::value live;
  std::vector<Manager> managers;
  std::string name;

  void begin(const json::object& base) {
    kind =
        schema::Registry::get().by_api_version(json::value_to<std::string>(base.at("apiVersion")),
                                               json::value_to<std::string>(base.at("kind")));
    ASSERT_NE(kind, nullptr);
    std::string who = json::value_to<std::string>(base.at("metadata").at("name"));
    if (who == name) return;
    name = who;
    live = stored(*kind, base);
    managers.clear();
    note_update(*kind, nullptr, live, {"creator", false, kind->api_version(), 1, "", {}},
                &managers);
  }

  Status step(const json::object& line) {
    const json::value& patch = line.at("patch");
    json::value next = live;
    std::string type = text(line, "type"), query = text(line, "query");
    if (type == "merge-patch+json") {
      merge_patch(next, patch);
    } else if (type == "strategic-merge-patch+json") {
      if (Status s = strategic_merge(*kind->type, next, patch); !s) return s;
    } else {
      Manager who{query.substr(query.find('=') + 1, 2), true, kind->api_version(), 2, "", {}};
      bool force = query.find("force=true") != std::string::npos;
      Result<json::value> r = apply(*kind, live, patch, who, force, &managers);
      if (!r) return std::move(r).error();
      next = *std::move(r);
    }
    live = stored(*kind, next);
    return {};
  }
};

TEST(GoldenPatches, MatchWhatWasRecorded) {
  Replay replay;
  int passed = 0, n = -1;
  for (const json::object& line : lines()) {
    ++n;
    int64_t code = line.at("code").to_number<int64_t>();
    bool service = line.at("base").at("kind") == "Service";
    bool schema_matter = code == 200 || (code == 409 && text(line, "type") == "apply-patch+yaml");
    if (service || !schema_matter) continue;
    SCOPED_TRACE("line " + std::to_string(n) + ": " + json::serialize(line.at("patch")));
    replay.begin(line.at("base").as_object());
    Status s = replay.step(line);
    if (code == 409) {
      ASSERT_FALSE(s);
      EXPECT_EQ(s.error().code, Code::kConflict);
      ASSERT_EQ(s.error().causes.size(), line.at("causes").as_array().size());
      EXPECT_EQ(s.error().causes[0].field, text(line.at("causes").at(0).as_object(), "field"));
      EXPECT_EQ(s.error().causes[0].reason, "FieldManagerConflict");
    } else {
      ASSERT_TRUE(s) << s.error().message;
      json::value want = stripped(stored(*replay.kind, line.at("out")));
      json::value have = stripped(replay.live);
      EXPECT_EQ(have, want) << json::serialize(have) << "\n" << json::serialize(want);
    }
    if (line.contains("managers")) {
      const auto have = by_manager(replay.managers),
                 want = by_manager(line.at("managers").as_array());
      EXPECT_EQ(have, want);
    }
    ++passed;
  }
  EXPECT_GE(passed, 28);
}

}  // namespace
}  // namespace kubus::patch
