#include "tests/sim/run.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "services/store/store.h"
#include "tests/sim/checkers/api_watcher.h"
#include "tests/sim/checkers/bridge_rules.h"
#include "tests/sim/checkers/checkers.h"
#include "tests/sim/faults/injector.h"
#include "tests/sim/workload/user.h"

namespace kubus::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// FNV-1a over lines.
struct Fingerprint {
  uint64_t value = 14695981039346656037ULL;
  void add(std::string_view line) {
    for (char c : line) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
};

class Run {
 public:
  Run(const Scenario& scenario, uint64_t seed, const RunOptions& options)
      : scenario_(scenario),
        cluster_(seed, scenario.cluster),
        story_([this] { return cluster_.world.now_ns(); }, options.print),
        history_([this] { return cluster_.world.now_ns(); }),
        chronicle_(cluster_, story_),
        pods_(chronicle_, story_),
        runtime_(cluster_, chronicle_, story_),
        followers_(cluster_, chronicle_, story_),
        bridge_(cluster_, chronicle_, story_),
        past_(chronicle_),
        stage_{cluster_, chronicle_, story_, acknowledged_, history_, past_},
        injector_(cluster_, story_) {
    if (scenario_.cluster.gateways > 0)
      watcher_ = std::make_unique<ApiWatcher>(cluster_, chronicle_, story_, "/api/v1/pods",
                                              *schema::Registry::get().by_resource("", "pods"));
    if (!options.sieve.process.empty()) watch_one(options.sieve);
    if (!options.fingerprint && !options.print) return;
    cluster_.world.on_trace([this, messages = options.messages](std::string_view line) {
      print_.add(line);
      if (messages || line.find(" logs ") != line.npos)
        story_.tell("", line.substr(line.find(' ') + 1));
    });
  }

  Outcome whole() {
    begin();
    if (story_.wrongs() == 0) trouble();
    if (story_.wrongs() == 0) end();
    Outcome out;
    out.problems = story_.problems();
    out.simulated_s = static_cast<double>(cluster_.world.now_ns()) / 1e9;
    out.faults = injector_.counts();
    for (const auto& [kind, n] : cluster_.world.counts()) out.faults["bus " + kind] += n;
    for (const auto& [what, n] : story_.counts()) out.faults["looked at " + what] += n;
    out.events = chronicle_.events().size();
    out.acknowledged = acknowledged_.count();
    out.operations = history_.operations().size();
    out.fingerprint = print_.value;
    out.summary = summary();
    out.sieve_writes = sieve_writes_;
    out.sieve_events = sieve_events_;
    return out;
  }

 private:
  // Counts what a process writes and hears, and strikes when the sieve says so.
  void watch_one(const Sieve& sieve) {
    chronicle_.listen([this, sieve](const kit::EventView& event, const Object&) {
      if (text_of(event->actor()) != sieve.actor || ++sieve_writes_ != sieve.at) return;
      if (sieve.pattern == Sieve::Pattern::kStale)
        stale_until_ = cluster_.world.now_ns() + std::chrono::nanoseconds(seconds(15)).count();
      if (sieve.pattern != Sieve::Pattern::kCrash) return;
      Process& process = cluster_.process(sieve.process);
      auto& clock = cluster_.outside("sieve").ports().clock;
      sieve_timer_ = clock.after({}, [this, &process, &clock] {
        process.kill();
        sieve_timer_ = clock.after(seconds(1), [&process] { process.start(); });
      });
    });
    cluster_.world.faults().lose = [this, sieve](const std::string&, const std::string& to,
                                                 const std::string& subject) {
      if (to != sieve.process) return false;
      bool event = subject.find(".event.") != subject.npos;
      if (event && ++sieve_events_ == sieve.at && sieve.pattern == Sieve::Pattern::kMissed)
        return true;
      return (event || subject.find(".head.") != subject.npos) &&
             cluster_.world.now_ns() < stale_until_;
    };
  }

  // "configmaps 3, pods 4, …": of what stays, how many there are.
  std::string summary() const {
    std::map<std::string, size_t> counts;
    for (const auto& [key, object] : chronicle_.state()) ++counts[key.kind->resource];
    for (const char* chancy : {"events", "leases", "replicasets"}) counts.erase(chancy);
    std::string out;
    for (const auto& [name, n] : counts) out += name + " " + std::to_string(n) + ", ";
    return out;
  }

  void begin() {
    story_.tell("scenario", scenario_.name);
    cluster_.start();
    if (!settles(minutes(2), [this] { return nodes_ready() ? "" : "nodes are not ready"; })) return;
    for (const Step& step : scenario_.setup) users_.push_back(make_setup(stage_, step));
    cluster_.world.run_for(seconds(1));
    settles(minutes(2), [this] { return unsettled(chronicle_); });
  }

  // Users and faults side by side; what must hold always is looked at each second.
  void trouble() {
    for (const Step& step : scenario_.workload) {
      for (auto& user : make_users(stage_, step)) users_.push_back(std::move(user));
    }
    injector_.begin(scenario_.faults);
    for (auto left = scenario_.safety; left.count() > 0 && story_.wrongs() == 0; left -= seconds(1))
      pass_second();
    injector_.heal();
    for (auto& user : users_) user->stop();
  }

  void end() {
    bool over = settles(scenario_.converge, [this]() -> std::string {
      store::Store* store = cluster_.store();
      if (!store || chronicle_.position() < store->state().committed().revision())
        return "the observer is behind";
      for (const auto& user : users_) {
        if (!user->idle()) return "users still wait for answers";
      }
      if (std::string why = unsettled(chronicle_); !why.empty()) return why;
      if (watcher_ && !watcher_->current()) return "a watch through the gateway is behind";
      if (!bridge_.current()) return "targets of the bridge are behind";
      return followers_.current() ? "" : "followers are behind";
    });
    if (!over) return;
    // Nothing may happen any more but what the clock asks for.
    for (int i = 0; i < 10; ++i) pass_second();
    if (std::string why = unsettled(chronicle_); !why.empty())
      story_.wrong("convergence", "it was quiet, and then " + why);
    check_reads(cluster_, chronicle_, story_);
    // Leases are renewed even now: all are compared at a moment at which none is on its way.
    if (!cluster_.world.run_until([this] { return level(); }, seconds(60)))
      story_.wrong("convergence", "followers never come to where the store is");
    followers_.check_end();
    if (watcher_) watcher_->check_end();
    bridge_.check_end();
    runtime_.check_end();
    acknowledged_.check_end(chronicle_, story_);
    history_.check(chronicle_, story_);
    for (auto& user : users_) user->check_end();
    check_replay(cluster_, chronicle_, past_, story_);
    expect();
  }

  bool level() const {
    store::Store* store = cluster_.store();
    return store && chronicle_.position() == store->state().committed().revision() &&
           followers_.current() && (!watcher_ || watcher_->current());
  }

  void expect() {
    for (const Step& step : scenario_.expectations) {
      auto most = static_cast<size_t>(step.number("most", 0));
      if (step.word == "evictions" && pods_.evictions() > most)
        story_.wrong("evictions", std::to_string(pods_.evictions()) + " Pods were evicted, and " +
                                      std::to_string(most) + " may be");
    }
  }

  void pass_second() {
    cluster_.world.run_for(seconds(1));
    runtime_.look();
  }

  // Until nothing is unsettled for three seconds in a row.
  bool settles(bus::Duration limit, const std::function<std::string()>& why_not) {
    int calm = 0;
    std::string why;
    for (auto left = limit; left.count() > 0 && story_.wrongs() == 0; left -= seconds(1)) {
      pass_second();
      why = why_not();
      calm = why.empty() ? calm + 1 : 0;
      if (calm == 3) return true;
    }
    if (story_.wrongs() == 0)
      story_.wrong("convergence", "not after " + std::to_string(limit / seconds(1)) + " s: " + why);
    return false;
  }

  bool nodes_ready() const {
    auto nodes = chronicle_.all("nodes");
    return nodes.size() == cluster_.machines().size();
  }

  const Scenario& scenario_;
  Cluster cluster_;
  Story story_;
  Fingerprint print_;
  Acknowledged acknowledged_;
  RegisterHistory history_;
  Chronicle chronicle_;
  PodRules pods_;
  RuntimeRules runtime_;
  Followers followers_;
  BridgeRules bridge_;
  std::unique_ptr<ApiWatcher> watcher_;  // null: there is no gateway
  Past past_;
  Stage stage_;
  Injector injector_;
  std::vector<std::unique_ptr<User>> users_;
  size_t sieve_writes_ = 0, sieve_events_ = 0;
  int64_t stale_until_ = 0;
  std::unique_ptr<bus::Timer> sieve_timer_;
};

}  // namespace

Outcome run(const Scenario& scenario, uint64_t seed, const RunOptions& options) {
  return Run(scenario, seed, options).whole();
}

}  // namespace kubus::sim
