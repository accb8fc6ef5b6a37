#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "tests/sim/workload/user.h"

namespace kubus::sim {
namespace {

namespace json = boost::json;

// Tries again until a Deployment is there.
class Deployer : public User {
 public:
  Deployer(Stage& stage, const Step& step) : User(stage, "user-" + step.name(), step) { act(); }

 private:
  void act() override {
    create("apps", "deployments", "default", deployment(step_.name(), "web:1", step_),
           [this](const Result<Object>& made) {
             if (!made && made.error().code != Code::kAlreadyExists) retry();
           });
  }
  void retry() {
    again_ = ports_.clock.after(std::chrono::seconds(1), [this] { act(); });
  }
  std::unique_ptr<bus::Timer> again_;
};

// New images for a Deployment; now and then one that does not exist, and at the end one that does.
class Roller : public User {
 public:
  Roller(Stage& stage, const Step& step) : User(stage, "user-roll-" + step.name(), step) {
    start();
  }
  void stop() override {
    User::stop();
    last_ = true;
    if (!sending_) act();
  }

 private:
  void act() override {
    if (sending_) return;
    sending_ = true;
    bool bad = !last_ && ports_.random.below(100) < static_cast<uint64_t>(step_.number("bad", 0));
    std::string image = bad ? "web:none" : "web:" + std::to_string(1 + ports_.random.below(3));
    json::value patch_value{{"spec", {{"template", pod_template(step_.name(), image, "200m")}}}};
    bool was_last = last_;
    patch(key("apps", "deployments", "default", step_.name()), json::serialize(patch_value), {},
          [this, was_last](const Result<Object>& answer) {
            sending_ = false;
            if (last_ && (!was_last || !answer)) act();
          });
  }
  bool sending_ = false, last_ = false;
};

// At the end it goes back to the least.
class Scaler : public User {
 public:
  Scaler(Stage& stage, const Step& step) : User(stage, "user-scale-" + step.name(), step) {
    start();
  }
  void stop() override {
    User::stop();
    ++owed_;
    scale(step_.number("from", 0));
  }

 private:
  void act() override {
    int from = step_.number("from", 0), to = step_.number("to", 5);
    scale(from + static_cast<int>(ports_.random.below(static_cast<uint64_t>(to - from + 1))));
  }
  void scale(int n) {
    patch(key("apps", "deployments", "default", step_.name()),
          R"({"spec":{"replicas":)" + std::to_string(n) + "}}", {},
          [this, n](const Result<Object>& answer) {
            if (!stopped_ || owed_ == 0) return;
            answer&& n == step_.number("from", 0) ? void(--owed_) : scale(step_.number("from", 0));
          });
  }
};

// One of several who change the same object, each its own key of it, one change after another: no
// change of theirs may be lost to another's.
class Racer : public User {
 public:
  Racer(Stage& stage, const Step& step, int number)
      : User(stage, "racer-" + std::to_string(number), step), field_("k" + std::to_string(number)) {
    create("", "configmaps", "default", {{"metadata", {{"name", step_.name()}}}});
    start();
  }
  void check_end() override {
    auto found = stage_.chronicle.state().find(map());
    if (found == stage_.chronicle.state().end()) {
      if (told_ > 0) stage_.story.wrong("races", map().str() + " is not there");
      return;
    }
    int now = value_in(found->second);
    if (now < told_ || now > sent_)
      stage_.story.wrong("races", field_ + " of " + map().str() + " is " + std::to_string(now) +
                                      "; told " + std::to_string(told_) + ", sent " +
                                      std::to_string(sent_));
  }

 private:
  ObjectKey map() const { return key("", "configmaps", "default", step_.name()); }
  int value_in(const Object& o) const {
    auto text = o.annotation(field_);
    return text ? std::atoi(std::string(*text).c_str()) : 0;
  }
  void act() override {
    if (sending_) return;
    sending_ = true;
    int n = ++sent_;
    patch(map(),
          R"({"metadata":{"annotations":{")" + field_ + R"(":")" + std::to_string(n) + R"("}}})",
          {}, [this, n](const Result<Object>& answer) {
            sending_ = false;
            if (answer) told_ = n;
          });
  }
  std::string field_;
  bool sending_ = false;
  int sent_ = 0, told_ = 0;
};

// Namespaces with a Deployment each, deleted after a while.
class Settler : public User {
 public:
  Settler(Stage& stage, const Step& step) : User(stage, "settler", step) { start(); }

 private:
  void act() override {
    std::string name = "town-" + std::to_string(++count_);
    create("", "namespaces", "", {{"metadata", {{"name", name}}}}, [this, name](const auto& made) {
      if (!made) return;
      create("apps", "deployments", name, deployment("web", "web:1", step_));
      create("", "configmaps", name, {{"metadata", {{"name", "settings"}}}});
    });
    ++owed_;
    auto life = step_.duration("life", std::chrono::seconds(20));
    ends_.push_back(ports_.clock.after(life, [this, name] { leave(name); }));
  }
  void leave(const std::string& name) {
    remove(key("", "namespaces", "", name), [this, name](Status s) {
      bool gone = s || s.error().code == Code::kNotFound;
      gone ? void(--owed_) : leave(name);
    });
  }
  int count_ = 0;
  std::vector<std::unique_ptr<bus::Timer>> ends_;
};

// Pods that nobody manages, deleted after a while.
class Churner : public User {
 public:
  Churner(Stage& stage, const Step& step) : User(stage, "churner", step) { start(); }

 private:
  void act() override {
    std::string name = "lone-" + std::to_string(++count_);
    json::value pod = pod_template("lone", "web:1", "100m");
    pod.at("metadata").as_object()["name"] = name;
    create("", "pods", "default", pod);
    ++owed_;
    auto life = step_.duration("life", std::chrono::seconds(20));
    ends_.push_back(ports_.clock.after(life, [this, name] { leave(name); }));
  }
  void leave(const std::string& name) {
    remove(key("", "pods", "default", name), [this, name](Status s) {
      bool gone = s || s.error().code == Code::kNotFound;
      gone ? void(--owed_) : leave(name);
    });
  }
  int count_ = 0;
  std::vector<std::unique_ptr<bus::Timer>> ends_;
};

// Reads, writes, compares and deletes a few objects, and remembers every answer with its times.
class Registrar : public User {
 public:
  Registrar(Stage& stage, const Step& step, int number)
      : User(stage, "registrar-" + std::to_string(number), step), number_(number) {
    start();
  }

 private:
  struct Known {
    Revision revision;  // as last read or written by this client
  };
  void act() override {
    if (under_way_ > 0) return;
    auto n = static_cast<uint64_t>(step_.number("n", 3));
    std::string name = "register-" + std::to_string(ports_.random.below(n));
    ObjectKey k = key("", "configmaps", "default", name);
    std::string value = std::to_string(number_) + "." + std::to_string(++count_);
    switch (ports_.random.below(10)) {
      case 0:
        return do_delete(k);
      case 1:
      case 2:
        return do_create(k, value);
      case 3:
      case 4:
      case 5:
        return do_read(k);
      case 6:
        return do_write(k, value, Revision());
      default:
        return do_write(k, value, known_[name].revision);
    }
  }
  void learn(const ObjectKey& k, const Result<Object>& answer) {
    known_[k.name].revision = answer && *answer ? answer->revision() : Revision();
  }
  void do_read(const ObjectKey& k) {
    auto op = stage_.history.begin(number_, k.name, RegisterHistory::Kind::kRead, "");
    get(k, [this, k, op](const Result<Object>& answer) {
      learn(k, answer);
      stage_.history.end(op, answer);
    });
  }
  void do_create(const ObjectKey& k, const std::string& value) {
    auto op = stage_.history.begin(number_, k.name, RegisterHistory::Kind::kCreate, value);
    json::value map{{"metadata", {{"name", k.name}}}, {"data", {{"v", value}}}};
    create("", "configmaps", "default", map, [this, k, op](const Result<Object>& answer) {
      learn(k, answer);
      stage_.history.end(op, answer);
    });
  }
  void do_write(const ObjectKey& k, const std::string& value, Revision expected) {
    auto kind = expected ? RegisterHistory::Kind::kCompareAndSet : RegisterHistory::Kind::kWrite;
    auto op = stage_.history.begin(number_, k.name, kind, value, expected);
    patch(k, R"({"data":{"v":")" + value + R"("}})", {.revision = expected},
          [this, k, op](const Result<Object>& answer) {
            learn(k, answer);
            stage_.history.end(op, answer);
          });
  }
  void do_delete(const ObjectKey& k) {
    auto op = stage_.history.begin(number_, k.name, RegisterHistory::Kind::kDelete, "");
    remove(k, [this, op](Status s) {
      stage_.history.end(op, s ? Result<Object>(Object()) : Result<Object>(s.error()));
    });
  }

  int number_, count_ = 0;
  std::map<std::string, Known> known_;
};

}  // namespace

std::unique_ptr<User> make_setup(Stage& stage, const Step& step) {
  return std::make_unique<Deployer>(stage, step);
}

std::vector<std::unique_ptr<User>> make_users(Stage& stage, const Step& step) {
  std::vector<std::unique_ptr<User>> out;
  if (step.word == "roll") out.push_back(std::make_unique<Roller>(stage, step));
  if (step.word == "scale") out.push_back(std::make_unique<Scaler>(stage, step));
  if (step.word == "namespaces") out.push_back(std::make_unique<Settler>(stage, step));
  if (step.word == "pods") out.push_back(std::make_unique<Churner>(stage, step));
  for (int i = 1; step.word == "race" && i <= step.number("clients", 2); ++i)
    out.push_back(std::make_unique<Racer>(stage, step, i));
  for (int i = 1; step.word == "registers" && i <= step.number("clients", 2); ++i)
    out.push_back(std::make_unique<Registrar>(stage, step, i));
  if (step.word == "backup") out.push_back(make_saver(stage, step));
  for (int i = 1; step.word == "past" && i <= step.number("clients", 1); ++i)
    out.push_back(make_past_reader(stage, step, i));
  return out;
}

}  // namespace kubus::sim
