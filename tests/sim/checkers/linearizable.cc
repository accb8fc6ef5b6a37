#include "tests/sim/checkers/linearizable.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace kubus::sim {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using Ids = std::vector<uint32_t>;  // sorted

constexpr size_t kMostConfigurations = 200'000;

// What the object is, as far as it is known.
struct State {
  enum class Is : uint8_t { kAbsent, kPresent, kAnything };
  Is is = Is::kAbsent;
  std::string value;
  uint64_t revision = 0;  // 0: not known, but above the floor
  uint64_t floor = 0;     // no later write has a revision at or below it

  bool same(const State& o) const {
    return is == o.is && value == o.value && revision == o.revision;
  }
};

bool settle(State* s, uint64_t revision) {
  if (revision == 0) return true;
  if (s->revision != 0) return s->revision == revision;
  if (revision <= s->floor) return false;
  s->revision = s->floor = revision;
  return true;
}

std::optional<State> written(const State& s, const Operation& op) {
  if (op.revision != 0 && op.revision <= s.floor) return std::nullopt;
  return State{State::Is::kPresent, op.value, op.revision, std::max(op.revision, s.floor)};
}

std::optional<State> when_absent(State s) {
  if (s.is == State::Is::kPresent) return std::nullopt;
  s.is = State::Is::kAbsent;
  return s;
}

// Something is there, and it has the expected revision if one is.
std::optional<State> when_expected(State s, uint64_t expected) {
  if (s.is == State::Is::kAbsent) return std::nullopt;
  if (s.is == State::Is::kAnything) {
    s.floor = std::max(s.floor, expected);
    return s;
  }
  if (!settle(&s, expected)) return std::nullopt;
  return s;
}

std::optional<State> when_conflicting(const State& s, uint64_t expected) {
  if (s.is == State::Is::kAbsent || expected == 0) return std::nullopt;
  if (s.is == State::Is::kPresent && s.revision == expected) return std::nullopt;
  return s;
}

std::optional<State> after_read(State s, const Operation& op) {
  if (s.is == State::Is::kAbsent) return std::nullopt;
  if (s.is == State::Is::kAnything) {
    if (op.revision != 0 && op.revision < s.floor) return std::nullopt;
    return State{State::Is::kPresent, op.value, op.revision, std::max(op.revision, s.floor)};
  }
  if (s.value != op.value || !settle(&s, op.revision)) return std::nullopt;
  return s;
}

std::optional<State> after_write(const State& s, const Operation& op) {
  auto found = when_expected(s, op.kind == Kind::kCompareAndSet ? op.expected : 0);
  if (!found) return std::nullopt;
  // A write of what is there already changes nothing, not even the revision.
  State same = *found;
  if (same.is == State::Is::kPresent && same.value == op.value && settle(&same, op.revision))
    return same;
  return written(*found, op);
}

std::optional<State> after_delete(const State& s, const Operation& op) {
  auto found = when_expected(s, op.expected);
  if (!found) return std::nullopt;
  return State{State::Is::kAbsent, "", 0, std::max({found->floor, op.revision})};
}

// The state after the operation took effect with its outcome; nullopt: it cannot here. An unknown
// outcome is one that changed something.
std::optional<State> after(const State& s, const Operation& op) {
  switch (op.outcome) {
    case Outcome::kAbsent:
      return op.kind == Kind::kCreate ? std::nullopt : when_absent(s);
    case Outcome::kExists:
      if (op.kind != Kind::kCreate || s.is == State::Is::kAbsent) return std::nullopt;
      return s;
    case Outcome::kConflict:
      return when_conflicting(s, op.expected);
    default:
      break;
  }
  if (op.kind == Kind::kRead) return after_read(s, op);
  if (op.kind == Kind::kDelete) return after_delete(s, op);
  if (op.kind != Kind::kCreate) return after_write(s, op);
  auto absent = when_absent(s);
  return absent ? written(*absent, op) : std::nullopt;
}

// A way in which things may stand: which of the operations under way have taken effect.
struct Configuration {
  State state;
  Ids early;  // took effect, and are not answered yet
  Ids lucky;  // of unknown outcome, and took effect

  // Whatever may follow `o` may follow this.
  bool covers(const Configuration& o) const {
    return state.floor <= o.state.floor &&
           std::includes(o.lucky.begin(), o.lucky.end(), lucky.begin(), lucky.end());
  }
};

class Configurations {
 public:
  // false: one that was here covers it.
  bool add(Configuration c) {
    auto& bucket = buckets_[{c.state.is, c.state.value, c.state.revision, c.early}];
    for (const Configuration& had : bucket)
      if (had.covers(c)) return false;
    size_ -= std::erase_if(bucket, [&](const Configuration& had) { return c.covers(had); });
    bucket.push_back(std::move(c));
    ++size_;
    return true;
  }
  std::vector<Configuration> all() const {
    std::vector<Configuration> out;
    for (const auto& [key, bucket] : buckets_) out.insert(out.end(), bucket.begin(), bucket.end());
    return out;
  }
  size_t size() const { return size_; }

 private:
  using Key = std::tuple<State::Is, std::string, uint64_t, Ids>;
  std::map<Key, std::vector<Configuration>> buckets_;
  size_t size_ = 0;
};

Ids with(Ids ids, uint32_t id) {
  ids.insert(std::lower_bound(ids.begin(), ids.end(), id), id);
  return ids;
}

bool has(const Ids& ids, uint32_t id) {
  return std::binary_search(ids.begin(), ids.end(), id);
}

// Judges the operations on one object, as they begin and end: keeps every way in which things may
// stand, and lets no operation take effect before an answer needs it.
class Judge {
 public:
  explicit Judge(std::vector<Operation> operations) : ops_(std::move(operations)) {}

  // `since`: what ended before was left out, so that anything may be there at first, and an
  // operation that began before may have taken effect already.
  Verdict::Kind judge(std::optional<int64_t> since = std::nullopt) {
    begin_with(since);
    for (const auto& [at, ends, id] : moments()) {
      if (!ends) {
        (ops_[id].outcome == Outcome::kUnknown ? unknown_ : pending_).push_back(id);
        continue;
      }
      failed_at_ = id;
      if (!answer(id)) return Verdict::Kind::kUndecided;
      if (now_.empty()) return Verdict::Kind::kNot;
    }
    return Verdict::Kind::kLinearizable;
  }
  // The operation whose answer could not be explained.
  const Operation& failed_at() const { return ops_[failed_at_]; }

 private:
  using Moment = std::tuple<int64_t, bool, uint32_t>;

  // What begins when another ends is taken to overlap with it.
  std::vector<Moment> moments() const {
    std::vector<Moment> out;
    for (uint32_t id = 0; id < ops_.size(); ++id) {
      out.emplace_back(ops_[id].begin, false, id);
      if (ops_[id].outcome != Outcome::kUnknown) out.emplace_back(ops_[id].end, true, id);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  void begin_with(std::optional<int64_t> since) {
    now_ = {Configuration{}};
    if (!since) return;
    now_[0].state.is = State::Is::kAnything;
    for (uint32_t id = 0; id < ops_.size(); ++id) {
      if (ops_[id].outcome == Outcome::kUnknown || ops_[id].begin >= *since) continue;
      for (size_t i = 0, n = now_.size(); i < n; ++i) {
        now_.push_back(now_[i]);
        now_.back().early = with(now_.back().early, id);
      }
    }
  }

  // What changes nothing where things stand, takes effect there: nothing is lost by that.
  void take_free(Configuration* c) const {
    for (uint32_t id : pending_) {
      if (has(c->early, id)) continue;
      auto next = after(c->state, ops_[id]);
      if (next && next->same(c->state) && next->floor == c->state.floor)
        c->early = with(std::move(c->early), id);
    }
  }

  // Keeps the ways in which operation `id` has taken effect. false: there are too many.
  bool answer(uint32_t id) {
    Configurations reached, kept;
    std::vector<Configuration> open;
    auto reach = [&](Configuration c) {
      take_free(&c);
      if (has(c.early, id)) {
        std::erase(c.early, id);
        kept.add(std::move(c));
      } else if (reached.add(c)) {
        open.push_back(std::move(c));
      }
    };
    for (Configuration& c : now_) reach(std::move(c));
    while (!open.empty()) {
      if (reached.size() + kept.size() > kMostConfigurations) return false;
      Configuration c = std::move(open.back());
      open.pop_back();
      for (uint32_t next : pending_) try_next(c, next, false, reach);
      for (uint32_t next : unknown_) try_next(c, next, true, reach);
    }
    std::erase(pending_, id);
    now_ = kept.all();
    return true;
  }

  template <class Reach>
  void try_next(const Configuration& c, uint32_t next, bool unknown, const Reach& reach) const {
    if (has(unknown ? c.lucky : c.early, next)) return;
    if (unknown && ops_[next].kind == Kind::kRead) return;
    auto state = after(c.state, ops_[next]);
    if (!state) return;
    Configuration d{*state, c.early, c.lucky};
    (unknown ? d.lucky : d.early) = with(unknown ? c.lucky : c.early, next);
    reach(std::move(d));
  }

  std::vector<Operation> ops_;
  std::vector<Configuration> now_;
  Ids pending_, unknown_;  // begun; with a known answer to come, without
  uint32_t failed_at_ = 0;
};

bool changes_something(const Operation& op) {
  return op.kind != Kind::kRead &&
         (op.outcome == Outcome::kDone || op.outcome == Outcome::kUnknown);
}

std::vector<Operation> from(const std::vector<Operation>& ops, int64_t since) {
  std::vector<Operation> out;
  std::copy_if(ops.begin(), ops.end(), std::back_inserter(out), [&](const Operation& op) {
    return op.outcome == Outcome::kUnknown || op.end >= since;
  });
  return out;
}

// Of operations that fit no order: the last few of them that still do not, whatever was before.
// Leaving out what changes nothing can only make the rest easier to explain.
std::vector<Operation> smallest(std::vector<Operation> ops, const Operation& failed) {
  std::erase_if(ops, [&](const Operation& op) { return op.begin > failed.end; });
  std::vector<int64_t> starts;
  for (const Operation& op : ops) starts.push_back(op.begin);
  std::sort(starts.begin(), starts.end());
  auto fails = [&](int64_t since) {
    return Judge(from(ops, since)).judge(since) == Verdict::Kind::kNot;
  };
  auto first_good = std::partition_point(starts.begin(), starts.end(), fails);
  std::optional<int64_t> since;
  if (first_good != starts.begin()) since = *std::prev(first_good);
  if (since) ops = from(ops, *since);
  for (size_t i = 0; i < ops.size();) {
    std::vector<Operation> without = ops;
    without.erase(without.begin() + static_cast<ptrdiff_t>(i));
    bool spare = !changes_something(ops[i]) && Judge(without).judge(since) == Verdict::Kind::kNot;
    if (spare)
      ops = std::move(without);
    else
      ++i;
  }
  return ops;
}

Verdict judge_object(std::vector<Operation> ops) {
  Judge judge(ops);
  Verdict out;
  out.kind = judge.judge();
  if (out.ok()) return out;
  out.object = ops.front().object;
  Operation failed = judge.failed_at();
  if (out.kind == Verdict::Kind::kNot) ops = smallest(std::move(ops), failed);
  auto end = [](const Operation& op) {
    return op.outcome == Outcome::kUnknown ? op.begin : op.end;
  };
  std::stable_sort(ops.begin(), ops.end(),
                   [&](const Operation& a, const Operation& b) { return end(a) < end(b); });
  out.part = std::move(ops);
  return out;
}

const char* verb(Kind kind) {
  constexpr const char* kVerbs[] = {"reads", "writes", "compares and sets", "creates", "deletes"};
  return kVerbs[static_cast<size_t>(kind)];
}

}  // namespace

std::string Operation::str() const {
  std::string out = "client " + std::to_string(client) + " " + verb(kind) + " " + object;
  if (kind != Kind::kRead && kind != Kind::kDelete) out += " = \"" + value + "\"";
  if (expected != 0) out += " if at " + std::to_string(expected);
  switch (outcome) {
    case Outcome::kUnknown:
      return out + ": no answer, from " + std::to_string(begin);
    case Outcome::kDone:
      out += kind == Kind::kRead ? ": \"" + value + "\"" : ": done";
      if (revision != 0) out += " at " + std::to_string(revision);
      break;
    case Outcome::kAbsent:
      out += ": not there";
      break;
    case Outcome::kExists:
      out += ": there already";
      break;
    case Outcome::kConflict:
      out += ": conflict";
      break;
  }
  return out + ", from " + std::to_string(begin) + " to " + std::to_string(end);
}

std::string Verdict::str() const {
  if (ok()) return "linearizable";
  std::string out = kind == Kind::kNot ? "no order explains what was told of " + object
                                       : "too many orders to try for " + object;
  for (const Operation& op : part) out += "\n  " + op.str();
  return out;
}

Verdict check_linearizable(std::span<const Operation> operations) {
  std::map<std::string, std::vector<Operation>> objects;
  for (const Operation& op : operations) objects[op.object].push_back(op);
  for (auto& [name, ops] : objects) {
    Verdict v = judge_object(std::move(ops));
    if (!v.ok()) return v;
  }
  return {};
}

}  // namespace kubus::sim
