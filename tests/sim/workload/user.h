// What users do: each step of a scenario's workload, by clients on processes of their own.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/checkers/checkers.h"
#include "tests/sim/checkers/past.h"
#include "tests/sim/checkers/register_history.h"
#include "tests/sim/scenario/scenario.h"

namespace kubus::sim {

// What every user needs.
struct Stage {
  Cluster& cluster;
  Chronicle& chronicle;
  Story& story;
  Acknowledged& acknowledged;
  RegisterHistory& history;
  Past& past;
};

// Somebody who acts every so often.
class User {
 public:
  User(Stage& stage, const std::string& name, const Step& step);
  virtual ~User() = default;
  User(const User&) = delete;

  // Nothing new is begun any more; what is under way ends by itself.
  virtual void stop() { timer_.reset(), stopped_ = true; }
  bool idle() const { return under_way_ == 0 && owed_ == 0; }
  // Once all is quiet.
  virtual void check_end() {}

 protected:
  virtual void act() = 0;
  void start();

  // Each tells the story and remembers what was acknowledged; `then` may be empty.
  using Then = std::function<void(const Result<Object>&)>;
  void create(std::string_view group, std::string_view resource, const std::string& ns,
              const boost::json::value& object, Then then = {});
  void patch(const ObjectKey& key, const std::string& merge, kit::WriteOptions options = {},
             Then then = {});
  void remove(const ObjectKey& key, std::function<void(Status)> then = {});
  void get(const ObjectKey& key, Then then);
  static ObjectKey key(std::string_view group, std::string_view resource, const std::string& ns,
                       const std::string& name);

  Stage& stage_;
  std::string name_;
  Step step_;
  bus::Ports ports_;
  kit::Client client_;
  bool stopped_ = false;
  int under_way_ = 0;
  int owed_ = 0;  // what it made and has still to delete

 private:
  void tick();
  Then note(const std::string& what, const ObjectKey& key, Then then);

  std::unique_ptr<bus::Timer> timer_;
};

// A Deployment's manifest, as scenarios use it.
boost::json::value deployment(const std::string& name, const std::string& image, const Step& step);
boost::json::value pod_template(const std::string& app, const std::string& image,
                                const std::string& cpu);

// All users of a step; the step's options were checked.
std::vector<std::unique_ptr<User>> make_users(Stage& stage, const Step& step);
// Somebody who reads what was, and compares it with what truly was.
std::unique_ptr<User> make_past_reader(Stage& stage, const Step& step, int number);
// Somebody who saves the cluster, and sees what a restored one is like.
std::unique_ptr<User> make_saver(Stage& stage, const Step& step);
// Does a setup step: a Deployment.
std::unique_ptr<User> make_setup(Stage& stage, const Step& step);

}  // namespace kubus::sim
