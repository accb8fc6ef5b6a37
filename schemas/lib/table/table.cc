#include "schemas/lib/table/table.h"

#include <array>
#include <charconv>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/selectors/selectors.h"
#include "schemas/lib/table/rows.h"

namespace kubus::table {

const json::value& at(const json::value& v, std::string_view path) {
  static const json::value kNone;
  const json::value* p = &v;
  while (!path.empty()) {
    size_t dot = path.find('.');
    std::string_view step = path.substr(0, dot);
    p = p->is_object() ? p->get_object().if_contains(json::string_view(step.data(), step.size()))
                       : nullptr;
    if (!p) return kNone;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return *p;
}

std::string text(const json::value& v, std::string_view path) {
  const json::value& x = at(v, path);
  if (x.is_string()) return std::string(x.get_string());
  if (x.is_int64()) return std::to_string(x.get_int64());
  return "";
}

int64_t number(const json::value& v, std::string_view path) {
  const json::value& x = at(v, path);
  return x.is_int64() ? x.get_int64() : 0;
}

const json::array& items(const json::value& v, std::string_view path) {
  static const json::array kNone;
  const json::value& x = at(v, path);
  return x.is_array() ? x.get_array() : kNone;
}

std::string or_none(std::string s) {
  return s.empty() ? "<none>" : s;
}

std::string age(const json::value& v, std::string_view path, int64_t now) {
  auto t = codec::parse_time(text(v, path));
  return t ? human_duration(now - *t) : "<unknown>";
}

std::string selector_text(const json::value& selector) {
  auto parsed = selectors::LabelSelector::from_value(selector);
  return parsed ? parsed->str() : "<error>";
}

std::string label_map_text(const json::value& labels) {
  std::string out;
  if (!labels.is_object()) return out;
  for (const auto& m : labels.get_object()) {
    out += (out.empty() ? "" : ",") + std::string(m.key()) + "=" +
           (m.value().is_string() ? std::string(m.value().get_string()) : "");
  }
  return out;
}

std::string human_duration(int64_t s) {
  constexpr int64_t kMinute = 60, kHour = 3600, kDay = 86400, kYear = 365 * kDay;
  auto two = [](int64_t a, const char* ua, int64_t b, const char* ub) {
    return std::to_string(a) + ua + (b ? std::to_string(b) + ub : "");
  };
  if (s < -1) return "<invalid>";
  if (s < 0) return "0s";
  if (s < 2 * kMinute) return std::to_string(s) + "s";
  if (s < 10 * kMinute) return two(s / kMinute, "m", s % kMinute, "s");
  if (s < 3 * kHour) return std::to_string(s / kMinute) + "m";
  if (s < 8 * kHour) return two(s / kHour, "h", s % kHour / kMinute, "m");
  if (s < 2 * kDay) return std::to_string(s / kHour) + "h";
  if (s < 8 * kDay) return two(s / kDay, "d", s % kDay / kHour, "h");
  if (s < 2 * kYear) return std::to_string(s / kDay) + "d";
  if (s < 8 * kYear) return two(s / kYear, "y", s % kYear / kDay, "d");
  return std::to_string(s / kYear) + "y";
}

namespace {

struct Maker {
  std::string_view kind;
  void (*make)(Row&);
};
constexpr std::array kMakers = {
    Maker{"Pod", pod_row},
    Maker{"Service", service_row},
    Maker{"Node", node_row},
    Maker{"Event", event_row},
    Maker{"Endpoints", endpoints_row},
    Maker{"EndpointSlice", endpoint_slice_row},
    Maker{"Deployment", workload_row},
    Maker{"ReplicaSet", workload_row},
    Maker{"PriorityClass", priority_class_row},
    Maker{"User", user_row},
    Maker{"AdmissionSubscriber", admission_subscriber_row},
};

}  // namespace

boost::json::array cells(const Object& object, int64_t now) {
  json::value value = codec::to_value(object.kind(), object.bytes());
  Row row{value, now, {}};
  row.set("Name", text(value, "metadata.name"));
  row.set("Age", age(value, "metadata.creationTimestamp", now));
  void (*make)(Row&) = simple_row;
  for (const Maker& m : kMakers) {
    if (m.kind == object.kind().kind) make = m.make;
  }
  make(row);
  json::array out;
  for (const schema::Column& c : object.kind().columns) {
    const json::value* cell = row.cells.if_contains(c.name);
    out.push_back(cell ? *cell : json::value());
  }
  return out;
}

}  // namespace kubus::table
