#include "schemas/lib/table/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>

#include "schemas/lib/codec/codec.h"

namespace kubus::table {
namespace {

namespace json = boost::json;

// Allocated numbers stand as text in the recording; any address or port does in their place.
void fill_allocated(json::value& v, std::string_view key = "") {
  if (v.is_object()) {
    for (auto& m : v.as_object()) fill_allocated(m.value(), m.key());
  } else if (v.is_array()) {
    for (auto& i : v.as_array()) fill_allocated(i, key);
  } else if (v.is_string() && v.as_string() == "<allocated>") {
    if (key == "clusterIP" || key == "clusterIPs") {
      v = "10.0.0.7";
    } else {
      v = 30007;
    }
  } else if (v.is_string() && v.as_string() == "set") {
    v = "2026-11-23T05:00:00Z";
  }
}

// Whether `got` is `pattern`, in which each <allocated> and <age> stands for any text.
bool fits(std::string_view pattern, std::string_view got) {
  size_t open = std::min(pattern.find("<allocated>"), pattern.find("<age>"));
  if (open == std::string_view::npos) return pattern == got;
  if (got.substr(0, open) != pattern.substr(0, open)) return false;
  std::string_view rest = pattern.substr(pattern.find('>', open) + 1);
  for (size_t i = open + 1; i <= got.size(); ++i) {
    if (fits(rest, got.substr(i))) return true;
  }
  return false;
}

bool matches(const json::value& expected, const json::value& got) {
  if (!expected.is_string() || !got.is_string()) return expected == got;
  return fits(expected.as_string().c_str(), got.as_string().c_str());
}

TEST(Table, RecordedRowsComeOutAsRecorded) {
  std::ifstream in(KUBUS_GOLDEN "/rows.jsonl");
  ASSERT_TRUE(in);
  int checked = 0;
  for (std::string line; std::getline(in, line);) {
    json::value v = json::parse(line);
    json::object& o = v.at("object").as_object();
    std::string api_version =
        o.contains("apiVersion") ? o.at("apiVersion").as_string().c_str() : "v1";
    const auto* kind =
        schema::Registry::get().by_api_version(api_version, o.at("kind").as_string().c_str());
    if (!kind) continue;
    fill_allocated(v.at("object"));
    auto bytes = codec::from_value(*kind, v.at("object"), nullptr);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    json::array row = cells(Object::trusted(*kind, Payload(*std::move(bytes))), 1'800'000'000);
    for (size_t i = 0; i < kind->columns.size(); ++i) {
      const json::value* expected = v.at("cells").as_object().if_contains(kind->columns[i].name);
      if (!expected || *expected == "<allocated>") continue;
      EXPECT_TRUE(matches(*expected, row[i]))
          << o.at("metadata").at("name") << " " << kind->columns[i].name << ": expected "
          << *expected << ", got " << row[i];
    }
    ++checked;
  }
  EXPECT_GE(checked, 30);
}

std::string cell(const char* group, const char* resource, const char* column, const char* text) {
  const auto& kind = *schema::Registry::get().by_resource(group, resource);
  auto bytes = codec::from_json(kind, text, nullptr);
  EXPECT_TRUE(bytes.ok());
  json::array row = cells(Object::trusted(kind, Payload(*std::move(bytes))), 1'800'000'000);
  for (size_t i = 0; i < kind.columns.size(); ++i) {
    if (kind.columns[i].name == column) return row[i].as_string().c_str();
  }
  return "no such column";
}

TEST(Table, EveryColumnHasACellEvenOfABareObject) {
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (!kind->stored) continue;
    auto bytes = codec::from_json(*kind, R"({"metadata":{"name":"a"}})", nullptr);
    ASSERT_TRUE(bytes.ok());
    json::array row = cells(Object::trusted(*kind, Payload(*std::move(bytes))), 0);
    ASSERT_EQ(row.size(), kind->columns.size());
    for (size_t i = 0; i < row.size(); ++i)
      EXPECT_FALSE(row[i].is_null()) << kind->kind << " " << kind->columns[i].name;
  }
}

TEST(Table, AnAdmissionSubscriberShowsWhatItsSilenceDoes) {
  const char* text = R"({"spec":{"failurePolicy":"Ignore","timeoutSeconds":7}})";
  EXPECT_EQ(cell("kubus.io", "admissionsubscribers", "Policy", text), "Ignore");
}

TEST(Table, ADeletedPodIsTerminatingUntilItIsOver) {
  auto status = [](const std::string& of_status) {
    std::string pod = R"({"metadata":{"name":"a","deletionTimestamp":"2026-11-23T05:00:00Z"},
                          "status":{)" +
                      of_status + "}}";
    return cell("", "pods", "Status", pod.c_str());
  };
  EXPECT_EQ(status(R"("phase":"Running")"), "Terminating");
  EXPECT_EQ(status(R"("phase":"Failed")"), "Failed");
  EXPECT_EQ(status(R"("phase":"Succeeded")"), "Succeeded");
  EXPECT_EQ(status(R"("phase":"Running","reason":"NodeLost")"), "Unknown");
}

TEST(Table, RolesOfANodeStandInItsLabels) {
  EXPECT_EQ(cell("", "nodes", "Roles", R"({"metadata":{"name":"n","labels":{
      "node-role.kubernetes.io/worker":"","node-role.kubernetes.io/control-plane":"",
      "kubernetes.io/role":"worker","node-role.kubernetes.io/":""}}})"),
            "control-plane,worker");
}

TEST(Table, DurationsReadAsPeopleSayThem) {
  EXPECT_EQ(human_duration(0), "0s");
  EXPECT_EQ(human_duration(119), "119s");
  EXPECT_EQ(human_duration(121), "2m1s");
  EXPECT_EQ(human_duration(600), "10m");
  EXPECT_EQ(human_duration(3 * 3600), "3h");
  EXPECT_EQ(human_duration(3 * 3600 + 1200), "3h20m");
  EXPECT_EQ(human_duration(50 * 3600), "2d2h");
  EXPECT_EQ(human_duration(int64_t{86400} * 800), "2y70d");
  EXPECT_EQ(human_duration(-10), "<invalid>");
}

}  // namespace
}  // namespace kubus::table
