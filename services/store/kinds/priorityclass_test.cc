#include "services/store/kinds/priorityclass.h"

#include <gtest/gtest.h>

#include "services/store/kinds/testing.h"

namespace kubus::store::kinds {
namespace {

const KindInfo& kind() {
  return World::kind("scheduling.k8s.io", "PriorityClass");
}

json::value of(std::string_view name, int64_t value, bool preset = false) {
  return {{"metadata", {{"name", name}}}, {"value", value}, {"globalDefault", preset}};
}

std::string complaint(const Result<json::object>& r) {
  if (r) return "";
  if (r.error().causes.empty()) return r.error().message;
  return r.error().causes[0].field + " " + r.error().causes[0].reason;
}

json::object pod_of(World& w, std::string_view more) {
  auto made = w.create(World::kind("", "Pod"),
                       json::parse(R"({"metadata":{"name":"p"},"spec":{"containers":[)"
                                   R"({"name":"c","image":"x"}])" +
                                   std::string(more) + "}}"));
  return made ? object_in(*made, "spec") : json::object{{"refused", made.error().message}};
}

TEST(PriorityClass, NamesAndValues) {
  World w;
  EXPECT_EQ(complaint(w.create(kind(), of("most", 1000000000))), "");
  EXPECT_EQ(complaint(w.create(kind(), of("least", -2147483648))), "");
  EXPECT_EQ(complaint(w.create(kind(), of("more", 1000000001))), "value FieldValueForbidden");
  EXPECT_EQ(complaint(w.create(kind(), of("system-mine", 1))), "metadata.name FieldValueForbidden");
  for (const SystemClass& c : kSystemClasses)
    EXPECT_EQ(complaint(w.create(kind(), of(c.name, c.value))), "");
  EXPECT_EQ(complaint(w.create(kind(), of("system-node-critical", 2000000000))),
            "metadata.name FieldValueForbidden");
}

TEST(PriorityClass, WhatStays) {
  World w;
  json::object before = *w.create(kind(), of("a", 5));
  EXPECT_EQ(text_in(before, "preemptionPolicy"), "PreemptLowerPriority");
  EXPECT_EQ(number_in(object_in(before, "metadata"), "generation"), 1);
  json::object other = before;
  other["value"] = 6;
  EXPECT_EQ(complaint(w.update(kind(), before, other)), "value FieldValueForbidden");
  other = before;
  other["preemptionPolicy"] = "Never";
  EXPECT_EQ(complaint(w.update(kind(), before, other)), "preemptionPolicy FieldValueInvalid");
  other = before;
  other["description"] = "what it is for";
  EXPECT_EQ(complaint(w.update(kind(), before, other)), "");
}

TEST(PriorityClass, OneDefaultAtMost) {
  World w;
  json::object a = *w.create(kind(), of("a", 5, true)), b = *w.create(kind(), of("b", 6));
  w.lookup.put(kind(), "a", json::value(a));
  EXPECT_NE(complaint(w.create(kind(), of("c", 7, true))).find("is the default already"),
            std::string::npos);
  json::object more = b;
  more["globalDefault"] = true;
  EXPECT_NE(complaint(w.update(kind(), b, more)), "");
  EXPECT_EQ(complaint(w.update(kind(), a, a)), "");
}

TEST(PriorityClass, GivesPodsTheirPriority) {
  World w;
  EXPECT_EQ(pod_of(w, "").at("priority"), 0);
  EXPECT_FALSE(pod_of(w, "").contains("priorityClassName"));
  json::object meek = of("meek", -3).as_object();
  meek["preemptionPolicy"] = "Never";
  for (json::object body : {of("high", 7).as_object(), meek})
    w.lookup.put(kind(), text_in(object_in(body, "metadata"), "name"),
                 json::value(*w.create(kind(), body)));
  json::object high = pod_of(w, R"(,"priorityClassName":"high")");
  EXPECT_EQ(high.at("priority"), 7);
  EXPECT_EQ(high.at("preemptionPolicy"), "PreemptLowerPriority");
  EXPECT_EQ(pod_of(w, R"(,"priorityClassName":"meek")").at("preemptionPolicy"), "Never");
  EXPECT_EQ(pod_of(w, R"(,"priorityClassName":"high","priority":7)").at("priority"), 7);
  for (const char* more :
       {R"(,"priorityClassName":"none")", R"(,"priority":1)",
        R"(,"priorityClassName":"high","priority":8)",
        R"(,"priorityClassName":"meek","preemptionPolicy":"PreemptLowerPriority")"})
    EXPECT_TRUE(pod_of(w, more).contains("refused")) << more;

  w.lookup.put(kind(), "usual", json::value(*w.create(kind(), of("usual", 50, true))));
  json::object usual = pod_of(w, "");
  EXPECT_EQ(usual.at("priority"), 50);
  EXPECT_EQ(usual.at("priorityClassName"), "usual");
}

}  // namespace
}  // namespace kubus::store::kinds
