// Random objects in canonical form, for property tests.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <random>
#include <string>

#include "schemas/lib/schema/registry.h"

namespace kubus::codec {

namespace json = boost::json;

class RandomValue {
 public:
  explicit RandomValue(uint64_t seed) : random_(seed) {}

  // Fields are there or not; what is there is what an encoder keeps.
  json::object table(const schema::TypeInfo& type, int depth = 0) {
    json::object out;
    for (const schema::FieldInfo& f : type.fields) {
      if (below(depth < 3 ? 2 : 4) != 0) continue;
      json::value v = field(f, depth);
      bool nothing = (v.is_object() && v.get_object().empty() && f.is_map) ||
                     (v.is_array() && v.get_array().empty());
      if (!nothing || f.keep_zero) out.emplace(f.name, std::move(v));
    }
    return out;
  }

  uint64_t below(uint64_t n) { return random_() % n; }

  std::string text() {
    static const char* kParts[] = {"a",    "web", "0",    "true", " ",  "\n", "\"", ":", "#",
                                   "- ",   "é",   "null", "\t",   "\\", "'",  "{",  "|", "1e3",
                                   "0x1f", "~",   "yes",  ", ",   "%",  "😀",  "[",  "&", "\r"};
    std::string out;
    for (uint64_t n = 1 + below(5); n > 0; --n) out += kParts[below(std::size(kParts))];
    return out;
  }

 private:
  json::value field(const schema::FieldInfo& f, int depth) {
    if (f.is_map) {
      json::object out;
      for (uint64_t n = below(4); n > 0; --n) out.insert_or_assign(text(), one(f, depth));
      return sorted(out);
    }
    if (!f.is_list) return one(f, depth);
    json::array out;
    for (uint64_t n = below(4); n > 0; --n) out.push_back(one(f, depth));
    return out;
  }

  json::value one(const schema::FieldInfo& f, int depth) {
    using schema::ValueKind;
    bool zero = f.keep_zero && below(3) == 0;
    switch (f.kind) {
      case ValueKind::kBool:
        return !zero;
      case ValueKind::kInt32:
        return zero ? 0 : static_cast<int32_t>(random_() | 1);
      case ValueKind::kInt64:
        return zero ? int64_t{0} : static_cast<int64_t>(random_() | 1);
      case ValueKind::kDouble:
        return zero ? 0.0 : static_cast<double>(below(1000) + 1) / 8;
      case ValueKind::kString:
        return json::string(zero ? "" : text());
      case ValueKind::kQuantity:
        return json::string(pick({"1", "500m", "1Gi", "1536Mi", "10e3", "0", "-1", "1n"}));
      case ValueKind::kTime:
        return json::string(pick({"2026-11-23T05:00:00Z", "0001-01-02T00:00:00Z",
                                  "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"}));
      case ValueKind::kMicroTime:
        return json::string(pick({"2026-11-23T05:00:00.000001Z", "1969-12-31T23:59:59.999999Z"}));
      case ValueKind::kIntOrString:
        return below(2) ? json::value(static_cast<int32_t>(random_())) : json::value(text());
      case ValueKind::kBytes:
        return json::string(pick({"AAEC", "/+8=", "YQ==", "YWJj"}));
      case ValueKind::kRawJson:
        return json::object{{"x", json::array{1, "two", nullptr}}};
      case ValueKind::kDecimal:
        return json::string(std::to_string(random_() | 1));
      case ValueKind::kFieldSet:
        return json::object{{"f:spec", json::object{{"f:replicas", json::object{}}}}};
      case ValueKind::kTable:
        return table(*f.type, depth + 1);
    }
    return nullptr;
  }

  const char* pick(std::initializer_list<const char*> from) {
    return from.begin()[below(from.size())];
  }

  static json::object sorted(const json::object& o) {
    std::map<std::string, json::value> by_key;
    for (const auto& m : o) by_key.emplace(std::string(m.key()), m.value());
    json::object out;
    for (auto& [k, v] : by_key) out.emplace(k, std::move(v));
    return out;
  }

  std::mt19937_64 random_;
};

}  // namespace kubus::codec
