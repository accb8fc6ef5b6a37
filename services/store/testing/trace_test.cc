// The causal chain: what led to a revision, and what it led to.
#include <gtest/gtest.h>

#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"
#include "services/store/testing/store_fixture.h"

namespace kubus::store::testing {
namespace {

uint64_t make(StoreWorld& w, const std::string& resource, const std::string& name,
              std::vector<uint64_t> causes) {
  wire::RequestT request = StoreWorld::request(wire::Verb::Create, resource, "default", name);
  request.operations[0]->object = StoreWorld::encode(resource, {{"metadata", {{"name", name}}}});
  request.cause = std::make_unique<wire::CauseT>();
  request.cause->revisions = std::move(causes);
  Got got = w.call(std::move(request));
  EXPECT_TRUE(got) << got.message();
  return got.revision();
}

wire::RequestT trace(std::vector<uint64_t> from, bool backward, bool forward) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Trace;
  op->revisions = std::move(from);
  op->backward = backward;
  op->forward = forward;
  op->without_objects = true;
  request.operations.push_back(std::move(op));
  return request;
}

std::vector<uint64_t> revisions(const Got& got) {
  std::vector<uint64_t> out;
  for (const auto& bytes : got.outcome.events) {
    const auto* event = flatbuffers::GetRoot<wire::Event>(bytes->bytes.data());
    EXPECT_EQ(event->object(), nullptr);
    out.push_back(event->revision());
  }
  return out;
}

using Revisions = std::vector<uint64_t>;

TEST(Trace, WalksBothWays) {
  StoreWorld w;
  uint64_t manifest = make(w, "configmaps", "manifest", {});
  uint64_t other = make(w, "configmaps", "other", {});
  uint64_t set = make(w, "configmaps", "set", {manifest, other});
  uint64_t pod = make(w, "configmaps", "pod", {set});
  uint64_t status = make(w, "configmaps", "status", {pod});
  make(w, "configmaps", "unrelated", {});
  EXPECT_EQ(revisions(w.call(trace({pod}, true, false))), (Revisions{manifest, other, set, pod}));
  EXPECT_EQ(revisions(w.call(trace({set}, false, true))), (Revisions{set, pod, status}));
  EXPECT_EQ(revisions(w.call(trace({set}, true, true))),
            (Revisions{manifest, other, set, pod, status}));
  EXPECT_EQ(revisions(w.call(trace({other}, false, false))), Revisions{other});
}

TEST(Trace, LeavesOutWhatTheCallerMayNotRead) {
  StoreWorld w;
  uint64_t secret = make(w, "secrets", "s", {});
  uint64_t map = make(w, "configmaps", "m", {secret});
  EXPECT_EQ(revisions(w.call(trace({map}, true, true))), (Revisions{secret, map}));
  EXPECT_EQ(revisions(w.call(trace({map}, true, true), "scheduler")), Revisions{map});
  EXPECT_TRUE(revisions(w.call(trace({map}, true, true), "proxy")).empty());
}

TEST(Trace, RefusesWhatCannotBe) {
  StoreWorld w;
  EXPECT_EQ(w.call(trace({}, true, false)).code(), Code::kBadRequest);
  Got ahead = w.call(trace({1'000'000}, true, false));
  EXPECT_EQ(ahead.code(), Code::kBadRequest);
  EXPECT_NE(ahead.message().find("lies ahead"), std::string::npos) << ahead.message();
}

}  // namespace
}  // namespace kubus::store::testing
