// Compares the schemas with what Kubernetes publishes, as the tables in testdata/ say it.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "schemas/lib/schema/registry.h"

namespace kubus::schema {
namespace {

using Row = std::map<std::string, std::string>;

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      bool doubled = quoted && i + 1 < line.size() && line[i + 1] == '"';
      if (doubled) cells.back() += line[i++];
      if (!doubled) quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += line[i];
    }
  }
  return cells;
}

std::vector<Row> table(const char* file) {
  std::ifstream in(std::filesystem::path(KUBUS_TESTDATA) / file);
  std::vector<Row> rows;
  std::vector<std::string> head;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells = cells_of(line);
    if (head.empty()) {
      head = std::move(cells);
      continue;
    }
    Row& row = rows.emplace_back();
    for (size_t i = 0; i < head.size() && i < cells.size(); ++i) row[head[i]] = cells[i];
  }
  return rows;
}

std::set<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::set<std::string> out;
  for (std::string w; in >> w;) out.insert(w);
  return out;
}

std::set<std::string> set_of(const std::vector<std::string>& list) {
  return {list.begin(), list.end()};
}

// "api.core.v1", "Pod" → "kubus.core.v1.Pod".
std::string our_name(const Row& row) {
  const std::string& package = row.at("package");
  std::string group = package.substr(0, package.rfind('.'));
  group = group.substr(group.rfind('.') + 1);
  return "kubus." + group + ".v1." + row.at("message");
}

std::string json_type(const FieldInfo& f) {
  auto plain = [&]() -> std::string {
    switch (f.kind) {
      case ValueKind::kBool:
        return "boolean";
      case ValueKind::kInt32:
      case ValueKind::kInt64:
        return "integer";
      case ValueKind::kDouble:
        return "number";
      case ValueKind::kString:
      case ValueKind::kDecimal:
      case ValueKind::kBytes:
        return "string";
      default:
        return f.proto_type.substr(0, f.proto_type.find('<'));
    }
  };
  if (f.is_map) return f.kind == ValueKind::kQuantity ? "{Quantity}" : "{string}";
  return f.is_list ? "[" + plain() + "]" : plain();
}

std::string proto_type(std::string text) {
  if (text.rfind("repeated ", 0) == 0) text.erase(0, 9);
  const std::string package = ".apimachinery.pkg.api.resource.";
  if (size_t at = text.find(package); at != std::string::npos) text.erase(at, package.size());
  return text.find('<') == std::string::npos ? text.substr(text.rfind('.') + 1) : text;
}

bool empty_default(const std::string& text) {
  return text.empty() || text == "\"\"" || text == "0" || text == "false" || text == "{}";
}

void expect_same_lists(const Row& row, const FieldInfo& f) {
  const std::string &list = row.at("list_type"), &patch = row.at("patch_strategy");
  EXPECT_EQ(f.list_type == ListType::kMap, list == "map");
  EXPECT_EQ(f.list_type == ListType::kSet, list == "set");
  EXPECT_EQ(set_of(f.list_keys), words(row.at("list_map_keys")));
  EXPECT_EQ(f.patch_merge, patch.find("merge") != std::string::npos);
  EXPECT_EQ(f.patch_retain_keys, patch.find("retainKeys") != std::string::npos);
  EXPECT_EQ(f.patch_key, row.at("patch_merge_key"));
}

void expect_same_values(const Row& row, const FieldInfo& f) {
  const std::string &enums = row.at("enum"), &initial = row.at("default");
  EXPECT_EQ(f.listed_required, row.at("required") == "yes");
  EXPECT_TRUE(enums.empty() || set_of(f.enums) == words(enums)) << enums;
  EXPECT_TRUE(empty_default(initial) || json::serialize(f.default_value) == initial) << initial;
  bool shown = initial == "{}" && f.kind == ValueKind::kTable && !f.is_list;
  EXPECT_TRUE(!shown || f.always);
  EXPECT_TRUE(row.at("map_type") != "atomic" || f.map_atomic);
}

// Everything that a row says of a field. Messages that JSON shows in line are in no published
// schema but the protobuf one.
void expect_same(const Row& row, const FieldInfo& f) {
  const std::string& proto = row.at("protobuf_type");
  EXPECT_EQ(std::to_string(f.proto_number), row.at("protobuf_number"));
  EXPECT_EQ(f.proto_type, proto_type(proto));
  EXPECT_EQ(f.is_list, proto.rfind("repeated ", 0) == 0);
  if (row.at("type").empty()) return;
  EXPECT_EQ(json_type(f), row.at("type"));
  expect_same_lists(row, f);
  expect_same_values(row, f);
}

TEST(Conformance, EveryFieldOfEveryMessage) {
  const std::map<std::string, std::string> inlined = {
      {"VolumeSource", "kubus.core.v1.Volume"},
      {"ProbeHandler", "kubus.core.v1.Probe"},
      {"EphemeralContainerCommon", "kubus.core.v1.EphemeralContainer"}};
  std::map<const TypeInfo*, std::set<std::string>> seen;
  std::vector<Row> rows = table("fields.csv");
  ASSERT_GT(rows.size(), 800u);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.at("message") + "." + row.at("field"));
    auto found = inlined.find(row.at("message"));
    const TypeInfo* type =
        Registry::get().type(found == inlined.end() ? our_name(row) : found->second);
    ASSERT_NE(type, nullptr);
    const FieldInfo* f = type->find(row.at("field"));
    if (f == nullptr) {  // a struct that JSON shows in line: its fields say where they lie
      auto inside = std::count_if(type->fields.begin(), type->fields.end(), [&](const auto& g) {
        return std::to_string(g.proto_inside) == row.at("protobuf_number");
      });
      EXPECT_GT(inside, 0);
      continue;
    }
    EXPECT_EQ(f->proto_inside != 0, found != inlined.end());
    expect_same(row, *f);
    seen[type].insert(f->name);
  }
  for (const auto& [type, names] : seen) {
    for (const FieldInfo& f : type->fields) {
      bool reference =
          f.proto_inside != 0 && f.name == "name";  // of an inlined LocalObjectReference
      EXPECT_TRUE(names.count(f.name) || reference)
          << type->name << "." << f.name << " is nobody's";
    }
  }
}

TEST(Conformance, Kinds) {
  for (const Row& row : table("kinds.csv")) {
    SCOPED_TRACE(row.at("kind"));
    const KindInfo* kind =
        Registry::get().by_kind(row.at("group"), row.at("version"), row.at("kind"));
    ASSERT_NE(kind, nullptr);
    EXPECT_TRUE(kind->stored);
    EXPECT_EQ(kind->resource, row.at("resource"));
    EXPECT_EQ(kind->singular, row.at("singular"));
    EXPECT_EQ(kind->namespaced, row.at("scope") == "Namespaced");
    EXPECT_EQ(set_of(kind->short_names), words(row.at("short_names")));
    EXPECT_EQ(set_of(kind->categories), words(row.at("categories")));
    EXPECT_EQ(set_of(kind->verbs), words(row.at("verbs")));
    for (const auto& s : kind->subresources) {
      std::string text = s.name + "(" + s.group + "/" + s.version + "/" + s.kind + ":";
      for (const std::string& verb : s.verbs) text += (text.back() == ':' ? "" : ",") + verb;
      EXPECT_NE(row.at("subresources").find(text + ")"), std::string::npos) << text;
    }
  }
}

TEST(Conformance, Columns) {
  std::map<std::string, std::vector<Row>> by_kind;
  for (const Row& row : table("columns.csv"))
    by_kind[row.at("group") + "/" + row.at("kind")].push_back(row);
  for (const auto& kind : Registry::get().kinds()) {
    if (!kind->stored) continue;
    SCOPED_TRACE(kind->kind);
    const std::vector<Row>& rows = by_kind[kind->group + "/" + kind->kind];
    ASSERT_EQ(kind->columns.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const Column& c = kind->columns[i];
      EXPECT_EQ(c.name, rows[i].at("column"));
      EXPECT_EQ(c.type, rows[i].at("type"));
      EXPECT_EQ(c.format, rows[i].at("format"));
      EXPECT_EQ(std::to_string(c.priority), rows[i].at("priority"));
    }
  }
}

}  // namespace
}  // namespace kubus::schema
