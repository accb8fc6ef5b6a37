#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstring>
#include <map>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/random_value.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::codec {
namespace {

using schema::FieldInfo;
using schema::ValueKind;

std::string varint(uint64_t n) {
  std::string out;
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  return out + static_cast<char>(n);
}
std::string number(uint32_t field, int64_t n) {
  return varint(uint64_t{field} << 3) + varint(static_cast<uint64_t>(n));
}
std::string bytes(uint32_t field, const std::string& s) {
  return varint(uint64_t{field} << 3 | 2) + varint(s.size()) + s;
}
std::string envelope(const std::string& api_version, const std::string& kind,
                     const std::string& raw) {
  return std::string("k8s\0", 4) + bytes(1, bytes(1, api_version) + bytes(2, kind)) +
         bytes(2, raw) + bytes(3, "") + bytes(4, "");
}

std::string decoded(const std::string& body) {
  auto v = from_protobuf(as_bytes(body));
  if (v.ok()) return json::serialize(*v);
  EXPECT_EQ(v.error().code, Code::kBadRequest);
  return v.error().message;
}

TEST(FromProtobuf, ReadsAConfigMapAsClientsWriteIt) {
  // Plain strings and structs that were never set are written all the same.
  std::string metadata = bytes(1, "cm") + bytes(2, "") + bytes(3, "shop") + bytes(4, "") +
                         bytes(5, "") + bytes(6, "") + number(7, 0) + bytes(8, "") +
                         bytes(11, bytes(1, "app") + bytes(2, "web"));
  std::string raw = bytes(1, metadata) + bytes(2, bytes(1, "k") + bytes(2, "v")) +
                    bytes(3, bytes(1, "b") + bytes(2, std::string("\0\1\2", 3)));
  auto v = from_protobuf(as_bytes(envelope("v1", "ConfigMap", raw)));
  ASSERT_TRUE(v.ok()) << v.error().message;
  const auto& kind = *schema::Registry::get().by_resource("", "configmaps");
  std::vector<Problem> problems;
  auto object = from_value(kind, *v, &problems);
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_TRUE(problems.empty());
  std::string out;
  to_json(kind, *object, {}, &out);
  EXPECT_EQ(out,
            R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"cm","namespace":"shop",)"
            R"("labels":{"app":"web"}},"data":{"k":"v"},"binaryData":{"b":"AAEC"}})");
}

TEST(FromProtobuf, ReadsDeleteOptions) {
  EXPECT_EQ(decoded(envelope("v1", "DeleteOptions", number(1, 0) + bytes(4, "Background"))),
            R"({"gracePeriodSeconds":0,"propagationPolicy":"Background",)"
            R"("apiVersion":"v1","kind":"DeleteOptions"})");
}

TEST(FromProtobuf, UnsetTimesAreAbsent) {
  auto created = [](const std::string& time) {
    return decoded(envelope("v1", "ConfigMap", bytes(1, bytes(1, "a") + bytes(8, time))));
  };
  std::string without = R"({"metadata":{"name":"a"},"apiVersion":"v1","kind":"ConfigMap"})";
  EXPECT_EQ(created(""), without);
  EXPECT_EQ(created(number(1, -62135596800) + number(2, 0)), without);
  EXPECT_NE(created(number(1, 0) + number(2, 0)).find("1970-01-01T00:00:00Z"), std::string::npos);
}

TEST(FromProtobuf, PackedNumbersAndUnknownFieldsAreRead) {
  const schema::TypeInfo& context =
      *schema::Registry::get().type("kubus.core.v1.PodSecurityContext");
  uint32_t groups = context.find("supplementalGroups")->proto_number;
  const schema::TypeInfo& spec = *schema::Registry::get().type("kubus.core.v1.PodSpec");
  uint32_t at = spec.find("securityContext")->proto_number;
  auto pod = [&](const std::string& groups_field) {
    return decoded(envelope("v1", "Pod", bytes(2, bytes(at, groups_field) + bytes(999, "new"))));
  };
  std::string expected = R"({"spec":{"securityContext":{"supplementalGroups":[1,300]}},)"
                         R"("apiVersion":"v1","kind":"Pod"})";
  EXPECT_EQ(pod(number(groups, 1) + number(groups, 300)), expected);
  EXPECT_EQ(pod(bytes(groups, varint(1) + varint(300))), expected);
}

TEST(FromProtobuf, RefusesWhatIsNone) {
  const std::string start = "malformed protobuf body: ";
  EXPECT_EQ(decoded(""), start + "it does not begin as one of Kubernetes");
  EXPECT_EQ(decoded("{}"), start + "it does not begin as one of Kubernetes");
  EXPECT_EQ(decoded(std::string("k8s\0\x0a\x7f", 6)), start + "its envelope is cut off");
  EXPECT_EQ(decoded(envelope("v1", "Nope", "")), start + "there is no kind Nope in v1");
  EXPECT_EQ(decoded(std::string("k8s\0", 4)).rfind(start, 0), 0u);
  EXPECT_EQ(decoded(envelope("v1", "ConfigMap", bytes(1, bytes(1, "\xff")))).rfind(start, 0), 0u)
      << "text that is no UTF-8";
  EXPECT_EQ(decoded(envelope("v1", "ConfigMap", number(1, 5))).rfind(start, 0), 0u)
      << "a number where a message stands";
  EXPECT_EQ(decoded(envelope("v1", "ConfigMap", bytes(1, "\x0a\x09xx"))).rfind(start, 0), 0u);
}

// Writes what a client would send, by the same field numbers.
std::string written(const schema::TypeInfo& type, const json::object& object);

std::string one(const FieldInfo& f, uint32_t n, const json::value& v) {
  auto text = [&] { return std::string(v.as_string()); };
  switch (f.kind) {
    case ValueKind::kBool:
      return number(n, v.as_bool());
    case ValueKind::kInt32:
    case ValueKind::kInt64:
      return number(n, v.to_number<int64_t>());
    case ValueKind::kDouble: {
      char raw[8];
      double d = v.to_number<double>();
      std::memcpy(raw, &d, sizeof d);
      return varint(uint64_t{n} << 3 | 1) + std::string(raw, sizeof raw);
    }
    case ValueKind::kString:
    case ValueKind::kDecimal:
      return bytes(n, text());
    case ValueKind::kBytes: {
      Buffer raw = *from_base64(text());
      return bytes(n, std::string(raw.begin(), raw.end()));
    }
    case ValueKind::kQuantity:
      return bytes(n, bytes(1, text()));
    case ValueKind::kTime:
      return bytes(n, number(1, *parse_time(text())) + number(2, 0));
    case ValueKind::kMicroTime: {
      int64_t t = *parse_micro_time(text()), micros = ((t % 1'000'000) + 1'000'000) % 1'000'000;
      return bytes(n, number(1, (t - micros) / 1'000'000) + number(2, micros * 1000));
    }
    case ValueKind::kIntOrString:
      return bytes(n, v.is_string() ? number(1, 1) + number(2, 0) + bytes(3, text())
                                    : number(1, 0) + number(2, v.as_int64()) + bytes(3, ""));
    case ValueKind::kRawJson:
    case ValueKind::kFieldSet:
      return bytes(n, bytes(1, json::serialize(v)));
    case ValueKind::kTable:
      return bytes(n, written(*f.type, v.as_object()));
  }
  return "";
}

std::string all(const FieldInfo& f, const json::value& v) {
  std::string out;
  if (f.is_map) {
    for (const auto& m : v.as_object())
      out += bytes(f.proto_number, bytes(1, std::string(m.key())) + one(f, 2, m.value()));
  } else if (f.is_list) {
    for (const auto& item : v.as_array()) out += one(f, f.proto_number, item);
  } else {
    out = one(f, f.proto_number, v);
  }
  return out;
}

std::string written(const schema::TypeInfo& type, const json::object& object) {
  std::string out;
  std::map<uint32_t, std::string> embedded;
  for (const FieldInfo& f : type.fields) {
    const json::value* v = object.if_contains(f.name);
    if (v == nullptr) continue;
    EXPECT_NE(f.proto_number, 0u) << type.name << "." << f.name;
    (f.proto_inside != 0 ? embedded[f.proto_inside] : out) += all(f, *v);
  }
  for (const auto& [n, message] : embedded) out += bytes(n, message);
  return out;
}

TEST(FromProtobuf, EveryKindReadsTheSameAsItsJson) {
  constexpr uint64_t kRounds = 40;
  for (const auto& kind : schema::Registry::get().kinds()) {
    for (uint64_t seed = 0; seed < kRounds; ++seed) {
      SCOPED_TRACE(kind->kind + " seed " + std::to_string(seed));
      RandomValue random(seed * 977 + kind->number);
      json::object object = random.table(*kind->type);
      std::string body = envelope(kind->api_version(), kind->kind, written(*kind->type, object));
      auto v = from_protobuf(as_bytes(body));
      ASSERT_TRUE(v.ok()) << v.error().message << "\n" << object;
      std::vector<Problem> problems;
      auto by_protobuf = from_value(*kind, *v, &problems);
      auto by_json = from_value(*kind, object, nullptr);
      ASSERT_TRUE(by_protobuf.ok() && by_json.ok());
      EXPECT_TRUE(problems.empty());
      ASSERT_EQ(to_value(*kind, *by_protobuf), to_value(*kind, *by_json));
      ASSERT_EQ(*by_protobuf, *by_json);
    }
  }
}

TEST(FromProtobuf, DamagedBodiesAreRefusedOrRead) {
  const auto& kinds = schema::Registry::get().kinds();
  constexpr uint64_t kMutants = 8000;
  std::string original;
  uint64_t read = 0;
  for (uint64_t seed = 0; seed < kMutants; ++seed) {
    RandomValue random(seed);
    const schema::KindInfo& kind = *kinds[seed / 50 % kinds.size()];
    if (seed % 50 == 0)
      original =
          envelope(kind.api_version(), kind.kind, written(*kind.type, random.table(*kind.type)));
    std::string body = original;
    for (uint64_t n = 1 + random.below(3); n > 0; --n)
      body[random.below(body.size())] = static_cast<char>(random.below(256));
    if (random.below(4) == 0) body.resize(random.below(body.size()));
    auto v = from_protobuf(as_bytes(body));
    if (!v.ok()) continue;
    ++read;
    std::string text = json::serialize(*v);
    boost::system::error_code code;
    json::parse(text, code);
    ASSERT_FALSE(code) << text;
  }
  EXPECT_GT(read, 0u);
  EXPECT_LT(read, kMutants);
}

}  // namespace
}  // namespace kubus::codec
