#include "schemas/lib/patch/ownership.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace kubus::patch {
namespace {

json::value V(std::string_view text) {
  return json::parse(text);
}

const schema::KindInfo& config_map() {
  return *schema::Registry::get().by_kind("", "v1", "ConfigMap");
}
const schema::KindInfo& pod() {
  return *schema::Registry::get().by_kind("", "v1", "Pod");
}

Manager manager(std::string name, int64_t time, bool apply = false) {
  Manager m;
  m.name = std::move(name);
  m.api_version = "v1";
  m.time = time;
  m.apply = apply;
  return m;
}

std::string fields(const Manager& m) {
  return json::serialize(m.fields.to_fields_v1());
}

TEST(NoteUpdate, MovesFieldsToWhoChangesThem) {
  std::vector<Manager> managers;
  json::value a = V(R"({"metadata":{"name":"m"},"data":{"x":"1","y":"1"}})");
  note_update(config_map(), nullptr, a, manager("one", 10), &managers);
  ASSERT_EQ(managers.size(), 1u);
  EXPECT_EQ(fields(managers[0]), R"({"f:data":{".":{},"f:x":{},"f:y":{}}})");
  json::value b = V(R"({"metadata":{"name":"m"},"data":{"x":"2"}})");
  note_update(config_map(), a, b, manager("two", 20), &managers);
  ASSERT_EQ(managers.size(), 2u);
  EXPECT_EQ(fields(managers[0]), R"({"f:data":{}})");
  EXPECT_EQ(fields(managers[1]), R"({"f:data":{"f:x":{}}})");
  std::vector<Manager> same = managers;
  note_update(config_map(), b, b, manager("three", 30), &managers);
  EXPECT_EQ(managers.size(), same.size());
  EXPECT_EQ(managers[1].time, 20);
}

TEST(NoteUpdate, ManagersOfNothingGo) {
  std::vector<Manager> managers;
  json::value a = V(R"({"data":{"x":"1"}})"), b = V("{}");
  note_update(config_map(), nullptr, a, manager("one", 1), &managers);
  note_update(config_map(), a, b, manager("two", 2), &managers);
  EXPECT_TRUE(managers.empty());
}

TEST(NoteUpdate, StatusAndSpecBelongToTheirSubresources) {
  std::vector<Manager> managers;
  json::value a = V(R"({"spec":{"nodeName":"n"},"status":{"phase":"Pending"}})");
  note_update(pod(), nullptr, a, manager("user", 1), &managers);
  ASSERT_EQ(managers.size(), 1u);
  EXPECT_EQ(fields(managers[0]), R"({"f:spec":{"f:nodeName":{}}})");
  Manager kubelet = manager("kubelet", 2);
  kubelet.subresource = "status";
  json::value b = V(R"({"spec":{"nodeName":"n"},"status":{"phase":"Running"}})");
  note_update(pod(), a, b, kubelet, &managers);
  ASSERT_EQ(managers.size(), 2u);
  EXPECT_EQ(fields(managers[1]), R"({"f:status":{"f:phase":{}}})");
}

TEST(Managers, RoundTripThroughTheObject) {
  json::value object = V(R"({"metadata":{"name":"m"},"data":{"x":"1"}})");
  std::vector<Manager> managers;
  note_update(config_map(), nullptr, object, manager("one", 1700000000), &managers);
  managers[0].subresource = "status";
  set_managers(object, managers);
  EXPECT_EQ(object.at("metadata").at("managedFields").at(0).at("time"), "2023-11-14T22:13:20Z");
  Result<std::vector<Manager>> back = managers_of(object);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 1u);
  EXPECT_EQ((*back)[0].fields, managers[0].fields);
  EXPECT_EQ((*back)[0].time, 1700000000);
  EXPECT_EQ((*back)[0].subresource, "status");
  set_managers(object, managers, FieldsForm::kOpaque);
  EXPECT_TRUE(object.at("metadata").at("managedFields").at(0).at("fieldsV1").is_string());
  EXPECT_EQ(managers_of(object)->front().fields, managers[0].fields);
  set_managers(object, {});
  EXPECT_FALSE(object.at("metadata").as_object().contains("managedFields"));
}

TEST(Managers, MalformedEntriesAreRefusedByPath) {
  Result<std::vector<Manager>> r = managers_of(V(
      R"({"metadata":{"managedFields":[{"manager":"a","operation":"Update"},{"manager":"b","operation":"X"}]}})"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kInvalid);
  ASSERT_EQ(r.error().causes.size(), 1u);
  EXPECT_EQ(r.error().causes[0].field, "metadata.managedFields[1].operation");
  EXPECT_FALSE(managers_of(
      V(R"({"metadata":{"managedFields":[{"operation":"Apply","fieldsV1":{"zz":{}}}]}})")));
  EXPECT_TRUE(managers_of(V("{}")));
}

class Apply : public testing::Test {
 protected:
  Result<json::value> run(std::string_view applied, const Manager& who, bool force = false) {
    Result<json::value> r = patch::apply(config_map(), live_, V(applied), who, force, &managers_);
    if (r) live_ = *r;
    return r;
  }
  json::value live_;
  std::vector<Manager> managers_;
};

TEST_F(Apply, CreatesSharesAndReleases) {
  ASSERT_TRUE(run(R"({"metadata":{"name":"m"},"data":{"a":"1","b":"1"}})", manager("x", 1, true)));
  ASSERT_TRUE(run(R"({"metadata":{"name":"m"},"data":{"a":"1"}})", manager("y", 2, true)));
  EXPECT_EQ(managers_.size(), 2u);
  ASSERT_TRUE(run(R"({"metadata":{"name":"m"}})", manager("x", 3, true)));
  EXPECT_EQ(live_, V(R"({"metadata":{"name":"m"},"data":{"a":"1"}})")) << json::serialize(live_);
  ASSERT_TRUE(run(R"({"metadata":{"name":"m"}})", manager("y", 4, true)));
  EXPECT_EQ(live_, V(R"({"metadata":{"name":"m"}})"));
  EXPECT_TRUE(managers_.empty());
}

TEST_F(Apply, ConflictsNameTheOwnerUnlessForced) {
  ASSERT_TRUE(run(R"({"data":{"a":"1"}})", manager("x", 1, true)));
  json::value before = live_;
  Result<json::value> r = run(R"({"data":{"a":"2"}})", manager("y", 2, true));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kConflict);
  EXPECT_EQ(
      r.error().causes,
      (std::vector<Cause>{{"FieldManagerConflict", "conflict with \"x\" using v1", ".data.a"}}));
  EXPECT_EQ(live_, before);
  EXPECT_EQ(managers_.size(), 1u);
  ASSERT_TRUE(run(R"({"data":{"a":"2"}})", manager("y", 2, true), true));
  ASSERT_EQ(managers_.size(), 1u);
  EXPECT_EQ(managers_[0].name, "y");
}

TEST_F(Apply, RefusesManagedFieldsInWhatIsApplied) {
  EXPECT_FALSE(run(R"({"metadata":{"managedFields":[{"manager":"q"}]}})", manager("x", 1, true)));
  EXPECT_FALSE(run("[]", manager("x", 1, true)));
}

TEST(ApplyLists, KeepTheAppliedOrderAmongWhatIsLive) {
  json::value live = V(R"({"spec":{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}})");
  std::vector<Manager> managers;
  Result<json::value> r = patch::apply(
      pod(), live,
      V(R"({"spec":{"containers":[{"name":"c","image":"i"},{"name":"n"},{"name":"a"}]}})"),
      manager("x", 1, true), false, &managers);
  ASSERT_TRUE(r);
  std::string names;
  for (const json::value& c : r->at("spec").at("containers").as_array())
    names += c.at("name").as_string().c_str();
  EXPECT_EQ(names, "bcna");
}

}  // namespace
}  // namespace kubus::patch
