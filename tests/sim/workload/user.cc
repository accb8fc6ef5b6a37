#include "tests/sim/workload/user.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace kubus::sim {

namespace json = boost::json;

User::User(Stage& stage, const std::string& name, const Step& step)
    : stage_(stage),
      name_(name),
      step_(step),
      ports_(stage.cluster.outside(name).ports()),
      client_(ports_, stage.cluster.client_options("cli:" + name)) {}

void User::start() {
  tick();
}

// The next time lies between half and one and a half of `every`.
void User::tick() {
  auto every = step_.duration("every", std::chrono::seconds(10)).count();
  auto wait = every / 2 + static_cast<int64_t>(ports_.random.below(static_cast<uint64_t>(every)));
  timer_ = ports_.clock.after(bus::Duration(wait), [this] {
    act();
    if (!stopped_) tick();
  });
}

ObjectKey User::key(std::string_view group, std::string_view resource, const std::string& ns,
                    const std::string& name) {
  return {schema::Registry::get().by_resource(group, resource), ns, name};
}

User::Then User::note(const std::string& what, const ObjectKey& key, Then then) {
  ++under_way_;
  if (stage_.story.heard()) stage_.story.tell(name_, what + " " + key.str());
  return [this, what, key, then = std::move(then)](const Result<Object>& answer) {
    --under_way_;
    if (answer && *answer) stage_.acknowledged.add(key, answer->revision(), name_);
    if (stage_.story.heard())
      stage_.story.tell(name_,
                        what + " " + key.str() + ": " + (answer ? "done" : answer.error().message));
    if (then) then(answer);
  };
}

void User::create(std::string_view group, std::string_view resource, const std::string& ns,
                  const json::value& object, Then then) {
  std::string name(object.at("metadata").at("name").as_string());
  ObjectKey k = key(group, resource, ns, name);
  client_.create(*k.kind, ns, object, {}, note("creates", k, std::move(then)));
}

void User::patch(const ObjectKey& k, const std::string& merge, kit::WriteOptions options,
                 Then then) {
  // A patch that changes nothing moves no revision: then there is nothing to be remembered by.
  client_.merge_patch(k, merge, std::move(options), note("patches", k, std::move(then)));
}

void User::remove(const ObjectKey& k, std::function<void(Status)> then) {
  auto noted = note("deletes", k, {});
  client_.remove(k, std::nullopt, {}, [noted, then = std::move(then)](Status s) {
    noted(s ? Result<Object>(Object()) : Result<Object>(s.error()));
    if (then) then(s);
  });
}

void User::get(const ObjectKey& k, Then then) {
  ++under_way_;
  client_.get(k, [this, then = std::move(then)](Result<Object> answer) {
    --under_way_;
    then(answer);
  });
}

json::value pod_template(const std::string& app, const std::string& image, const std::string& cpu) {
  json::object probe{{"httpGet", {{"path", "/ready"}, {"port", 80}}}, {"periodSeconds", 5}};
  json::object container{{"name", "web"},
                         {"image", image},
                         {"resources", {{"requests", {{"cpu", cpu}}}}},
                         {"readinessProbe", std::move(probe)}};
  return {{"metadata", {{"labels", {{"app", app}}}}},
          {"spec",
           {{"terminationGracePeriodSeconds", 2},
            {"automountServiceAccountToken", false},  // signing one costs more than all the rest
            {"containers", json::array{std::move(container)}}}}};
}

json::value deployment(const std::string& name, const std::string& image, const Step& step) {
  json::object rolling{{"maxUnavailable", step.number("unavailable", 1)},
                       {"maxSurge", step.number("surge", 1)}};
  return {{"metadata", {{"name", name}}},
          {"spec",
           {{"replicas", step.number("replicas", 1)},
            {"selector", {{"matchLabels", {{"app", name}}}}},
            {"strategy", {{"rollingUpdate", std::move(rolling)}}},
            {"template", pod_template(name, image, step.text("cpu", "200") + "m")}}}};
}

}  // namespace kubus::sim
