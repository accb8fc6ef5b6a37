#include "tests/sim/faults/injector.h"

#include <algorithm>
#include <iterator>

#include "tests/sim/cluster/abroad.h"

namespace kubus::sim {
namespace {

// "store", "scheduler", "kubelet", "kubelet-n1"; "any": all.
bool is_meant(const std::string& name, const std::string& which) {
  return which == "any" || name == which || name.rfind(which + "-", 0) == 0;
}

}  // namespace

Injector::~Injector() = default;

void Injector::begin(const std::vector<Step>& steps) {
  auto& faults = cluster_.world.faults();
  for (const Step& step : steps) {
    auto permille = static_cast<unsigned>(step.number("permille", 5));
    if (step.word == "lose")
      faults.drop = permille;
    else if (step.word == "double")
      faults.duplicate = permille;
    else if (step.word == "slow")
      slow_down(step, permille);
    else
      arm(step);
  }
}

void Injector::arm(const Step& step) {
  auto every = step.duration("every", std::chrono::seconds(30)).count();
  auto wait = every / 2 + static_cast<int64_t>(ports().random.below(static_cast<uint64_t>(every)));
  size_t number = next_++;
  timers_[number] = ports().clock.after(bus::Duration(wait), [this, step, number] {
    auto keep = timers_.extract(number);
    arm(step);
    strike(step);
  });
}

void Injector::heal() {
  story_.tell("faults", "all is mended");
  timers_.clear();
  auto& faults = cluster_.world.faults();
  faults.drop = faults.duplicate = faults.slow = 0;
  for (auto& [number, mend] : std::exchange(mends_, {})) mend.second();
  for (auto& p : cluster_.processes()) p->start();
  cluster_.world.restart_server(bus::Duration(0));  // if it was away, it is not any more
}

void Injector::mend_later(const Step& step, std::function<void()> mend) {
  auto [least, most] = step.range("for", "0s..10s");
  auto wait =
      least.count() +
      static_cast<int64_t>(ports().random.below(static_cast<uint64_t>((most - least).count()) + 1));
  size_t number = next_++;
  mends_[number].second = mend;
  mends_[number].first = ports().clock.after(bus::Duration(wait), [this, number] {
    auto mine = mends_.extract(number);
    mine.mapped().second();
  });
}

void Injector::count(const Step& step, const std::string& target) {
  ++counts_[step.word];
  story_.tell("faults", step.word + " " + target);
}

std::vector<Process*> Injector::processes(const std::string& which, bool running) {
  std::vector<Process*> out;
  for (auto& p : cluster_.processes()) {
    if (is_meant(p->name(), which) && (!running || p->runs())) out.push_back(p.get());
  }
  return out;
}

void Injector::strike(const Step& step) {
  if (step.word == "kill") return kill(step);
  if (step.word == "power-off") return power_off(step);
  if (step.word == "containers") return end_container(step);
  if (step.word == "runtime") return runtime(step);
  if (step.word == "disk-full") return disk_full(step);
  if (step.word == "restart-bus") return restart_bus(step);
  if (step.word == "target") return target(step);
  on_host(step);
}

// "kill all", "kill kubelet all": all of them at once, back one after another.
void Injector::kill(const Step& step) {
  bool everybody = step.name() == "all", all = everybody || step.name(1) == "all";
  std::vector<Process*> victims = processes(everybody ? "any" : step.name(), true);
  if (victims.empty()) return;
  if (!all) victims = {pick(victims)};
  count(step, all ? "all of " + step.name() : victims[0]->name());
  for (Process* p : victims) {
    p->kill();
    mend_later(step, [this, p] {
      if (!p->runs()) story_.tell("faults", p->name() + " starts again");
      p->start();
    });
  }
}

// What is done to one life of a process. Followers suffer it too.
void Injector::on_host(const Step& step) {
  std::vector<Process*> candidates = processes(step.name(), true);
  size_t followers = step.name() == "any" ? Cluster::kFollowers : 0;
  size_t n = ports().random.below(std::max<size_t>(candidates.size() + followers, 1));
  if (n >= candidates.size() + followers) return;
  Process* p = n < candidates.size() ? candidates[n] : nullptr;
  std::string name = p ? p->name() : "follower-" + std::to_string(n - candidates.size());
  bus::sim::Host* host = p ? p->host() : &cluster_.outside(name);
  size_t life = p ? p->lives() : 0;
  count(step, name);
  auto lives = [p, life] { return !p || (p->runs() && p->lives() == life); };
  if (step.word == "overrun") return host->overrun();
  if (step.word == "clock") return jump(step, *host);
  if (step.word == "slow-disk") host->slow_lane("journal", step.range("by", "500ms").second);
  if (step.word == "pause") host->pause();
  if (step.word == "cut") host->cut(true);
  if (step.word == "disconnect") host->set_connected(false);
  mend_later(step, [this, step, name, host, lives] {
    if (!lives()) return;
    story_.tell("faults", name + " is well again after " + step.word);
    if (step.word == "slow-disk") host->slow_lane("journal", bus::Duration(0));
    if (step.word == "pause") host->resume();
    if (step.word == "cut") host->cut(false);
    if (step.word == "disconnect") host->set_connected(true);
  });
}

void Injector::jump(const Step& step, bus::sim::Host& host) {
  auto [least, most] = step.range("by", "1h");
  auto by = static_cast<int64_t>(ports().random.below(static_cast<uint64_t>(2 * most.count()))) -
            most.count();
  host.jump_wall_clock(bus::Duration(by));
}

void Injector::restart_bus(const Step& step) {
  auto [least, most] = step.range("for", "0s..2s");
  auto down =
      least.count() +
      static_cast<int64_t>(ports().random.below(static_cast<uint64_t>((most - least).count()) + 1));
  count(step, "for " + std::to_string(down / 1'000'000) + " ms");
  cluster_.world.restart_server(bus::Duration(down));
}

void Injector::power_off(const Step& step) {
  const auto& machines = cluster_.machines();
  if (machines.empty()) return;
  Machine& machine = *machines[ports().random.below(machines.size())];
  Process& kubelet = cluster_.process("kubelet-" + machine.name);
  if (!kubelet.runs()) return;
  count(step, machine.name);
  cluster_.power_off(machine);
  mend_later(step, [&kubelet] { kubelet.start(); });
}

// A container ends by itself.
void Injector::end_container(const Step& step) {
  std::vector<std::pair<Machine*, std::string>> running;
  for (const auto& machine : cluster_.machines()) {
    for (const auto& [id, c] : machine->runtime->containers()) {
      if (c.state == kubelet::ContainerState::kRunning) running.emplace_back(machine.get(), c.name);
    }
  }
  if (running.empty()) return;
  auto& [machine, name] = running[ports().random.below(running.size())];
  count(step, name + " on " + machine->name);
  machine->runtime->end(name, static_cast<int>(ports().random.below(2)));
}

void Injector::runtime(const Step& step) {
  const auto& machines = cluster_.machines();
  if (machines.empty()) return;
  Machine& machine = *machines[ports().random.below(machines.size())];
  count(step, machine.name);
  machine.runtime->away(true);
  mend_later(step, [&machine] { machine.runtime->away(false); });
}

void Injector::disk_full(const Step& step) {
  count(step, "");
  cluster_.disk().fail_after(ports().random.below(4));
  mend_later(step, [this] { cluster_.disk().heal(); });
}

// What the bridge tells events to is down, hangs, fails or loses its answers; or the disk of the
// bridge is full.
void Injector::target(const Step& step) {
  Abroad* abroad = cluster_.abroad();
  if (abroad == nullptr || abroad->webhooks.empty()) return;
  auto at = abroad->webhooks.begin();
  std::advance(at, static_cast<int64_t>(ports().random.below(abroad->webhooks.size())));
  bridge::testing::Target& target = at->second;
  switch (ports().random.below(5)) {
    case 0:
      count(step, at->first + ": down");
      target.down = true;
      break;
    case 1:
      count(step, at->first + ": hangs");
      target.hang = true;
      break;
    case 2:
      count(step, at->first + ": fails now and then");
      target.fail = 500;
      break;
    case 3:
      count(step, at->first + ": loses its answers");
      target.lose = 500;
      break;
    default:
      count(step, "the bridge's disk is full");
      abroad->disk.full = true;
  }
  mend_later(step, [abroad, &target] {
    target.down = target.hang = abroad->disk.full = false;
    target.fail = target.lose = 0;
  });
}

void Injector::slow_down(const Step& step, unsigned permille) {
  cluster_.world.faults().slow = permille;
  cluster_.world.faults().slow_most = step.range("for", "5s").second;
}

}  // namespace kubus::sim
