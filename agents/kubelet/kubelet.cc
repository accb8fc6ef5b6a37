#include "agents/kubelet/kubelet.h"

#include "agents/image/image.h"
#include "agents/kubelet/pods/status.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/base/check.h"

namespace kubus::kubelet {
namespace {

constexpr std::chrono::milliseconds kPrepareAgain{100};
constexpr std::chrono::seconds kPatience{1};  // with what only the disk knows
constexpr std::chrono::seconds kForgetAfter{1};

const schema::KindInfo& pod_kind() {
  const auto* found = schema::Registry::get().by_resource("", "pods");
  KUBUS_CHECK(found);
  return *found;
}

std::string key_of(const Object& pod) {
  return std::string(pod.ns()) + "/" + std::string(pod.name());
}

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

Identity identity_of(const KubeletOptions& o) {
  Identity out{o.client.cluster.value(), o.node.name, o.node.address, o.state_dir, o.dns};
  out.node_dns = read_node_dns();
  out.cpu_milli = int64_t{o.node.machine.cpus} * 1000;
  out.memory_bytes = o.node.machine.memory_bytes;
  return out;
}

}  // namespace

Kubelet::Kubelet(bus::Ports ports, Runtime& runtime, Network& network, KubeletOptions options,
                 stream::StreamHost* streams)
    : ports_(ports),
      runtime_(runtime),
      options_(std::move(options)),
      client_(ports, options_.client),
      pods_(ports, client_,
            {.kind = &pod_kind(),
             .field_selector = "spec.nodeName=" + options_.node.name,
             .node = options_.node.name}),
      recorder_(ports, client_, {.component = "kubelet", .host = options_.node.name}),
      node_(ports, client_, recorder_, runtime, options_.node),
      usage_(ports, client_, runtime, options_.node.name, identity_of(options_).labels()),
      reconciler_(ports, client_, {.name = "kubelet"}, {&pods_},
                  [this](kit::Pass& pass) { reconcile(pass); }),
      known_(ports, options_.state_dir.empty() ? "" : options_.state_dir + "/known"),
      workers_(
          ports, {runtime, network, client_, known_}, identity_of(options_),
          [this](const std::string& uid) { on_dirty(uid); },
          [this](const PodWorkers::News& news) { tell(news); }),
      logs_(ports, runtime, [this] { return workers_.logs(); }) {
  pods_.on_change([this](const kit::Informer::Change& c) { on_pod(c); });
  pods_.on_synced([this] { on_pods_synced(); });
  recall();
  pods_.start();
  workers_.start(kPatience, options_.look_every);
  if (!options_.state_dir.empty()) logs_.start();
  node_.start();
  prepare_runtime();
  if (!streams) return;
  streams_ = std::make_unique<StreamService>(
      ports_, runtime_, *streams, client_.subjects(), identity_of(options_),
      [this](const std::string& uid) { return find_pod(uid); });
}

Kubelet::~Kubelet() = default;

// ---- Pods ----

void Kubelet::on_pod(const kit::Informer::Change& change) {
  if (!change.before && !change.now) return on_notice(*change.event);
  bool replaced = change.before && change.now && change.before.uid() != change.now.uid();
  if (change.before && (!change.now || replaced)) {
    std::string uid(change.before.uid());
    workers_.unset(uid, true);
    keys_.erase(uid);
    if (!change.now) known_.drop(change.before.key());
    forget_timer_ = ports_.clock.after(kForgetAfter, [this] { forget_unreferenced(); });
  }
  if (!change.now) return;
  known_.keep(change.now);
  recalled_.erase(std::string(change.now.uid()));
  std::string key = key_of(change.now);
  keys_[std::string(change.now.uid())] = key;
  workers_.set(change.now);
  reconciler_.add(key, change.event ? change.event->revision() : Revision());
}

void Kubelet::on_notice(const kit::EventView& event) {
  workers_.forget_reference(view(event->resource()), view(event->namespace_()),
                            view(event->name()));
}

// What the disk knows holds until the store says otherwise.
void Kubelet::recall() {
  for (const Object& pod : known_.all(pod_kind())) {
    if (pod.field("spec.nodeName") != options_.node.name) continue;
    recalled_.insert(std::string(pod.uid()));
    workers_.set(pod);
  }
}

// ConfigMaps and Secrets that no Pod of this node refers to any more have no place on its disk.
void Kubelet::forget_unreferenced() {
  std::set<ObjectKey> used;
  for (const auto& [name, pod] : pods_.all()) {
    for (const RefKey& ref : PodSupply::references_of(pod))
      used.insert(
          {schema::Registry::get().by_resource("", ref.resource), std::string(pod.ns()), ref.name});
  }
  for (const char* resource : {"configmaps", "secrets"})
    known_.keep_only(*schema::Registry::get().by_resource("", resource), used);
}

void Kubelet::on_pods_synced() {
  for (const std::string& uid : std::exchange(recalled_, {})) workers_.unset(uid, false);
  std::set<ObjectKey> here;
  for (const auto& [name, pod] : pods_.all()) here.insert(pod.key());
  known_.keep_only(pod_kind(), here);
  forget_unreferenced();
  workers_.all_known();
}

void Kubelet::on_dirty(const std::string& uid) {
  auto key = keys_.find(uid);
  if (key != keys_.end()) reconciler_.add(key->second);
}

std::optional<PodWorkers::View> Kubelet::find_pod(const std::string& uid) const {
  auto key = keys_.find(uid);
  if (key == keys_.end()) return std::nullopt;
  size_t slash = key->second.find('/');
  Object pod = pods_.find(key->second.substr(0, slash), key->second.substr(slash + 1));
  if (!pod || pod.uid() != uid) return std::nullopt;
  return workers_.view(pod);
}

void Kubelet::reconcile(kit::Pass& pass) {
  size_t slash = pass.key().find('/');
  Object pod = pods_.find(pass.key().substr(0, slash), pass.key().substr(slash + 1));
  if (!pod) return;
  PodWorkers::View view = workers_.view(pod);
  if (!view.known) return;
  if (view.desired.terminating && view.gone) return pass.remove(pod.key(), pod.uid(), 0);
  // What is being removed has nothing new to say.
  bool leaving = view.desired.terminating && view.observed.containers.empty();
  if (!leaving) report(pass, pod, view);
}

void Kubelet::report(kit::Pass& pass, const Object& pod, const PodWorkers::View& view) {
  NodeFacts facts{options_.node.name, options_.node.address, node_.runtime_name()};
  auto status =
      status_of(pod, view.desired, view.observed, *view.memory, facts, ports_.clock.wall_ns());
  auto patch = status_patch(pod, status);
  if (!patch) return ports_.log.error("status of " + pass.key() + ": " + patch.error().message);
  if (patch->empty()) return;
  pass.merge_patch(pod.key(), *std::move(patch), "status", pod.uid(), pod.revision());
}

void Kubelet::tell(const PodWorkers::News& n) {
  auto type = n.warning ? kit::Recorder::Type::kWarning : kit::Recorder::Type::kNormal;
  recorder_.record(type, n.pod, n.reason, n.message, n.field);
}

// ---- the sandbox's image ----

void Kubelet::prepare_runtime() {
  if (options_.pause_image.empty()) return node_.set_prepared({});
  std::weak_ptr<bool> alive = alive_;
  runtime_.image_status(options_.pause_image, [this, alive](Result<std::optional<Image>> found) {
    if (!alive.expired()) on_pause_image(std::move(found));
  });
}

void Kubelet::on_pause_image(Result<std::optional<Image>> found) {
  if (!found) return try_again(found.error());
  if (*found) return node_.set_prepared({});
  import_pause_image();
}

void Kubelet::import_pause_image() {
  auto result = std::make_shared<Status>();
  std::weak_ptr<bool> alive = alive_;
  ports_.workers.run(
      "import",
      [result, socket = options_.runtime_socket, archive = options_.pause_archive] {
        *result = agents::import_image(socket, archive);
      },
      [this, alive, result] {
        if (alive.expired()) return;
        if (!*result) return try_again(result->error());
        prepare_runtime();
      });
}

void Kubelet::try_again(const Error& error) {
  node_.set_prepared(Error(error.code, "the sandbox image: " + error.message));
  prepare_timer_ = ports_.clock.after(kPrepareAgain, [this] { prepare_runtime(); });
}

}  // namespace kubus::kubelet
