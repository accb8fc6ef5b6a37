#include "cli/output/printer.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cstdio>
#include <iostream>

#include "cli/output/pretty_json.h"
#include "cli/resources.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/yaml.h"
#include "schemas/lib/table/table.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

json::value with_type(const Object& object) {
  json::object o{{"apiVersion", object.kind().api_version()}, {"kind", object.kind().kind}};
  json::value fields = codec::to_value(object.kind(), object.bytes());
  for (auto& member : fields.as_object())
    o.insert_or_assign(member.key(), std::move(member.value()));
  // Who owns which field is seldom what a reader wants; `kubus history` tells it better.
  if (json::value* m = o.if_contains("metadata"); m && m->is_object())
    m->as_object().erase("managedFields");
  return o;
}

json::value document(const std::vector<Object>& objects, bool single) {
  if (single && objects.size() == 1) return with_type(objects[0]);
  json::array items;
  for (const Object& o : objects) items.push_back(with_type(o));
  return json::object{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

std::string cell_text(const json::value& cell) {
  return cell.is_string() ? std::string(cell.as_string())
         : cell.is_null() ? "<none>"
                          : json::serialize(cell);
}

std::string heading(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return name;
}

void print_table(const schema::KindInfo& kind, const std::vector<Object>& objects, bool wide,
                 bool with_ns, int64_t now) {
  std::vector<std::vector<std::string>> rows(1);
  if (with_ns) rows[0].push_back("NAMESPACE");
  for (const auto& c : kind.columns) {
    if (wide || c.priority == 0) rows[0].push_back(heading(c.name));
  }
  for (const Object& o : objects) {
    json::array cells = table::cells(o, now);
    std::vector<std::string>& row = rows.emplace_back();
    if (with_ns) row.emplace_back(o.ns());
    for (size_t i = 0; i < cells.size() && i < kind.columns.size(); ++i) {
      if (wide || kind.columns[i].priority == 0) row.push_back(cell_text(cells[i]));
    }
  }
  std::cout << align(rows);
}

size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

void add_output_option(po::options_description_easy_init& add) {
  add("output,o", po::value<std::string>()->default_value("table"),
      "table, wide, yaml, json or name");
}

Result<Output> output_of(const Invocation& call) {
  std::string o = call.options["output"].as<std::string>();
  if (o == "table" || o.empty()) return Output::kTable;
  if (o == "wide") return Output::kWide;
  if (o == "yaml") return Output::kYaml;
  if (o == "json") return Output::kJson;
  if (o == "name") return Output::kName;
  return Error(Code::kBadRequest, "-o must be table, wide, yaml, json or name, not \"" + o + "\"");
}

void print_objects(const schema::KindInfo& kind, const std::vector<Object>& objects, Output output,
                   bool single, bool with_ns, int64_t now) {
  switch (output) {
    case Output::kTable:
      return print_table(kind, objects, false, with_ns, now);
    case Output::kWide:
      return print_table(kind, objects, true, with_ns, now);
    case Output::kYaml:
      std::cout << codec::to_yaml(document(objects, single));
      return;
    case Output::kJson:
      std::cout << pretty_json(document(objects, single)) << "\n";
      return;
    case Output::kName:
      for (const Object& o : objects) std::cout << display_name(kind, o.name()) << "\n";
  }
}

std::string align(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - width_of(row[i]) + 3, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace kubus::cli
