// The state against a model: random changes, rollbacks, lost syncs, applies, compactions and
// crashes; then every read.
#include <random>

#include "services/store/state/state_fixture.h"

namespace kubus::store::testing {
namespace {

struct Past {
  uint64_t revision;
  ChangeType type;
  const schema::KindInfo* kind;
  std::string ns, name, node, body;
};

class ModelTest : public StateTest, public ::testing::WithParamInterface<int> {
 protected:
  using Key = std::tuple<uint16_t, std::string, std::string>;

  uint64_t random(uint64_t below) { return random_() % below; }
  static Key key(const Past& p) { return {p.kind->number, p.ns, p.name}; }
  const schema::KindInfo& random_kind() {
    const schema::KindInfo* kinds[] = {&maps_, &maps_, &secrets_, &pods_};
    return *kinds[random(4)];
  }
  std::string random_ns() { return random(3) == 0 ? "kube" : "default"; }
  std::string random_name() { return "m" + std::to_string(random(25)); }

  // The objects as they stood at a revision.
  std::map<Key, Past> objects_at(uint64_t revision) const {
    std::map<Key, Past> objects;
    for (const Past& p : past_) {
      if (p.revision > revision) break;
      p.type == ChangeType::kDeleted ? void(objects.erase(key(p))) : void(objects[key(p)] = p);
    }
    return objects;
  }

  Past add_random(Transaction* t) {
    Past p{t->next_revision().value(),
           ChangeType::kAdded,
           &random_kind(),
           random_ns(),
           random_name(),
           "",
           ""};
    if (t->view().revision_of(*p.kind, p.ns, p.name)) {
      p.type = random(4) == 0 ? ChangeType::kDeleted : ChangeType::kModified;
    }
    if (p.kind == &pods_) p.node = "node-" + p.name;
    p.body = "r" + std::to_string(p.revision) + std::string(random(300), 'x');
    Edit e{p.type, p.kind, p.ns, p.name, p.body, p.node};
    EXPECT_EQ(t->add(e.change(), Origin{"tester", "", "r", {}, 0}).value(), p.revision);
    return p;
  }

  void write() {
    Transaction t = state_->begin();
    std::vector<Past> done;
    for (uint64_t n = 1 + random(12); n > 0; --n) {
      auto before = t.savepoint();
      size_t kept = done.size();
      for (uint64_t k = 1 + random(3); k > 0; --k) done.push_back(add_random(&t));
      if (random(4) != 0) continue;
      t.rollback(before);
      done.resize(kept);
    }
    if (random(10) == 0) return;  // abandoned
    past_.insert(past_.end(), done.begin(), done.end());
    uint64_t last = past_.empty() ? 0 : past_.back().revision;
    bool empty = done.empty();
    state_->commit(std::move(t), [this, last, empty](Result<Committed> r) {
      ASSERT_TRUE(r.ok());
      acknowledged_ = std::max(acknowledged_, last);
      EXPECT_EQ(r->last.value(), empty ? 0 : last);
    });
  }

  void crash_and_reopen() {
    if (random(2) == 0) world_->workers.step("journal", false);
    if (random(2) == 0) world_->workers.step("apply", false);
    reopen();
    uint64_t revision = state_->committed().revision().value();
    EXPECT_GE(revision, acknowledged_);
    while (!past_.empty() && past_.back().revision > revision) past_.pop_back();
  }

  // ---- checks ----

  void check_objects(const View& v, uint64_t revision) {
    auto objects = objects_at(revision);
    for (const schema::KindInfo* kind : {&maps_, &secrets_, &pods_}) {
      for (std::string ns : {"default", "kube"}) {
        for (int i = 0; i < 25; ++i) {
          std::string name = "m" + std::to_string(i);
          auto expected = objects.find({kind->number, ns, name});
          auto found = v.find_at(*kind, ns, name, Revision(revision));
          ASSERT_TRUE(found.ok()) << found.error().message;
          ASSERT_EQ(text(*found), expected == objects.end() ? "-" : expected->second.body);
          if (revision != v.revision().value()) continue;
          ASSERT_EQ(text(v.find(*kind, ns, name)), text(*found));
        }
      }
    }
  }

  void check_list(const View& v, uint64_t revision) {
    const schema::KindInfo& kind = random_kind();
    std::optional<std::string> ns;
    if (random(2) == 0) ns = random_ns();
    std::vector<std::string> expected, seen;
    for (auto& [k, p] : objects_at(revision)) {
      if (p.kind == &kind && (!ns || p.ns == *ns)) expected.push_back(p.body);
    }
    ListQuery query{
        .kind = &kind, .ns = ns, .revision = Revision(revision), .limit = 1 + random(9)};
    query.max_work = 5 + random(50);
    ListPage page;
    do {
      Status s = v.list(query, &page);
      ASSERT_TRUE(s.ok()) << s.error().message;
      for (const Stored& item : page.items) seen.push_back(text(item));
      query.token = page.token;
      if (page.remaining && !page.token.empty()) {
        ASSERT_EQ(*page.remaining + seen.size(), expected.size());
      }
    } while (!page.token.empty());
    ASSERT_EQ(seen, expected);
    if (revision == v.revision().value()) {
      ASSERT_EQ(v.count(kind, ns), expected.size());
    }
  }

  bool in_lane(const Past& p, const Lane& lane) const {
    if (!lane.node.empty()) return p.node == lane.node;
    if (lane.kind == nullptr) return true;
    return p.kind == lane.kind && (lane.ns.empty() || p.ns == lane.ns) &&
           (lane.name.empty() || p.name == lane.name);
  }

  void check_lane(const View& v, const Lane& lane, uint64_t after) {
    std::vector<uint64_t> expected, seen;
    for (const Past& p : past_) {
      if (p.revision <= v.revision().value() && p.revision > after && in_lane(p, lane))
        expected.push_back(p.revision);
    }
    Revision at(after), head = v.head(lane);
    while (at < head) {
      auto page = v.events_after(lane, at, 1 + random(20'000));
      ASSERT_TRUE(page.ok());
      ASSERT_FALSE(page->events.empty());
      ASSERT_EQ(page->head, head);
      for (const Payload& e : page->events) seen.push_back(event_of(e).revision());
      at = page->complete_to;
    }
    ASSERT_EQ(seen, expected);
  }

  void check() {
    View v = state_->committed();
    uint64_t low = v.compacted().value(), head = v.revision().value();
    uint64_t some = low + random(head - low + 1);
    check_objects(v, head);
    check_objects(v, some);
    check_list(v, head);
    check_list(v, some);
    Lane lanes[] = {{},
                    {&maps_},
                    {&secrets_, "kube"},
                    {&maps_, "default"},
                    {&pods_, "default", "m3"},
                    {nullptr, "", "", "node-m4"},
                    {&maps_, "nowhere"}};
    for (const Lane& lane : lanes) check_lane(v, lane, random(2) == 0 ? low : some);
    if (low > 0) {
      ASSERT_EQ(v.events_after({}, Revision(low - 1)).error().code, Code::kExpired);
      ASSERT_EQ(v.find_at(maps_, "default", "m1", Revision(low - 1)).error().code, Code::kExpired);
    }
    Status verified = state_->verify();
    ASSERT_TRUE(verified.ok()) << verified.error().message;
  }

  std::mt19937_64 random_{static_cast<uint64_t>(GetParam())};
  std::vector<Past> past_;
  uint64_t acknowledged_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, ::testing::Range(1, 8));

TEST_P(ModelTest, every_read_agrees_with_the_model) {
  options_.apply_changes = 40;
  options_.compact_step = 16;
  reopen();
  for (int step = 0; step < 150 && !HasFailure(); ++step) {
    for (uint64_t n = random(5); n > 0; --n) write();
    switch (random(7)) {
      case 0:
        world_->workers.step("journal");
        break;
      case 1:
      case 2:
        settle();
        break;
      case 3:
        apply();
        break;
      case 4:
        world_->clock.advance(std::chrono::seconds(1));
        world_->workers.step("apply");
        break;
      case 5:
        state_->compact_to(Revision(state_->committed().revision().value() * random(100) / 100));
        break;
      default:
        if (random(3) == 0) crash_and_reopen();
    }
    if (step % 8 == 0) check();
  }
  apply();
  check();
}

}  // namespace
}  // namespace kubus::store::testing
