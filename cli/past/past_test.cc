// What the verbs of the past decide: fields, who set them, chains, and what takes a change back.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/past/blame.h"
#include "cli/past/chain.h"
#include "cli/past/notes.h"
#include "cli/past/restore.h"
#include "cli/past/undo_plan.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

const schema::KindInfo& kind(const char* group, const char* resource) {
  return *schema::Registry::get().by_resource(group, resource);
}

json::value deployment(int replicas, const std::string& image) {
  return json::parse(
      R"({"metadata":{"name":"web","uid":"u1","resourceVersion":"7"},"spec":{"replicas":)" +
      std::to_string(replicas) + R"(,"template":{"spec":{"containers":[{"name":"c","image":")" +
      image + R"("}]}}},"status":{"replicas":1}})");
}

TEST(Leaves, ItemsStandUnderTheirNames) {
  const schema::TypeInfo& type = *kind("apps", "deployments").type;
  auto changes =
      compare(leaves_of(type, deployment(2, "a:1")), leaves_of(type, deployment(3, "a:2")));
  EXPECT_EQ(text_of(changes),
            "  spec.replicas: 2 → 3\n"
            "  spec.template.spec.containers[name=c].image: \"a:1\" → \"a:2\"\n");
  EXPECT_TRUE(
      compare(leaves_of(type, deployment(2, "a")), leaves_of(type, deployment(2, "a"))).empty());
}

TEST(Leaves, PathsAreWrittenAsEventsWriteThem) {
  EXPECT_EQ(member_path("metadata.annotations", "example.com/owner"),
            "metadata.annotations[example.com/owner]");
  EXPECT_EQ(member_path("", "spec"), "spec");
  EXPECT_TRUE(within("spec.template.spec", "spec.template"));
  EXPECT_TRUE(within("spec.containers[name=c].image", "spec.containers"));
  EXPECT_TRUE(within("spec", ""));
  EXPECT_FALSE(within("spec.templates", "spec.template"));
}

TEST(Blame, NamesTheChangeThatLastSetAField) {
  const schema::TypeInfo& type = *kind("apps", "deployments").type;
  auto at = [&](int replicas, const char* image) {
    return leaves_of(type, deployment(replicas, image));
  };
  auto of = blame({at(1, "a"), at(2, "a"), at(2, "b"), at(1, "b")});
  EXPECT_EQ(of.at("spec.replicas").version, 3u);
  EXPECT_EQ(of.at("spec.template.spec.containers[name=c].image").version, 2u);
  EXPECT_EQ(of.at("metadata.name").version, 0u);
  EXPECT_EQ(blame({at(1, "a"), Leaves(), at(1, "a")}).at("spec.replicas").version, 2u);
}

TEST(Chain, IsToldFromItsRoots) {
  Chain chain({{1, {}, 0, "manifest", "d", {}},
               {2, {1}, 0, "set", "s", {}},
               {3, {1, 2}, 0, "pod", "p", {}},
               {4, {}, 3, "pod ended", "p", {"c: terminated, exit code 1"}},
               {9, {77}, 77, "of what is not kept", "x", {}}},
              {3});
  EXPECT_EQ(chain.text(),
            "- manifest\n"
            "  - set\n"
            "    * pod  (also because of 1)\n"
            "      - pod ended\n"
            "            c: terminated, exit code 1\n"
            "- of what is not kept\n");
  EXPECT_EQ(chain.json().as_array().size(), 5u);
  EXPECT_NE(chain.dot().find("r1 -> r2;"), std::string::npos);
  EXPECT_NE(chain.dot().find("r3 -> r4 [style=dashed];"), std::string::npos);
}

TEST(Chain, ACauseThatIsNoneMakesNoCircle) {
  Chain chain({{1, {2}, 0, "a", "a", {}}, {2, {1, 2}, 2, "b", "b", {}}}, {});
  EXPECT_EQ(chain.text(), "- a\n  - b\n");
}

Touched touched(json::value before, json::value after, json::value now) {
  return {{&kind("apps", "deployments"), "default", "web"},
          std::move(before),
          std::move(after),
          std::move(now)};
}

TEST(Undo, PutsBackWhatWasChangedAndNothingElse) {
  json::value now = deployment(2, "bad");
  now.at("metadata").as_object()["labels"] = {{"since", "then"}};
  UndoStep step = plan_undo(touched(deployment(2, "good"), deployment(2, "bad"), now));
  EXPECT_EQ(step.what, UndoStep::What::kPatch);
  EXPECT_EQ(step.revision, Revision(7));
  EXPECT_TRUE(step.conflicts.empty());
  EXPECT_EQ(step.body,
            json::parse(
                R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"good"}]}}}})"));
  EXPECT_EQ(text_of(step.changes),
            "  spec.template.spec.containers[name=c].image: \"bad\" → \"good\"\n");
}

TEST(Undo, DoesNotOverwriteWhatSomebodyChangedSince) {
  UndoStep step = plan_undo(touched(deployment(2, "a"), deployment(3, "a"), deployment(5, "a")));
  EXPECT_EQ(step.conflicts, std::vector<std::string>{"spec.replicas"});
}

TEST(Undo, OfMakingIsRemovingAndTheOtherWayRound) {
  EXPECT_EQ(plan_undo(touched({}, deployment(1, "a"), deployment(2, "a"))).what,
            UndoStep::What::kDelete);
  EXPECT_EQ(plan_undo(touched({}, deployment(1, "a"), {})).what, UndoStep::What::kNothing);
  UndoStep made = plan_undo(touched(deployment(1, "a"), {}, {}));
  EXPECT_EQ(made.what, UndoStep::What::kCreate);
  EXPECT_FALSE(made.body.as_object().contains("status"));
  EXPECT_FALSE(made.body.at("metadata").as_object().contains("uid"));
}

TEST(Undo, LeavesStatusAlone) {
  json::value other = deployment(1, "a");
  other.at("status").as_object()["replicas"] = 9;
  EXPECT_EQ(plan_undo(touched(deployment(1, "a"), other, other)).what, UndoStep::What::kNothing);
}

TEST(Undo, WhatIsBeingRemovedIsNotTouched) {
  json::value going = deployment(1, "a");
  going.at("metadata").as_object()["deletionTimestamp"] = "2026-11-23T05:00:00Z";
  EXPECT_EQ(plan_undo(touched(deployment(1, "a"), going, going)).what, UndoStep::What::kNothing);
  json::value other = deployment(1, "a");
  other.at("metadata").as_object()["uid"] = "u2";
  EXPECT_EQ(plan_undo(touched(deployment(1, "a"), deployment(2, "a"), other)).what,
            UndoStep::What::kNothing);
}

TEST(Undo, WhatWasSentAwayIsMadeAgainOnceItIsGone) {
  json::value leaving = deployment(1, "a");
  leaving.at("metadata").as_object()["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_EQ(plan_undo(touched(deployment(1, "a"), leaving, {})).what, UndoStep::What::kCreate);
}

TEST(Undo, WhatComesWithItsNamespaceIsNotMadeTwice) {
  auto made = [](const char* resource, const char* ns, const char* name) {
    UndoStep step;
    step.what = UndoStep::What::kCreate;
    step.key = {&kind("", resource), ns, name};
    return step;
  };
  auto steps =
      in_order({made("serviceaccounts", "box", "default"), made("configmaps", "box", "own"),
                made("configmaps", "other", "kube-root-ca.crt"), made("namespaces", "", "box")});
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[0].key.name, "box");
  EXPECT_EQ(steps[3].key.name, "default");
  EXPECT_EQ(steps[3].what, UndoStep::What::kNothing);
  EXPECT_EQ(steps[2].what, UndoStep::What::kCreate);
}

TEST(Undo, StepsAreDoneInTheOrderOfNeed) {
  auto step = [](UndoStep::What what, const char* resource, const char* ns, const char* name) {
    UndoStep s;
    s.what = what;
    s.key = {&kind("", resource), ns, name};
    return s;
  };
  using What = UndoStep::What;
  auto made = in_order({step(What::kCreate, "configmaps", "shop", "a"),
                        step(What::kCreate, "namespaces", "", "shop")});
  EXPECT_EQ(made[0].key.name, "shop");
  auto gone = in_order({step(What::kDelete, "namespaces", "", "shop"),
                        step(What::kDelete, "configmaps", "other", "b"),
                        step(What::kDelete, "configmaps", "shop", "a")});
  EXPECT_EQ(gone[0].key.name, "b");
  EXPECT_EQ(gone[1].key.name, "shop");
  EXPECT_EQ(gone[2].what, What::kNothing);
}

// Fields of a Pod template's containers, told apart by name.
json::value containers(std::initializer_list<std::pair<const char*, const char*>> list) {
  json::array items;
  for (const auto& [name, image] : list)
    items.push_back(json::object{{"name", name}, {"image", image}});
  return json::object{{"metadata", {{"name", "p"}}}, {"spec", {{"containers", items}}}};
}

TEST(Restore, ItemsOfListsAreToldApartByTheirKeys) {
  const schema::TypeInfo& pod = *kind("", "pods").type;
  // Somebody changed b and added c since; only a is taken back.
  Restored r =
      restore(pod, containers({{"a", "1"}, {"b", "1"}}), containers({{"a", "2"}, {"b", "1"}}),
              containers({{"a", "2"}, {"b", "9"}, {"c", "1"}}));
  EXPECT_TRUE(r.conflicts.empty());
  EXPECT_EQ(r.value, containers({{"a", "1"}, {"b", "9"}, {"c", "1"}}));
  // What was added goes, what was taken out comes back in its place.
  r = restore(pod, containers({{"x", "1"}, {"a", "1"}}), containers({{"a", "1"}, {"b", "1"}}),
              containers({{"a", "1"}, {"b", "1"}}));
  EXPECT_EQ(r.value, containers({{"x", "1"}, {"a", "1"}}));
  // What was added and then changed is a conflict that names it.
  r = restore(pod, containers({{"a", "1"}}), containers({{"a", "1"}, {"b", "1"}}),
              containers({{"a", "7"}, {"b", "2"}}));
  EXPECT_EQ(r.conflicts, std::vector<std::string>{"spec.containers[name=b]"});
  r = restore(pod, containers({{"a", "1"}}), containers({{"a", "2"}}), containers({{"a", "3"}}));
  EXPECT_EQ(r.conflicts, std::vector<std::string>{"spec.containers[name=a].image"});
}

TEST(Restore, MapsThatCameWithTheChangeGoByTheirEntries) {
  const schema::TypeInfo& pod = *kind("", "pods").type;
  auto labels = [](json::value v) {
    return json::object{{"metadata", {{"labels", std::move(v)}}}};
  };
  json::value none = json::object{{"metadata", json::object()}};
  Restored r = restore(pod, none, labels({{"a", "1"}}), labels({{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(r.value, labels({{"b", "2"}}));
  r = restore(pod, none, labels({{"a", "1"}}), labels({{"a", "1"}}));
  EXPECT_EQ(r.value, none);
  EXPECT_EQ(merge_patch({{"a", 1}, {"b", {{"c", 1}, {"d", 2}}}}, {{"b", {{"c", 1}, {"d", 3}}}}),
            json::parse(R"({"a":null,"b":{"d":3}})"));
}

TEST(Notes, SayHowAContainerEnded) {
  json::value pod = json::parse(R"({"status":{"phase":"Running","containerStatuses":[
      {"name":"web","state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 10s"}},
       "lastState":{"terminated":{"exitCode":3,"reason":"Error"}}},
      {"name":"ok","state":{"terminated":{"reason":"Completed"}}}]}})");
  EXPECT_EQ(notes_of("pods", pod),
            (std::vector<std::string>{
                "container web: waiting, CrashLoopBackOff: back-off 10s; before that terminated, "
                "exit code 3, Error",
                "container ok: terminated, exit code 0, Completed"}));
  EXPECT_TRUE(notes_of("configmaps", pod).empty());
  EXPECT_TRUE(notes_of("pods", json::value()).empty());
}

}  // namespace
}  // namespace kubus::cli
