// Clients that read, write, compare, create and delete a few objects while faults strike, and the
// judgement of what they were told.
//
//   history-load run CREDENTIALS SECONDS SEED FILE    the history goes to the file, then is judged
//   history-load check FILE                           judges it again
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>

#include "bus/host/host.h"
#include "bus/kit/client.h"
#include "bus/kit/feed.h"
#include "schemas/bus/event_generated.h"
#include "schemas/core/v1/config_generated.h"
#include "tests/e2e/faults/history.h"

namespace {

using namespace kubus;
using namespace kubus::faults;
using namespace std::chrono_literals;
using sim::Operation;

constexpr int kClients = 6, kObjects = 4;
constexpr auto kPause = 25ms;   // of a client, on average
constexpr auto kPatience = 4s;  // for an answer; then nobody knows what became of it
constexpr auto kQuiet = 500ms;  // between two looks at whether all is told
const bus::LaneId kLane{"", "configmaps", "faults", "", ""};

const schema::KindInfo& kind(std::string_view resource) {
  return *schema::Registry::get().by_resource("", resource);
}

std::string value_of(const Object& object) {
  const auto* data = object ? object.as<core::v1::ConfigMap>()->data() : nullptr;
  if (data == nullptr) return "";
  for (const auto* e : *data)
    if (e->key() && e->key()->string_view() == "v" && e->value()) return e->value()->str();
  return "";
}

Operation::Outcome outcome_of(const Error& e) {
  if (e.code == Code::kNotFound) return Operation::Outcome::kAbsent;
  if (e.code == Code::kAlreadyExists) return Operation::Outcome::kExists;
  if (e.code == Code::kConflict) return Operation::Outcome::kConflict;
  return Operation::Outcome::kUnknown;
}

// Follows the lane and writes down what it is told.
class Listener {
 public:
  Listener(bus::Ports ports, kit::Client& client, std::vector<Told>* out)
      : feed_(
            ports, client, kLane, Revision(), [out](const kit::EventView& e) { note(e, out); },
            [] { std::fprintf(stderr, "the lane's past is gone\n"), std::abort(); }) {}
  Revision position() const { return feed_.position(); }

 private:
  static void note(const kit::EventView& e, std::vector<Told>* out) {
    Told told{e.revision().value(), e.previous(kLane).value(), 'M', e->name()->str(), ""};
    if (told.object.starts_with("kube-")) told.object = "other";
    if (e->type() == wire::EventType::Added) told.type = 'A';
    if (e->type() == wire::EventType::Deleted) told.type = 'D';
    if (auto object = e.object()) told.value = value_of(*object);
    out->push_back(std::move(told));
  }
  kit::Feed feed_;
};

// One client: an operation after another, each written down.
class User {
 public:
  User(bus::Ports ports, const bus::Credentials& c, int number, uint32_t seed, History* history)
      : ports_(ports),
        client_(ports, {ClusterName(c.cluster), Actor(c.actor), kPatience}),
        number_(number),
        random_(seed * 1000 + static_cast<uint32_t>(number)),
        history_(history) {
    again();
  }
  void stop() { stopping_ = true; }
  bool idle() const { return stopping_ && !busy_; }
  // Once idle: a last look at each object. `done` when all were seen.
  void look_at_all(std::function<void()> done) { look_at(0, std::move(done)); }

 private:
  using Kind = Operation::Kind;

  void again() {
    auto wait = std::chrono::milliseconds(random_() % (2 * kPause.count()));
    timer_ = ports_.clock.after(wait, [this] {
      if (!stopping_) act();
    });
  }
  size_t begin(Kind kind, const std::string& object, const std::string& value, uint64_t expected) {
    busy_ = true;
    history_->operations.push_back(
        {number_, object, kind, value, expected, 0, ports_.clock.now().ns});
    return history_->operations.size() - 1;
  }
  void end(size_t operation, const Result<Object>& answer) {
    busy_ = false;
    Operation& op = history_->operations[operation];
    op.end = ports_.clock.now().ns;
    known_[op.object] = 0;
    if (!answer) {
      op.outcome = outcome_of(answer.error());
    } else {
      op.outcome = Operation::Outcome::kDone;
      if (*answer) op.revision = known_[op.object] = answer->revision().value();
      if (op.kind == Kind::kRead) op.value = value_of(*answer);
    }
  }
  void act() {
    std::string name = "object-" + std::to_string(random_() % kObjects);
    std::string value = std::to_string(number_) + "." + std::to_string(++count_);
    uint64_t known = known_[name];
    switch (random_() % 10) {
      case 0:
        return remove(name);
      case 1:
      case 2:
        return create(name, value);
      case 3:
        return write(name, value, 0);
      case 4:
      case 5:
      case 6:
        return write(name, value, known);
      default:
        return read(name);
    }
  }
  ObjectKey key(const std::string& name) { return {&kind("configmaps"), kLane.ns, name}; }
  void read(const std::string& name) {
    size_t op = begin(Kind::kRead, name, "", 0);
    client_.get(key(name), [this, op](Result<Object> o) { end(op, o), again(); });
  }
  void create(const std::string& name, const std::string& value) {
    size_t op = begin(Kind::kCreate, name, value, 0);
    boost::json::value map{{"metadata", {{"name", name}}}, {"data", {{"v", value}}}};
    client_.create(kind("configmaps"), kLane.ns, map, {},
                   [this, op](Result<Object> o) { end(op, o), again(); });
  }
  void write(const std::string& name, const std::string& value, uint64_t expected) {
    size_t op = begin(expected ? Kind::kCompareAndSet : Kind::kWrite, name, value, expected);
    client_.merge_patch(key(name), R"({"data":{"v":")" + value + R"("}})",
                        {.revision = Revision(expected)},
                        [this, op](Result<Object> o) { end(op, o), again(); });
  }
  void remove(const std::string& name) {
    size_t op = begin(Kind::kDelete, name, "", 0);
    client_.remove(key(name), std::nullopt, {}, [this, op](Status s) {
      end(op, s ? Result<Object>(Object()) : Result<Object>(s.error()));
      again();
    });
  }
  void look_at(int object, std::function<void()> done) {
    if (object == kObjects) return done();
    std::string name = "object-" + std::to_string(object);
    size_t op = begin(Kind::kRead, name, "", 0);
    client_.get(key(name), [this, op, object, done = std::move(done)](Result<Object> o) mutable {
      end(op, o);
      bool seen = history_->operations[op].outcome != Operation::Outcome::kUnknown;
      look_at(object + (seen ? 1 : 0), std::move(done));
    });
  }

  bus::Ports ports_;
  kit::Client client_;
  int number_, count_ = 0;
  std::mt19937 random_;
  History* history_;
  std::map<std::string, uint64_t> known_;
  std::unique_ptr<bus::Timer> timer_;
  bool stopping_ = false, busy_ = false;
};

// The run: its namespace, the users for a while, a last look, the lane read again.
class Run {
 public:
  Run(const bus::Credentials& c, std::chrono::seconds length, uint32_t seed)
      : credentials_(c),
        host_({.component = "history", .credentials = c, .log_level = bus::Level::kError}),
        client_(host_.ports(), {ClusterName(c.cluster), Actor(c.actor), 60s}),
        length_(length),
        seed_(seed) {}

  History run() {
    client_.create(kind("namespaces"), "", {{"metadata", {{"name", kLane.ns}}}}, {},
                   [this](Result<Object> o) { o ? begin() : fail(o.error()); });
    host_.run();
    return std::move(history_);
  }

 private:
  void fail(const Error& e) {
    std::fprintf(stderr, "history-load: %s\n", e.message.c_str());
    host_.stop(1);
  }
  void begin() {
    follower_ = std::make_unique<Listener>(host_.ports(), client_, &history_.followed);
    for (int i = 1; i <= kClients; ++i)
      users_.push_back(std::make_unique<User>(host_.ports(), credentials_, i, seed_, &history_));
    timer_ = host_.ports().clock.after(length_, [this] {
      for (auto& user : users_) user->stop();
      await_idle();
    });
  }
  void await_idle() {
    if (std::all_of(users_.begin(), users_.end(), [](auto& u) { return u->idle(); }))
      return users_[0]->look_at_all([this] {
        replayer_ = std::make_unique<Listener>(host_.ports(), client_, &history_.replayed);
        await_told();
      });
    timer_ = host_.ports().clock.after(kQuiet, [this] { await_idle(); });
  }
  // Both have come to the same place twice in a row. A follower that never does is told so when the
  // history is judged: the wait ends.
  void await_told() {
    constexpr int kMostLooks = 150;
    Revision a = follower_->position(), b = replayer_->position();
    still_ = a == b && a == last_ ? still_ + 1 : 0;
    last_ = a;
    if (still_ == 3 || ++looks_ == kMostLooks) return host_.stop();
    timer_ = host_.ports().clock.after(kQuiet, [this] { await_told(); });
  }

  bus::Credentials credentials_;
  bus::Host host_;
  kit::Client client_;
  std::chrono::seconds length_;
  uint32_t seed_;
  History history_;
  std::vector<std::unique_ptr<User>> users_;
  std::unique_ptr<Listener> follower_, replayer_;
  std::unique_ptr<bus::Timer> timer_;
  Revision last_;
  int still_ = 0, looks_ = 0;
};

int tell(const History& h) {
  size_t known = 0, changed = 0;
  for (const Operation& op : h.operations) {
    known += op.outcome != Operation::Outcome::kUnknown;
    changed += op.outcome == Operation::Outcome::kDone && op.kind != Operation::Kind::kRead;
  }
  std::vector<std::string> wrong = judge(h);
  for (const std::string& w : wrong) std::printf("WRONG: %s\n", w.c_str());
  std::printf("%zu operations, %zu answered, %zu changed something; %zu events: %s\n",
              h.operations.size(), known, changed, h.followed.size(),
              wrong.empty() ? "linearizable, nothing lost, no gap" : "WRONG");
  return wrong.empty() && changed > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string what = argc > 1 ? argv[1] : "";
  if (what == "check" && argc == 3) {
    auto history = read_history(argv[2]);
    if (!history) return std::fprintf(stderr, "%s\n", history.error().message.c_str()), 2;
    return tell(*history);
  }
  if (what != "run" || argc != 6) return 2;
  auto credentials = bus::read_credentials(argv[2]);
  if (!credentials) return std::fprintf(stderr, "%s\n", credentials.error().message.c_str()), 2;
  Run run(*credentials, std::chrono::seconds(std::atoi(argv[3])),
          static_cast<uint32_t>(std::atoi(argv[4])));
  History history = run.run();
  if (Status s = write_history(history, argv[5]); !s)
    return std::fprintf(stderr, "%s\n", s.error().message.c_str()), 2;
  return tell(history);
}
