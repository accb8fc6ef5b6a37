#include "agents/kubelet/node/node_agent.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "schemas/lib/base/check.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::kubelet {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kSoon{50};
constexpr std::chrono::seconds kLooksAtRuntime{10}, kHeartbeat{10}, kLooksAtImages{30};
constexpr int64_t kStatusHeartbeatSeconds = 300, kLeaseSeconds = 40;
constexpr const char* kLeaseNamespace = "kube-node-lease";

const schema::KindInfo& kind(std::string_view group, std::string_view resource) {
  const auto* found = schema::Registry::get().by_resource(group, resource);
  KUBUS_CHECK(found);
  return *found;
}

}  // namespace

NodeAgent::NodeAgent(bus::Ports ports, kit::Client& client, kit::Recorder& recorder,
                     Runtime& runtime, NodeOptions options)
    : ports_(ports),
      client_(client),
      recorder_(recorder),
      runtime_(runtime),
      nodes_(ports, client,
             {.kind = &kind("", "nodes"),
              .field_selector = "metadata.name=" + options.name,
              .node = options.name}),
      reconciler_(ports, client, {.name = "node"}, {&nodes_},
                  [this](kit::Pass& pass) { reconcile(pass); }),
      prepared_(Error(Code::kUnavailable, "the kubelet is starting")) {
  report_ = {.name = options.name,
             .address = options.address,
             .version = options.version,
             .machine = options.machine,
             .stream_endpoint = options.stream_endpoint,
             .stream_key = options.stream_key};
  report_.runtime.name = "containerd";
  state_dir_ = options.state_dir;
  renew_every_ = options.renew_every;
  nodes_.on_change([this](const kit::Informer::Change& c) {
    if (c.before || c.now)
      reconciler_.add(report_.name, c.event ? c.event->revision() : Revision());
  });
}

void NodeAgent::start() {
  judge();
  nodes_.start();
  reconciler_.add(report_.name);
  on_runtime_timeout();
  on_heartbeat_timeout();
}

void NodeAgent::set_prepared(Status prepared) {
  prepared_ = std::move(prepared);
  judge();
}

// ---- the runtime ----

void NodeAgent::look_at_machine() {
  if (state_dir_.empty()) return;
  Pressure before = report_.pressure;
  report_.pressure = judge_pressure(read_pressure(state_dir_), before);
  if (report_.pressure != before) reconciler_.add(report_.name);
}

void NodeAgent::look_at_images() {
  bus::Instant now = ports_.clock.now();
  if (images_known_ && now - images_listed_ < kLooksAtImages) return;
  images_listed_ = now;
  images_known_ = true;
  runtime_.list_images(held([this](Result<std::vector<Image>> images) {
    if (!images) return;
    report_.images = *std::move(images);
    reconciler_.add(report_.name);
  }));
}

void NodeAgent::on_runtime_timeout() {
  look_at_machine();
  runtime_.version(held([this](Result<RuntimeVersion> v) { on_version(std::move(v)); }));
}

void NodeAgent::on_version(Result<RuntimeVersion> version) {
  if (!version) return on_runtime_status(version.error());
  report_.runtime = *std::move(version);
  look_at_images();
  runtime_.status(held([this](Result<RuntimeState> s) { on_runtime_status(std::move(s)); }));
}

void NodeAgent::on_runtime_status(Result<RuntimeState> state) {
  state_ = state ? *state : RuntimeState{.message = state.error().message};
  bool good = state_.runtime_ready && state_.network_ready;
  runtime_timer_ = ports_.clock.after(good ? bus::Duration(kLooksAtRuntime) : bus::Duration(kSoon),
                                      [this] { on_runtime_timeout(); });
  judge();
  Object now = node();
  std::string cidr = now ? pod_cidr_of(now) : "";
  if (state_.network_ready || !state_.runtime_ready || cidr.empty() || cidr == told_cidr_) return;
  told_cidr_ = cidr;
  runtime_.set_pod_cidr(cidr, held([this](Status s) {
                          if (!s) ports_.log.warn("the Pod network: " + s.error().message);
                          if (!s) told_cidr_.clear();
                        }));
}

void NodeAgent::judge() {
  bool was = report_.ready;
  std::string why = report_.why_not;
  report_.ready = prepared_ && state_.runtime_ready && state_.network_ready;
  report_.why_not = !prepared_               ? prepared_.error().message
                    : state_.message.empty() ? "the runtime is not ready"
                                             : "the runtime: " + state_.message;
  if (report_.ready) report_.why_not.clear();
  if (was != report_.ready || why != report_.why_not) reconciler_.add(report_.name);
}

// ---- the Node ----

void NodeAgent::reconcile(kit::Pass& pass) {
  pass.again_after(std::chrono::seconds(kStatusHeartbeatSeconds));
  Object now = node();
  int64_t seconds = ports_.clock.wall_seconds();
  if (!now) return pass.create(nodes_.options().kind[0], "", new_node(report_, seconds));
  std::string annotations = node_annotations_patch(now, report_);
  if (!annotations.empty())
    return pass.merge_patch(now.key(), std::move(annotations), "", now.uid(), now.revision());
  std::string patch = node_status_patch(now, report_, seconds, kStatusHeartbeatSeconds);
  if (patch.empty()) return;
  if (is_ready(now) != report_.ready) {
    std::string turn = report_.ready ? "NodeReady" : "NodeNotReady";
    recorder_.normal(now, turn, "Node " + report_.name + " status is now: " + turn);
  }
  pass.merge_patch(now.key(), std::move(patch), "status", now.uid(), now.revision());
}

// ---- signs of life ----

void NodeAgent::on_heartbeat_timeout() {
  heartbeat_timer_ = ports_.clock.after(kHeartbeat, [this] { on_heartbeat_timeout(); });
  ports_.bus.publish(client_.subjects().heartbeat("node", report_.name), {});
  bus::Instant now = ports_.clock.now();
  if (renewed_ && now - *renewed_ < renew_every_) return;
  renewed_ = now;
  renew_lease();
}

void NodeAgent::renew_lease() {
  json::object spec{{"holderIdentity", report_.name},
                    {"leaseDurationSeconds", kLeaseSeconds},
                    {"renewTime", codec::format_micro_time(ports_.clock.wall_ns() / 1000)}};
  kit::WriteOptions options;
  options.return_object = false;
  client_.merge_patch({&kind("coordination.k8s.io", "leases"), kLeaseNamespace, report_.name},
                      json::serialize(json::object{{"spec", spec}}), options,
                      held([this](Result<Object> r) { on_renewed(r); }));
}

void NodeAgent::on_renewed(const Result<Object>& lease) {
  if (lease) return;
  if (lease.error().code == Code::kNotFound) return create_lease();
  ports_.log.warn("the node's lease: " + lease.error().message);
}

void NodeAgent::create_lease() {
  Object owner = node();
  if (!owner) return renewed_.reset();  // the next heartbeat comes after the Node
  json::object meta{
      {"name", report_.name},
      {"ownerReferences",
       json::array{json::object{
           {"apiVersion", "v1"}, {"kind", "Node"}, {"name", report_.name}, {"uid", owner.uid()}}}}};
  json::object spec{{"holderIdentity", report_.name},
                    {"leaseDurationSeconds", kLeaseSeconds},
                    {"renewTime", codec::format_micro_time(ports_.clock.wall_ns() / 1000)}};
  client_.create(kind("coordination.k8s.io", "leases"), kLeaseNamespace,
                 json::object{{"metadata", std::move(meta)}, {"spec", std::move(spec)}}, {},
                 held([this](Result<Object> r) {
                   if (!r) ports_.log.warn("the node's lease: " + r.error().message);
                 }));
}

}  // namespace kubus::kubelet
