#include "tests/sim/checkers/restored.h"

#include <algorithm>
#include <set>

#include "schemas/bus/event_generated.h"
#include "services/store/check/tables.h"
#include "services/store/journal/memory.h"
#include "services/store/restore/load.h"
#include "services/store/restore/rules.h"
#include "services/store/state/state.h"

namespace kubus::sim {
namespace {

constexpr int kMoments = 2;
constexpr size_t kMostBytes = 64 << 20;
constexpr uint64_t kOneOf = 8;  // of so many causes one is looked up

using LaneKey = std::pair<const schema::KindInfo*, std::string>;  // "" : everywhere

class Restored {
 public:
  Restored(Cluster& cluster, Past& past, Story& story)
      : cluster_(cluster), past_(past), story_(story) {}

  void check(const std::string& file) {
    if (!open(file)) return;
    story_.count("restored cluster");
    if (Status s = state_->verify(); !s) return wrong("does not verify: " + s.error().message);
    check_objects(view().revision());
    check_objects(view().compacted());
    for (int i = 0; i < kMoments; ++i) {
      uint64_t span = view().revision().value() - view().compacted().value() + 1;
      check_objects(Revision(view().compacted().value() + cluster_.world.random().below(span)));
    }
    check_history();
    check_lanes();
  }

 private:
  store::View view() const { return state_->committed(); }
  void wrong(const std::string& what) { story_.wrong("restored", "what was restored " + what); }

  bool open(const std::string& file) {
    auto engine = store::open_memory(std::make_shared<store::MemoryTables>());
    auto loaded = store::load_archive(file, engine.get(), {.indexed_of = store::indexed_of});
    if (!loaded) return (wrong("is nothing: " + loaded.error().message), false);
    auto tables = engine->snapshot();
    auto agree = store::check_tables(**tables, {.indexed_of = store::indexed_of});
    if (!agree) return (wrong("does not agree with itself: " + agree.error().message), false);
    store::StateOptions options;
    options.cluster_id = cluster_.client_options("admin").cluster.value();
    options.keep_revisions = options.keep_revisions_max = UINT64_MAX;
    bus::Ports ports = cluster_.outside("restored").ports();
    auto state = store::State::open(
        ports, std::move(engine),
        store::open_memory_journal(std::make_shared<store::MemoryLog>(), ports.workers),
        std::move(options));
    if (!state) return (wrong("does not open: " + state.error().message), false);
    state_ = *std::move(state);
    return true;
  }

  void check_objects(Revision at) {
    if (at.value() == 0) return;
    for (const auto& kind : schema::Registry::get().kinds()) {
      if (!kind->stored) continue;
      store::ListQuery query;
      query.kind = kind.get();
      query.revision = at;
      query.limit = 0;
      query.max_bytes = kMostBytes;
      store::ListPage page;
      Status s = view().list(query, &page);
      auto then = past_.list(*kind, "", at);
      auto same = [&](const store::Stored& stored, const auto& was) {
        Object object = stored.object(*kind);
        return object.key() == was.first && differs(object, *was.second).empty();
      };
      if (!s || !std::ranges::equal(page.items, then, same))
        wrong("has other " + kind->resource + " at " + std::to_string(at.value()) +
              " than were there: " + std::to_string(page.items.size()) + " of " +
              std::to_string(then.size()));
      bool now = at == view().revision();
      if (now && view().count(*kind, std::nullopt) != then.size())
        wrong("counts " + kind->resource + " otherwise than they are");
    }
  }

  // Every event that is kept, byte for byte, and what led to what.
  void check_history() {
    uint64_t from = view().compacted().value();
    for (uint64_t r = from + 1; r <= view().revision().value(); ++r) {
      const kit::EventView& told = past_.event(Revision(r));
      if (!std::ranges::equal(view().event(Revision(r)).view(), told.payload().view()))
        return wrong("has another event " + std::to_string(r));
      const auto* cause = told->cause();
      if (r % kOneOf != 0 || cause == nullptr || cause->revisions() == nullptr) continue;
      for (uint64_t c : *cause->revisions()) {
        auto effects = view().effects(Revision(c), SIZE_MAX);
        if (c < r && std::ranges::find(effects, Revision(r)) == effects.end())
          return wrong("does not know that " + std::to_string(c) + " led to " + std::to_string(r));
      }
    }
  }

  // Those on which something is kept. (Of nodes' lanes the chronicle does not know the notices.)
  void check_lanes() {
    std::map<LaneKey, std::vector<uint64_t>> lanes;
    for (uint64_t r = view().compacted().value() + 1; r <= view().revision().value(); ++r) {
      ObjectKey key = Past::key_of(past_.event(Revision(r)).event());
      lanes[{key.kind, ""}].push_back(r);
      if (!key.ns.empty()) lanes[{key.kind, key.ns}].push_back(r);
    }
    for (const auto& [key, revisions] : lanes) {
      store::Lane lane{key.first, key.second, "", ""};
      std::string name = key.first->resource + "/" + key.second;
      if (view().head(lane) != Revision(revisions.back()))
        return wrong("has another head of lane " + name);
      auto page = view().events_after(lane, view().compacted(), kMostBytes);
      auto same = [this](const Payload& event, uint64_t r) {
        return std::ranges::equal(event.view(), past_.event(Revision(r)).payload().view());
      };
      if (!page || !std::ranges::equal(page->events, revisions, same))
        return wrong("has other events on lane " + name);
    }
  }

  Cluster& cluster_;
  Past& past_;
  Story& story_;
  std::unique_ptr<store::State> state_;
};

}  // namespace

void check_restored(const std::string& file, Cluster& cluster, Past& past, Story& story) {
  Restored(cluster, past, story).check(file);
}

}  // namespace kubus::sim
