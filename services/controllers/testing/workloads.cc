#include "services/controllers/testing/workloads.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"
#include "services/controllers/deployment/deployment.h"
#include "services/controllers/owners.h"
#include "services/controllers/pods.h"
#include "services/controllers/replicaset/replicaset.h"
#include "services/controllers/values.h"

namespace kubus::controllers::testing {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

std::string pod_template(const std::string& app, const std::string& image) {
  return R"("selector":{"matchLabels":{"app":")" + app +
         R"("}},"template":{"metadata":{"labels":{"app":")" + app +
         R"("}},"spec":{"containers":[{"name":"c","image":")" + image + R"("}]}})";
}

const schema::KindInfo& kind_named(std::string_view resource) {
  return kit::testing::kind(resource, resource == "pods" ? "" : "apps");
}

std::string object_text(const std::string& name, const std::string& spec) {
  return R"({"metadata":{"name":")" + name + R"("},"spec":{)" + spec + "}}";
}

}  // namespace

struct Workloads::Process {
  Process(bus::Ports ports, const kit::ClientOptions& options)
      : client(ports, options),
        informers(ports, client),
        shared{ports, client, informers},
        sets(shared),
        deployments(shared) {
    fence(std::nullopt);
    informers.start();
    election = std::make_unique<kit::Election>(
        ports, client,
        kit::ElectionOptions{.lease = "kube-controller-manager",
                             .identity = "controllers",
                             .ttl = std::chrono::seconds(15),
                             .renew = std::chrono::seconds(5)},
        [this](const kit::Fence& f) { fence(f); }, [this] { fence(std::nullopt); });
  }
  void fence(const std::optional<kit::Fence>& f) {
    sets.set_fence(f);
    deployments.set_fence(f);
  }
  kit::Client client;
  Informers informers;
  Shared shared;
  replicaset::ReplicaSets sets;
  deployment::Deployments deployments;
  std::unique_ptr<kit::Election> election;
};

Workloads::Workloads(uint64_t seed) : c(seed) {
  start();
  tick();
}
Workloads::~Workloads() = default;

void Workloads::start() {
  process_ =
      std::make_unique<Process>(c.host("controllers").ports(), c.client_options("controllers"));
}

void Workloads::crash() {
  c.host("controllers").set_connected(false);
  process_.reset();
  c.host("controllers").set_connected(true);
}

// ---- the kubelet ----

void Workloads::tick() {
  timer_ = c.host("kubelet").ports().clock.after(milliseconds(5), [this] { tick(); });
  look();
  if (!kubelet_works) return;
  int64_t now = c.host("kubelet").ports().clock.wall_seconds();
  for (const Object& pod : all("pods")) {
    if (pod.terminating()) {
      c.store.erase(pod.key());
    } else if (!ready(pod) && active(pod)) {
      json::value value = codec::to_value(pod.kind(), pod.bytes());
      json::object& o = value.as_object();
      bool bad = o["spec"].at("containers").at(0).at("image") == "bad";
      o["spec"].as_object()["nodeName"] = "n1";
      o["status"] = json::object{
          {"phase", bad ? "Pending" : "Running"},
          {"conditions",
           json::array{json::object{{"type", "Ready"},
                                    {"status", bad ? "False" : "True"},
                                    {"lastTransitionTime", time_text(bad ? 1 : now)}}}}};
      c.store.put(pod.kind(), "d", value);
    }
  }
}

void Workloads::look() {
  if (pods() > most) violations.push_back(std::to_string(pods()) + " Pods");
  if (pods(true) < least_ready) violations.push_back(std::to_string(pods(true)) + " ready Pods");
}

// ---- what a user does ----

void Workloads::deploy(const std::string& image, int replicas, const std::string& spec) {
  put("deployments",
      object_text("web", R"("progressDeadlineSeconds":60,"replicas":)" + std::to_string(replicas) +
                             "," + pod_template("web", image) + (spec.empty() ? "" : "," + spec)));
}

void Workloads::replica_set(int replicas, const std::string& spec) {
  put("replicasets",
      object_text("solo", R"("replicas":)" + std::to_string(replicas) + "," +
                              pod_template("solo", "i") + (spec.empty() ? "" : "," + spec)));
}

void Workloads::edit(std::string_view resource, std::string_view name,
                     const std::function<void(json::object&)>& change) {
  json::value value = get(resource, name);
  change(value.as_object());
  c.store.put(kind_named(resource), "d", value);
}

void Workloads::set_image(const std::string& image) {
  edit("deployments", "web", [&](json::object& o) {
    o["spec"].at("template").at("spec").at("containers").at(0).as_object()["image"] = image;
  });
}

void Workloads::scale(int replicas) {
  edit("deployments", "web",
       [&](json::object& o) { o["spec"].as_object()["replicas"] = replicas; });
}

void Workloads::put(std::string_view resource, std::string_view text) {
  c.store.put(kind_named(resource), "d", kit::testing::parse(text));
}

// ---- what there is ----

json::value Workloads::get(std::string_view resource, std::string_view name) const {
  Object o = c.store.find({&kind_named(resource), "d", std::string(name)});
  return o ? codec::to_value(o.kind(), o.bytes()) : json::value();
}

std::vector<Object> Workloads::all(std::string_view resource) const {
  std::vector<Object> out;
  for (const auto& [key, object] : c.store.state().objects()) {
    if (key.kind->resource == resource) out.push_back(object);
  }
  return out;
}

size_t Workloads::pods(bool ready_only) const {
  size_t count = 0;
  for (const Object& pod : all("pods")) count += active(pod) && (!ready_only || ready(pod));
  return count;
}

std::string Workloads::condition(std::string_view type) {
  json::value web = get("deployments", "web");
  if (!web.is_object()) return "";
  for (const json::value& v : array_in(object_in(web.as_object(), "status"), "conditions")) {
    const json::object& o = v.as_object();
    if (text_in(o, "type") != type) continue;
    return std::string(type) + "=" + std::string(text_in(o, "status")) + "/" +
           std::string(text_in(o, "reason"));
  }
  return "";
}

std::string Workloads::summary() {
  std::string out;
  for (const char* resource : {"deployments", "replicasets"}) {
    for (const Object& object : all(resource)) {
      json::value value = codec::to_value(object.kind(), object.bytes());
      json::object status = object_in(value.as_object(), "status");
      status.erase("conditions");
      std::map<std::string, std::string> sorted;
      for (const auto& f : status) sorted[std::string(f.key())] = json::serialize(f.value());
      out += std::string(object.name()) + " wants " +
             std::to_string(int_in(object_in(value.as_object(), "spec"), "replicas").value_or(-1)) +
             " revision " +
             std::string(object.annotation("deployment.kubernetes.io/revision").value_or("-"));
      for (const auto& [name, text] : sorted) out += " " + name + "=" + text;
      size_t owned = 0;
      for (const Object& pod : all("pods")) owned += controller_of(pod).uid == object.uid();
      out += " pods=" + std::to_string(owned) + "\n";
    }
  }
  return out + condition("Available") + " " + condition("Progressing") + "\n";
}

}  // namespace kubus::controllers::testing
