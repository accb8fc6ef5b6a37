#include "services/store/restore/testing/busy_world.h"

#include <gtest/gtest.h>

namespace kubus::store::testing {
namespace {

constexpr size_t kText = 700;

std::string map(int i) {
  return R"({"metadata":{"name":"m","labels":{"of":"nobody"}},"data":{"text":")" +
         std::string(kText, 'x') + R"(","n":")" + std::to_string(i) + R"("}})";
}

std::string pod(const std::string& name, bool bound) {
  return R"({"metadata":{"name":")" + name +
         R"(","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"m","uid":"u1"}]},)" +
         R"("spec":{)" + (bound ? R"("nodeName":"n1",)" : "") +
         R"("containers":[{"name":"c","image":"i"}],"volumes":[)" +
         R"({"name":"v","configMap":{"name":"m"}},{"name":"w","secret":{"secretName":"s"}}]}})";
}

}  // namespace

void BusyWorld::write_history(int rounds) {
  store.create_node("n1");
  store.create("secrets", "default", R"({"metadata":{"name":"s"},"stringData":{"a":"1"}})");
  store.create("configmaps", "default", map(0));
  EXPECT_FALSE(store.get("secrets", "default", "s", "scheduler"));
  for (int i = 1; i <= rounds; ++i) {
    write_round(i);
    store.world.run_for(std::chrono::milliseconds(700));
  }
  flush();
}

void BusyWorld::write_round(int i) {
  std::string n = std::to_string(i), name = "p" + std::to_string(i % 5);
  if (store.get("pods", "default", name)) store.remove("pods", "default", name);
  // One that is bound is only going, for its node must say that it is gone.
  std::string label = R"({"metadata":{"labels":{"i":")" + n + R"("}}})";
  Got made = store.get("pods", "default", name)
                 ? store.patch("pods", "default", name, label)
                 : store.create("pods", "default", pod(name, i % 6 == 0));
  EXPECT_TRUE(made) << made.message();
  wire::RequestT caused = StoreWorld::request(wire::Verb::Patch, "configmaps", "default", "m");
  std::string patch = R"({"data":{"n":")" + n + "\"}}";
  caused.operations[0]->patch_type = wire::PatchType::Merge;
  caused.operations[0]->patch.assign(patch.begin(), patch.end());
  caused.cause = std::make_unique<wire::CauseT>();
  caused.cause->revisions = {1, static_cast<uint64_t>(i)};
  Got changed = store.call(std::move(caused));
  EXPECT_TRUE(changed) << changed.message();
  EXPECT_TRUE(store.patch("secrets", "default", "s", R"({"stringData":{"a":"body )" + n + "\"}}"));
  if (i % 8 == 0) {
    EXPECT_TRUE(store.create("configmaps", "default", R"({"metadata":{"name":"e)" + n + "\"}}"));
  }
  if (i % 6 == 0) {
    Got event = store.create("events", "default",
                             R"({"metadata":{"name":"e)" + n +
                                 R"("},"involvedObject":{"name":"m","namespace":"default"}})");
    EXPECT_TRUE(event) << event.message();
  }
  if (i % 8 == 4 && i > 8) {
    EXPECT_TRUE(store.remove("configmaps", "default", "e" + std::to_string(i - 4)));
  }
}

void BusyWorld::write_versions(int first, int count) {
  for (int i = first; i < first + count; ++i)
    store.patch("configmaps", "default", "m", R"({"data":{"n":")" + std::to_string(i) + "\"}}");
  flush();
}

void BusyWorld::flush() {
  bool done = false;
  store.store().state().flush([&](Status) { done = true; });
  ASSERT_TRUE(store.world.run_until([&] { return done; }));
}

}  // namespace kubus::store::testing
