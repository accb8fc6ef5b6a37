#include <algorithm>
#include <optional>

#include "schemas/bus/event_generated.h"
#include "services/store/replay/replayer.h"
#include "services/store/replay/restored.h"
#include "services/store/replay/testing/archived.h"
#include "tests/sim/checkers/checkers.h"
#include "tests/sim/checkers/past.h"

namespace kubus::sim {
namespace {

constexpr auto kPatience = std::chrono::minutes(2);
constexpr uint32_t kPageBytes = 64 << 10;
constexpr int kMoments = 3;
constexpr const char* kName = "again";

class Replaying {
 public:
  Replaying(Cluster& cluster, Chronicle& chronicle, Past& past, Story& story)
      : cluster_(cluster),
        chronicle_(chronicle),
        past_(past),
        story_(story),
        client_(cluster.outside("replay-follower").ports(),
                {bus::Subjects::replay(kName), Actor("admin")}) {}

  void check() {
    if (!load() || !play()) return;
    compare();
    for (int i = 0; i < kMoments && story_.wrongs() == 0; ++i) {
      uint64_t span = last_.value() - base_.value();
      look_at(Revision(base_.value() + 1 + cluster_.world.random().below(span)));
    }
  }

 private:
  bool run_until(const std::function<bool()>& done) {
    return cluster_.world.run_until(done, kPatience);
  }
  bool wrong(const std::string& what) {
    story_.wrong("replay", what);
    return false;
  }

  bool load() {
    auto archived = store::testing::fetch_archived(
        cluster_.outside("observer").ports(), chronicle_.client(),
        [this](const auto& done) { return run_until(done); }, true, kPageBytes);
    if (!archived) return wrong("the archive cannot be fetched: " + archived.error().message);
    auto tables = store::testing::load(*archived);
    if (!tables) return wrong("the archive cannot be loaded: " + tables.error().message);
    base_ = std::max(archived->base, Revision(1));
    last_ = archived->last;
    auto state =
        store::open_restored(cluster_.outside("replay").ports(), store::open_memory(*tables));
    if (!state) return wrong(state.error().message);
    store::ReplayerOptions options;
    options.name = kName;
    options.home = client_.options().cluster;
    options.play = {base_, last_, replay::Speed{replay::Speed::Mode::kMax, 1}, true};
    auto opened = store::Replayer::open(cluster_.outside("replay").ports(), std::move(options),
                                        *std::move(state), {});
    if (!opened) return wrong(opened.error().message);
    replayer_ = *std::move(opened);
    return true;
  }

  bool play() {
    feed_ = std::make_unique<kit::Feed>(
        cluster_.outside("replay-follower").ports(), client_, bus::LaneId{}, base_,
        [this](const kit::EventView& e) { heard_.push_back(e); },
        [this] { wrong("the follower of a replay is told that its past is gone"); });
    replayer_->player().resume();
    if (run_until([this] { return feed_->position() >= last_; })) return true;
    return wrong("a replay to " + std::to_string(last_.value()) + " is heard up to " +
                 std::to_string(feed_->position().value()) + " only");
  }

  void compare() {
    const auto& events = chronicle_.events();
    if (heard_.size() != last_.value() - base_.value() || events.size() < last_.value())
      return void(wrong("a replay has " + std::to_string(heard_.size()) + " events"));
    for (const kit::EventView& e : heard_) {
      const auto& told = events[e.revision().value() - 1];
      if (!std::ranges::equal(e.payload().view(), told.payload().view()))
        return void(wrong("event " + std::to_string(e.revision().value()) +
                          " is replayed other than it was told"));
    }
  }

  // What the events up to there add up to, against what the replay lists when it stands there.
  void look_at(Revision moment) {
    feed_.reset();
    replayer_->player().pause();
    if (!replayer_->player().seek(moment)) return void(wrong("cannot seek"));
    for (const char* resource : {"pods", "configmaps", "nodes"}) {
      const auto& kind = *schema::Registry::get().by_resource("", resource);
      std::optional<Result<kit::Page>> page;
      client_.list_all(kind, "", "", "", [&](auto p) { page.emplace(std::move(p)); });
      if (!run_until([&] { return page.has_value(); }) || !*page)
        return void(wrong(std::string("a list of the past fails: ") +
                          (page ? page->error().message : "no answer")));
      auto there = past_.list(kind, "", moment);
      auto same = [](const Object& o, const auto& then) {
        return o.key() == then.first && differs(o, *then.second).empty();
      };
      if (!std::ranges::equal((*page)->items, there, same))
        wrong(std::string("a list of ") + resource + " at " + std::to_string(moment.value()) +
              " is not what was true then");
    }
  }

  Cluster& cluster_;
  Chronicle& chronicle_;
  Past& past_;
  Story& story_;
  kit::Client client_;
  Revision base_, last_;
  std::unique_ptr<store::Replayer> replayer_;
  std::unique_ptr<kit::Feed> feed_;
  std::vector<kit::EventView> heard_;
};

}  // namespace

void check_replay(Cluster& cluster, Chronicle& chronicle, Past& past, Story& story) {
  Replaying(cluster, chronicle, past, story).check();
}

}  // namespace kubus::sim
