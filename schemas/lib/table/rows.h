// Computed cells by kind. Internal to this folder.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace kubus::table {

namespace json = boost::json;

// A row under construction: cells by column name. The object is read as a value; what is absent
// reads as null.
struct Row {
  const json::value& object;
  int64_t now;
  json::object cells;

  void set(std::string_view column, const std::string& text) {
    put(column, json::value(json::string_view(text.data(), text.size())));
  }
  void set(std::string_view column, int64_t number) { put(column, json::value(number)); }
  void put(std::string_view column, json::value v) {
    cells.insert_or_assign(json::string_view(column.data(), column.size()), std::move(v));
  }
};

// The value at a dotted path below `v`; a null value if it is not there.
const json::value& at(const json::value& v, std::string_view path);
// Its text: "" if absent; numbers as digits.
std::string text(const json::value& v, std::string_view path);
int64_t number(const json::value& v, std::string_view path);
// The elements of a list, none if absent.
const json::array& items(const json::value& v, std::string_view path);
std::string or_none(std::string s);
// "5m" since a time field; "<unknown>" if absent.
std::string age(const json::value& v, std::string_view path, int64_t now);
// "a=b,c in (d,e)" of a meta.v1 LabelSelector.
std::string selector_text(const json::value& selector);
std::string label_map_text(const json::value& labels);

void pod_row(Row& row);
void service_row(Row& row);
void node_row(Row& row);
void event_row(Row& row);
void endpoints_row(Row& row);
void endpoint_slice_row(Row& row);
void workload_row(Row& row);  // Deployment, ReplicaSet
void priority_class_row(Row& row);
void user_row(Row& row);
void admission_subscriber_row(Row& row);
void simple_row(Row& row);  // the rest

}  // namespace kubus::table
