#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "schemas/lib/validation/validation.h"

namespace kubus::validation {
namespace {

json::value V(std::string_view text) {
  return json::parse(text);
}

const schema::TypeInfo& type_of(std::string_view group, std::string_view kind) {
  return *schema::Registry::get().by_kind(group, "v1", kind)->type;
}

std::vector<std::pair<std::string, std::string>> causes(const schema::TypeInfo& type,
                                                        std::string_view text) {
  FieldErrors errors;
  check(type, V(text), "", &errors);
  std::vector<std::pair<std::string, std::string>> out;
  for (const Cause& c : errors.causes()) out.emplace_back(c.field, c.reason);
  return out;
}

using Causes = std::vector<std::pair<std::string, std::string>>;

TEST(Check, NamesWhatIsMissingEvenBelowAbsentStructs) {
  EXPECT_EQ(causes(type_of("", "Pod"), "{}"), (Causes{{"spec.containers", "FieldValueRequired"}}));
  EXPECT_EQ(causes(type_of("", "Pod"), R"({"spec":{"containers":[]}})"),
            (Causes{{"spec.containers", "FieldValueRequired"}}));
  EXPECT_EQ(
      causes(type_of("", "Pod"),
             R"({"spec":{"containers":[{"name":"c","image":"x","ports":[{"containerPort":0}]}]}})"),
      (Causes{{"spec.containers[0].ports[0].containerPort", "FieldValueRequired"}}));
}

TEST(Check, EnumsFormatsAndBounds) {
  const schema::TypeInfo& pod = type_of("", "Pod");
  EXPECT_EQ(
      causes(pod,
             R"({"spec":{"containers":[{"name":"UP","image":"x","imagePullPolicy":"Maybe"}]}})"),
      (Causes{{"spec.containers[0].name", "FieldValueInvalid"},
              {"spec.containers[0].imagePullPolicy", "FieldValueNotSupported"}}));
  EXPECT_EQ(
      causes(
          pod,
          R"({"spec":{"containers":[{"name":"c","image":"x","ports":[{"containerPort":70000}]}]}})"),
      (Causes{{"spec.containers[0].ports[0].containerPort", "FieldValueInvalid"}}));
  EXPECT_EQ(
      causes(
          pod,
          R"({"spec":{"containers":[{"name":"c","image":"x","ports":[{"containerPort":80}]}]}})"),
      Causes{});
}

TEST(Check, ARequiredTextMayBeEmpty) {
  EXPECT_EQ(causes(type_of("", "Pod"),
                   R"({"spec":{"containers":[{"name":"c","livenessProbe":{"httpGet":{"port":1,
      "httpHeaders":[{"name":"X","value":""}]}}}]}})"),
            Causes{});
}

TEST(Check, WrongShapeIsNoCrash) {
  FieldErrors errors;
  check(type_of("", "Pod"), V("[1]"), "", &errors);
  EXPECT_EQ(errors.causes().at(0).reason, "FieldValueTypeInvalid");
  causes(type_of("", "Pod"), R"({"spec":7,"metadata":"x"})");
  causes(type_of("", "Pod"), R"({"spec":{"containers":{"a":1}}})");
}

TEST(Defaults, FillAbsentAndZeroButNotWhatIsSet) {
  json::value v = V(
      R"({"spec":{"containers":[{"name":"c","image":"x","ports":[{"containerPort":80,"protocol":""},
      {"containerPort":81,"protocol":"UDP"}]}],"terminationGracePeriodSeconds":0}})");
  apply_defaults(type_of("", "Pod"), v);
  const json::value& c = v.at("spec").at("containers").at(0);
  EXPECT_EQ(c.at("ports").at(0).at("protocol"), "TCP");
  EXPECT_EQ(c.at("ports").at(1).at("protocol"), "UDP");
  EXPECT_EQ(c.at("terminationMessagePath"), "/dev/termination-log");
  EXPECT_EQ(v.at("spec").at("terminationGracePeriodSeconds"), 0);
  EXPECT_EQ(v.at("spec").at("restartPolicy"), "Always");
  json::value again = v;
  apply_defaults(type_of("", "Pod"), again);
  EXPECT_EQ(again, v);
}

TEST(Defaults, ReachIntoPlainStructsThatAreAbsent) {
  json::value v = V("{}");
  apply_defaults(type_of("apps", "Deployment"), v);
  EXPECT_EQ(v.at("spec").at("replicas"), 1) << json::serialize(v);
}

TEST(FieldErrors, MessagesNameKindNameAndEveryField) {
  FieldErrors errors;
  errors.required("spec.containers");
  EXPECT_EQ(errors.error("Pod", "web").message,
            "Pod \"web\" is invalid: spec.containers: Required value");
  errors.not_supported("spec.x", "q", {"a", "b"});
  Error e = errors.error("Pod", "web");
  EXPECT_EQ(e.code, Code::kInvalid);
  EXPECT_EQ(e.causes.size(), 2u);
  EXPECT_EQ(e.message,
            "Pod \"web\" is invalid: [spec.containers: Required value, "
            "spec.x: Unsupported value: \"q\": supported values: \"a\", \"b\"]");
  FieldErrors long_one;
  long_one.invalid("f", json::value(std::string(5000, 'x')), "no");
  EXPECT_LT(long_one.causes()[0].message.size(), 300u);
}

}  // namespace
}  // namespace kubus::validation
