// What the verbs of the past decide: fields, who set them, chains, and what takes a change back.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/past/blame.h"
#include "cli/past/chain.h"
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
            "  spec.template.spec.containers[c].image: \"a:1\" → \"a:2\"\n");
  EXPECT_TRUE(
      compare(leaves_of(type, deployment(2, "a")), leaves_of(type, deployment(2, "a"))).empty());
}

TEST(Blame, NamesTheChangeThatLastSetAField) {
  const schema::TypeInfo& type = *kind("apps", "deployments").type;
  auto at = [&](int replicas, const char* image) {
    return leaves_of(type, deployment(replicas, image));
  };
  auto of = blame({at(1, "a"), at(2, "a"), at(2, "b"), at(1, "b")});
  EXPECT_EQ(of.at("spec.replicas").version, 3u);
  EXPECT_EQ(of.at("spec.template.spec.containers[c].image").version, 2u);
  EXPECT_EQ(of.at("metadata.name").version, 0u);
  EXPECT_EQ(blame({at(1, "a"), Leaves(), at(1, "a")}).at("spec.replicas").version, 2u);
}

TEST(Chain, IsToldFromItsRoots) {
  Chain chain({{1, {}, "manifest", "d", {}},
               {2, {1}, "set", "s", {}},
               {3, {1, 2}, "pod", "p", {"c: terminated, exitCode 1"}},
               {9, {77}, "of what is not kept", "x", {}}},
              {3});
  EXPECT_EQ(chain.text(),
            "- manifest\n"
            "  - set\n"
            "    * pod\n"
            "        c: terminated, exitCode 1\n"
            "- of what is not kept\n");
  EXPECT_EQ(chain.json().as_array().size(), 4u);
  EXPECT_NE(chain.dot().find("r1 -> r2;"), std::string::npos);
}

Touched touched(json::value before, json::value after, json::value now) {
  return {{&kind("apps", "deployments"), "default", "web"},
          "",
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

}  // namespace
}  // namespace kubus::cli
