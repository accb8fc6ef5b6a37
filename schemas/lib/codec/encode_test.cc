// JSON → FlatBuffer → JSON: what is kept, what is dropped and what is refused.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schemas/lib/codec/codec.h"

namespace kubus::codec {
namespace {

const schema::KindInfo& kind(std::string_view group, std::string_view resource) {
  return *schema::Registry::get().by_resource(group, resource);
}

// What comes back of the object, without type and metadata's own zero fields; or the refusal.
std::string through(const schema::KindInfo& k, std::string_view text,
                    std::vector<Problem>* problems = nullptr) {
  auto bytes = from_json(k, text, problems);
  if (!bytes) {
    EXPECT_EQ(bytes.error().code, Code::kBadRequest);
    return bytes.error().message;
  }
  EXPECT_TRUE(verify(k, *bytes));
  std::string out;
  to_json(k, *bytes, {.type_meta = false}, &out);
  EXPECT_EQ(json::parse(out), to_value(k, *bytes));
  return out;
}

std::string at(const schema::KindInfo& k, std::string_view text, std::string_view pointer) {
  std::string out = through(k, text);
  boost::system::error_code code;
  json::value v = json::parse(out, code);
  if (code) return out;
  const json::value* found = v.find_pointer(pointer, code);
  return found ? json::serialize(*found) : "absent";
}

std::string pod_spec(std::string_view spec, std::string_view pointer) {
  return at(kind("", "pods"), R"({"spec":)" + std::string(spec) + "}", pointer);
}

TEST(Encode, NamesUnknownFieldsAndTheNearest) {
  std::vector<Problem> problems;
  std::string out = through(kind("", "pods"),
                            R"({"spec":{"containers":[{"name":"a"},{"name":"b","imag":"x"}],
                                "qqqqqqqqqqqq":1},"metadata":{"labelz":{}},"zpec":{}})",
                            &problems);
  ASSERT_EQ(problems.size(), 4u);
  EXPECT_EQ(problems[0], (Problem{R"(unknown field "zpec")", "spec"}));
  EXPECT_EQ(problems[1], (Problem{R"(unknown field "metadata.labelz")", "labels"}));
  EXPECT_EQ(problems[2], (Problem{R"(unknown field "spec.qqqqqqqqqqqq")", ""}));
  EXPECT_EQ(problems[3], (Problem{R"(unknown field "spec.containers[1].imag")", "image"}));
  EXPECT_EQ(out.find("imag"), std::string::npos);
}

TEST(Encode, WrongTypesAreRefusedByPath) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"spec":[]})", "spec: expected an object, got a list"},
      {R"({"spec":{"containers":{}}})", "spec.containers: expected a list, got an object"},
      {R"({"spec":{"containers":[1]}})", "spec.containers[0]: expected an object, got 1"},
      {R"({"spec":{"containers":[{"args":["a",1]}]}})",
       "spec.containers[0].args[1]: expected a string, got 1"},
      {R"({"spec":{"hostNetwork":"true"}})", "spec.hostNetwork: expected a boolean, got \"true\""},
      {R"({"spec":{"priority":"1"}})", "spec.priority: expected an integer, got \"1\""},
      {R"({"spec":{"priority":1.5}})", "spec.priority: expected an integer, got 1.5E0"},
      {R"({"spec":{"priority":2147483648}})",
       "spec.priority: expected an integer of 32 bits, got 2147483648"},
      {R"({"spec":{"terminationGracePeriodSeconds":18446744073709551615}})",
       "spec.terminationGracePeriodSeconds: expected a number that fits, got "
       "18446744073709551615"},
      {R"({"metadata":{"labels":{"a":1}}})", "metadata.labels[a]: expected a string, got 1"},
      {R"({"metadata":{"labels":[]}})", "metadata.labels: expected a map, got a list"},
      {R"({"metadata":{"resourceVersion":7}})",
       "metadata.resourceVersion: expected a string of digits, got 7"},
      {R"({"metadata":{"resourceVersion":"7x"}})",
       "metadata.resourceVersion: expected a string of digits, got \"7x\""},
      {R"({"metadata":{"resourceVersion":"-1"}})",
       "metadata.resourceVersion: expected a string of digits, got \"-1\""},
      {R"({"metadata":{"creationTimestamp":"noon"}})",
       "metadata.creationTimestamp: expected a time such as 2006-01-02T15:04:05Z, got \"noon\""},
      {R"({"spec":{"nodeName":{}}})", "spec.nodeName: expected a string, got an object"},
      {R"({"kind":"Node"})", "kind: expected \"Pod\", got \"Node\""},
      {R"({"apiVersion":"v2"})", "apiVersion: expected \"v1\", got \"v2\""},
      {"[]", "expected an object, got a list"},
      {"{", "malformed JSON at byte 1: incomplete JSON"}};
  for (auto [text, expected] : kCases) EXPECT_EQ(through(kind("", "pods"), text), expected);
  EXPECT_EQ(through(kind("", "secrets"), R"({"data":{"k":"not base64"}})"),
            "data[k]: expected a base64 string, got \"not base64\"");
}

TEST(Encode, LongValuesAreCutBetweenCharacters) {
  std::string text = R"({"metadata":{"creationTimestamp":"x)";
  for (int i = 0; i < 60; ++i) text += "\xc3\xa9";
  std::string message = through(kind("", "pods"), text + "\"}}");
  EXPECT_NE(message.find("\xc3\xa9\xe2\x80\xa6"), std::string::npos) << message;
  EXPECT_TRUE(parse_json("\"" + message.substr(message.find(", got ") + 7) + "\"", nullptr).ok());
}

TEST(Encode, NullIsAbsent) {
  std::string empty = through(kind("", "pods"), "{}");
  EXPECT_EQ(
      through(kind("", "pods"), R"({"kind":null,"apiVersion":null,"metadata":null,"spec":null})"),
      empty);
  EXPECT_EQ(pod_spec(R"({"nodeName":null,"containers":null,"priority":null})", "/spec"),
            pod_spec("{}", "/spec"));
}

TEST(Encode, ZeroIsKeptWhereItMeansSomething) {
  EXPECT_EQ(
      pod_spec(R"({"terminationGracePeriodSeconds":0})", "/spec/terminationGracePeriodSeconds"),
      "0");
  EXPECT_EQ(pod_spec(R"({"enableServiceLinks":false})", "/spec/enableServiceLinks"), "false");
  EXPECT_EQ(pod_spec(R"({"runtimeClassName":""})", "/spec/runtimeClassName"), "\"\"");
  EXPECT_EQ(pod_spec(R"({"hostNetwork":false})", "/spec/hostNetwork"), "absent");
  EXPECT_EQ(pod_spec(R"({"nodeName":""})", "/spec/nodeName"), "absent");
  EXPECT_EQ(pod_spec(R"({"nodeSelector":{}})", "/spec/nodeSelector"), "absent");
  EXPECT_EQ(pod_spec(R"({"tolerations":[]})", "/spec/tolerations"), "absent");
  EXPECT_EQ(pod_spec(R"({"securityContext":{}})", "/spec/securityContext"), "{}");
  EXPECT_EQ(
      at(kind("", "pods"), R"({"metadata":{"resourceVersion":""}})", "/metadata/resourceVersion"),
      "absent");
}

TEST(Encode, AlwaysFieldsAreShownThoughAbsent) {
  EXPECT_EQ(pod_spec(R"({"containers":[{"name":"c"}]})", "/spec/containers/0/resources"), "{}");
  const auto& pods = kind("", "pods");
  EXPECT_EQ(*from_json(pods, R"({"spec":{"containers":[{"resources":{}}]}})", nullptr),
            *from_json(pods, R"({"spec":{"containers":[{}]}})", nullptr));
}

TEST(Encode, IntOrStringKeepsItsKind) {
  const auto& services = kind("", "services");
  auto port = [&](const char* v) {
    return at(services, R"({"spec":{"ports":[{"port":1,"targetPort":)" + std::string(v) + "}]}}",
              "/spec/ports/0/targetPort");
  };
  EXPECT_EQ(port("80"), "80");
  EXPECT_EQ(port("80.0"), "80");
  EXPECT_EQ(port("\"80\""), "\"80\"");
  EXPECT_EQ(port("\"http\""), "\"http\"");
  EXPECT_EQ(port("\"\""), "\"\"");
  EXPECT_EQ(port("0"), "0");
  EXPECT_EQ(port("true"), "spec.ports[0].targetPort: expected an integer or a string, got true");
  EXPECT_EQ(port("1.5"), "spec.ports[0].targetPort: expected an integer, got 1.5E0");
}

TEST(Encode, QuantitiesBecomeCanonical) {
  auto cpu = [](const char* v) {
    return pod_spec(R"({"containers":[{"resources":{"limits":{"cpu":)" + std::string(v) + "}}}]}",
                    "/spec/containers/0/resources/limits/cpu");
  };
  EXPECT_EQ(cpu("\"1000m\""), "\"1\"");
  EXPECT_EQ(cpu("\"1.5Gi\""), "\"1536Mi\"");
  EXPECT_EQ(cpu("2"), "\"2\"");
  EXPECT_EQ(cpu("0.5"), "\"500m\"");
  EXPECT_EQ(cpu("1e300"), "\"9223372036854775807\"");
  EXPECT_EQ(cpu("null"), "\"0\"");
  EXPECT_EQ(cpu("\"much\""),
            "spec.containers[0].resources.limits[cpu]: expected a quantity such as 500m, 1Gi or "
            "2, got \"much\"");
}

TEST(Encode, FloatsWithoutFractionAreIntegers) {
  EXPECT_EQ(pod_spec(R"({"priority":10.0})", "/spec/priority"), "10");
  EXPECT_EQ(pod_spec(R"({"priority":1e3})", "/spec/priority"), "1000");
  EXPECT_EQ(pod_spec(R"({"priority":1e30})", "/spec/priority"),
            "spec.priority: expected an integer, got 1E30");
}

TEST(Encode, BytesTimesAndVersionsHaveOneForm) {
  EXPECT_EQ(at(kind("", "secrets"), R"({"data":{"k":"Zm9v\nYmFy","n":null,"e":""}})", "/data"),
            R"({"e":"","k":"Zm9vYmFy","n":""})");
  const auto& pods = kind("", "pods");
  EXPECT_EQ(at(pods, R"({"metadata":{"creationTimestamp":"2026-11-23T06:00:00.9+01:00"}})",
               "/metadata/creationTimestamp"),
            "\"2026-11-23T05:00:00Z\"");
  EXPECT_EQ(at(pods, R"({"metadata":{"resourceVersion":"18446744073709551615"}})",
               "/metadata/resourceVersion"),
            "\"18446744073709551615\"");
  EXPECT_EQ(at(kind("coordination.k8s.io", "leases"),
               R"({"spec":{"renewTime":"2026-11-23T05:00:00.25Z"}})", "/spec/renewTime"),
            "\"2026-11-23T05:00:00.250000Z\"");
}

TEST(Encode, MapsAreSortedByByteAndKeepEmptyValues) {
  EXPECT_EQ(
      at(kind("", "configmaps"), R"({"data":{"b":"","a":null,"\u00e9":"1","B":"2"}})", "/data"),
      "{\"B\":\"2\",\"a\":\"\",\"b\":\"\",\"\xc3\xa9\":\"1\"}");
}

TEST(Encode, ManagedFieldsAreKeptAndCanBeLeftOut) {
  const auto& pods = kind("", "pods");
  const char* text = R"({"metadata":{"name":"a","managedFields":[{"manager":"m","operation":"Apply",
      "apiVersion":"v1","time":"2026-11-23T05:00:00Z","fieldsType":"FieldsV1",
      "fieldsV1":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{}}}}}}]}})";
  EXPECT_EQ(at(pods, text, "/metadata/managedFields/0/fieldsV1"),
            R"({"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{}}}}})");
  std::string out;
  to_json(pods, *from_json(pods, text, nullptr), {.managed_fields = false}, &out);
  EXPECT_EQ(out.find("managedFields"), std::string::npos);
  EXPECT_EQ(out.rfind(R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"a")", 0), 0u) << out;
}

TEST(Encode, TextIsEscapedAsJsonNeeds) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  json::value v = {{"data", {{"k", all + "\xc3\xa9\xf0\x9f\x98\x80"}}}};
  const auto& maps = kind("", "configmaps");
  std::string out;
  to_json(maps, *from_value(maps, v, nullptr), {}, &out);
  EXPECT_EQ(json::parse(out).at("data").at("k"), v.at("data").at("k"));
}

TEST(Encode, AnEncoderThatFailedLeavesNothingBehind) {
  const auto& pods = kind("", "pods");
  std::string good = R"({"metadata":{"name":"a"},"spec":{"containers":[{"name":"c"}]}})";
  Buffer before = *from_json(pods, good, nullptr);
  EXPECT_FALSE(from_json(pods, R"({"spec":{"containers":[{"name":"c","args":[{}]}]}})", nullptr));
  EXPECT_EQ(*from_json(pods, good, nullptr), before);
}

}  // namespace
}  // namespace kubus::codec
