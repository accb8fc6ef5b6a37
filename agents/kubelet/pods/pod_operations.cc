// The operations of PodWorkers: each marks what it works on as busy, and when the runtime answers
// takes that back, remembers an error, and has the Pod planned again.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agents/kubelet/pods/container_status.h"
#include "agents/kubelet/pods/desired.h"
#include "agents/kubelet/pods/images.h"
#include "agents/kubelet/pods/pod_workers.h"
#include "agents/kubelet/pods/security.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSecond = 1'000'000'000;
// More sandboxes at once only take longer each.
constexpr int kMostStarting = 4;
constexpr int64_t kFirstRetry = 2 * kSecond, kMostRetry = 300 * kSecond;

int64_t retry_after(int failures) {
  return std::min(kFirstRetry << std::clamp(failures - 1, 0, 10), kMostRetry);
}

Status make_directory(const std::string& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) return Error(Code::kInternal, "cannot make " + path + ": " + code.message());
  return {};
}

ContainerStatus status_of_new(const ContainerConfig& config, const std::string& sandbox) {
  ContainerStatus out;
  out.sandbox_id = sandbox;
  out.name = config.name;
  out.attempt = config.attempt;
  out.state = ContainerState::kCreated;
  out.labels = config.labels;
  out.annotations = config.annotations;
  out.image_ref = config.image;
  return out;
}

}  // namespace

// ---- sandboxes ----

void PodWorkers::run_sandbox(const std::string& uid, const Action& action) {
  Worker& worker = workers_[uid];
  worker.waits_for_turn = starting_ >= kMostStarting;
  if (worker.waits_for_turn) return;
  worker.memory.sandbox_busy = true;
  ++starting_;
  if (Status s = refusal_of(*worker.pod); !s) return on_sandbox_run(uid, s.error());
  auto hostname = hostname_of(*worker.pod, identity_.dns);
  if (!hostname) return on_sandbox_run(uid, hostname.error());
  Status logs = identity_.on_disk() ? make_directory(identity_.log_dir(uid)) : Status();
  if (!logs) return on_sandbox_run(uid, logs.error());
  runtime_.run_sandbox(sandbox_config(*worker.pod, identity_, action.attempt),
                       held([this, uid](Result<std::string> id) { on_sandbox_run(uid, id); }));
}

void PodWorkers::on_sandbox_run(const std::string& uid, Result<std::string> id) {
  --starting_;
  end_turn();
  Worker* worker = find(uid);
  if (!worker) return;
  PodMemory& m = worker->memory;
  if (id) {
    m.sandbox_error.clear();
    m.sandbox_failures = 0;
    return runtime_view_.refresh_sandbox(*id, held([this, uid] {
      if (Worker* w = find(uid)) w->memory.sandbox_busy = false;
      mark(uid);
    }));
  }
  m.sandbox_busy = false;
  m.sandbox_error = id.error().message;
  m.sandbox_retry_at = ports_.clock.wall_ns() + retry_after(++m.sandbox_failures);
  ports_.log.warn("pod " + uid + ": " + m.sandbox_error);
  tell(uid, "", true, "FailedCreatePodSandBox", "Failed to create pod sandbox: " + m.sandbox_error);
  mark(uid);
}

// Lets those go on that waited for others to start.
void PodWorkers::end_turn() {
  for (auto& [uid, worker] : workers_) {
    if (std::exchange(worker.waits_for_turn, false)) mark(uid);
  }
}

void PodWorkers::stop_sandbox(const std::string& uid, const std::string& id) {
  workers_[uid].memory.sandbox_busy = true;
  runtime_.stop_sandbox(id, held([this, uid, id](Status status) {
                          if (Worker* w = find(uid); w && status) w->memory.stopped.insert(id);
                          if (!status)
                            ports_.log.warn("pod " + uid + ": " + status.error().message);
                          runtime_view_.refresh_sandbox(id, held([this, uid] {
                                                          if (Worker* w = find(uid))
                                                            w->memory.sandbox_busy = false;
                                                          mark(uid);
                                                        }));
                        }));
}

void PodWorkers::remove_sandbox(const std::string& uid, const std::string& id) {
  workers_[uid].memory.sandbox_busy = true;
  runtime_.remove_sandbox(id, held([this, uid, id](Status status) {
                            if (Worker* w = find(uid)) w->memory.sandbox_busy = false;
                            if (!status)
                              ports_.log.warn("pod " + uid + ": " + status.error().message);
                            if (status) {
                              for (const ContainerStatus& c : runtime_view_.of(uid).containers) {
                                if (c.sandbox_id == id) runtime_view_.forget_container(c.id);
                              }
                              runtime_view_.forget_sandbox(id);
                            }
                            mark(uid);
                          }));
}

// ---- what a container needs ----

void PodWorkers::ensure_image(const std::string& uid, const std::string& container) {
  Worker& worker = workers_[uid];
  const auto* c = container_of(*worker.pod, container);
  memory_of(uid, container).busy = true;
  std::string image = c && c->image() ? c->image()->str() : "";
  std::string policy = c && c->image_pull_policy() ? c->image_pull_policy()->str() : "";
  if (auto name = parse_image(image); !name)
    return settle(uid, container, name.error(), "InvalidImageName");
  if (policy == "Always") return pull(uid, container, image);
  runtime_.image_status(image,
                        held([this, uid, container, policy](Result<std::optional<Image>> found) {
                          on_image(uid, container, policy, false, std::move(found));
                        }));
}

void PodWorkers::pull(const std::string& uid, const std::string& container,
                      const std::string& image) {
  Worker* worker = find(uid);
  if (!worker || !worker->pod) return settle(uid, container, {}, "");
  tell(uid, container, false, "Pulling", "Pulling image \"" + image + "\"");
  bus::Instant began = ports_.clock.now();
  auto on_pulled = [this, uid, container, image, began](const Result<std::string>& pulled) {
    if (!pulled) {
      bool again = memory_of(uid, container).failures > 0;
      bool malformed = pulled.error().code == Code::kInvalid;
      return settle(uid, container, pulled.error(),
                    malformed ? "InvalidImageName"
                    : again   ? "ImagePullBackOff"
                              : "ErrImagePull");
    }
    tell_pulled(uid, container, image, ports_.clock.now() - began);
    runtime_.image_status(*pulled, held([this, uid, container](Result<std::optional<Image>> r) {
      on_image(uid, container, "", true, std::move(r));
    }));
  };
  supply_.pull(*worker->pod, image, held(on_pulled));
}

void PodWorkers::on_image(const std::string& uid, const std::string& container,
                          const std::string& policy, bool pulled,
                          Result<std::optional<Image>> found) {
  Worker* worker = find(uid);
  if (!worker || !worker->pod) return settle(uid, container, {}, "");
  if (!found) return settle(uid, container, found.error(), "ImageInspectError");
  const auto* c = container_of(*worker->pod, container);
  std::string image = c && c->image() ? c->image()->str() : "";
  if (*found) {
    worker->images[container] = **found;
    memory_of(uid, container).image_id = (*found)->id;
    if (!pulled)
      tell(uid, container, false, "Pulled",
           "Container image \"" + image + "\" already present on machine");
    return settle(uid, container, {}, "");
  }
  if (policy == "Never" || pulled) {
    Error absent(Code::kNotFound,
                 "image \"" + image + "\" is not present" +
                     (pulled ? " after it was pulled"
                             : " and imagePullPolicy is Never; `kubus image import` brings it "
                               "here"));
    return settle(uid, container, absent, pulled ? "ErrImagePull" : "ErrImageNeverPull");
  }
  pull(uid, container, image);
}

void PodWorkers::resolve(const std::string& uid, const std::string& container) {
  Worker& worker = workers_[uid];
  memory_of(uid, container).busy = true;
  supply_.resolve(*worker.pod, container, held([this, uid, container](Result<Supplies> supplies) {
    on_resolved(uid, container, std::move(supplies));
  }));
}

void PodWorkers::on_resolved(const std::string& uid, const std::string& container,
                             Result<Supplies> supplies) {
  Worker* worker = find(uid);
  if (!worker || !worker->pod) return settle(uid, container, {}, "");
  if (!supplies) return settle(uid, container, supplies.error(), "CreateContainerConfigError");
  worker->supplies = *std::move(supplies);
  memory_of(uid, container).resolved = true;
  settle(uid, container, {}, "");
}

// What names mean to the Pod's containers; they all see the one file.
Status PodWorkers::write_hosts(const std::string& uid) const {
  std::ifstream node("/etc/hosts", std::ios::binary);
  std::string node_hosts(std::istreambuf_iterator<char>(node), {});
  std::string path = identity_.hosts_path(uid);
  std::ofstream out(path, std::ios::trunc);
  out << hosts_text(*workers_.at(uid).pod, facts_of(uid).pod_ip, identity_.dns, node_hosts);
  out.close();
  std::error_code code;
  fs::permissions(path, fs::perms(0644), code);
  return out && !code ? Status() : Status(Error(Code::kInternal, "cannot write " + path));
}

// What the container finds of the kubelet's: the names it knows, and where its last words go.
Status PodWorkers::write_files(const std::string& uid, const Action& action) const {
  if (!identity_.on_disk()) return {};
  if (Status s = write_hosts(uid); !s) return s;
  std::string words = termination_path(identity_, uid, action.container, action.attempt);
  if (Status s = make_directory(fs::path(words).parent_path()); !s) return s;
  std::ofstream(words).flush();
  std::error_code code;
  fs::permissions(words, fs::perms(0666), code);
  return {};
}

// ---- containers ----

void PodWorkers::create(const std::string& uid, const Action& action) {
  Worker& worker = workers_[uid];
  ContainerMemory& m = memory_of(uid, action.container);
  m.busy = true;
  m.resolved = false;
  m.image_id.clear();
  PodFacts facts = facts_of(uid);
  Lookup lookup = supply_.lookup(std::string(worker.pod->ns()));
  auto config = container_config(
      {*worker.pod, action.container, worker.images[action.container], action.attempt,
       action.streak, facts, lookup, worker.supplies.volumes, worker.supplies.links},
      identity_);
  if (!config) return settle(uid, action.container, config.error(), "CreateContainerConfigError");
  if (Status s = write_files(uid, action); !s)
    return settle(uid, action.container, s, "CreateContainerError");
  std::string container = action.container;
  ContainerStatus made = status_of_new(*config, action.id);
  auto created = [this, uid, container, made](Result<std::string> id) {
    if (!id) return settle(uid, container, id.error(), "CreateContainerError");
    tell(uid, container, false, "Created", "Created container: " + container);
    ContainerStatus status = made;
    status.id = *id;
    status.created_at = ports_.clock.wall_ns();
    runtime_view_.add(std::move(status));
    settle(uid, container, {}, "");
  };
  const SandboxStatus* now = nullptr;
  ObservedPod observed = runtime_view_.of(uid);
  now = observed.sandbox();
  runtime_.create_container(action.id, *config,
                            sandbox_config(*worker.pod, identity_, now ? now->attempt : 0),
                            held(created));
}

void PodWorkers::start_container(const std::string& uid, const Action& action) {
  memory_of(uid, action.container).busy = true;
  ObservedPod observed = runtime_view_.of(uid);
  const ContainerStatus* known = observed.latest(action.container);
  std::string sandbox = known ? known->sandbox_id : "", container = action.container;
  auto started = [this, uid, container, sandbox, id = action.id](Status status) {
    runtime_view_.refresh_container(id, sandbox, held([this, uid, container, status, id] {
                                      settle(uid, container, status, "RunContainerError");
                                      if (status) post_start(uid, container, id);
                                    }));
  };
  runtime_.start_container(action.id, held(started));
}

void PodWorkers::remove_container(const std::string& uid, const Action& action) {
  memory_of(uid, action.container).busy = true;
  std::string container = action.container;
  std::string log, words;
  for (const ContainerStatus& c : runtime_view_.of(uid).containers) {
    if (c.id != action.id) continue;
    log = log_path(uid, c);
    words = termination_path(identity_, uid, c.name, c.attempt);
  }
  auto removed = [this, uid, container, log, words, id = action.id](Status status) {
    if (status) runtime_view_.forget_container(id);
    if (status && identity_.on_disk()) {
      remove_log(log);
      std::error_code code;
      fs::remove(words, code);
    }
    if (!status) ports_.log.warn("pod " + uid + ": " + status.error().message);
    settle(uid, container, {}, "");
  };
  runtime_.remove_container(action.id, held(removed));
}

void PodWorkers::settle(const std::string& uid, const std::string& container, const Status& status,
                        const char* reason) {
  Worker* worker = find(uid);
  if (!worker) return;
  ContainerMemory& m = worker->memory.containers[container];
  m.busy = false;
  if (!status) {
    m.reason = reason;
    m.message = with_advice(status.error().message);
    m.retry_at = ports_.clock.wall_ns() + retry_after(++m.failures);
    tell_failure(uid, container, reason, m.message);
    ports_.log.warn("pod " + uid + ", container " + container + ": " + m.message);
  }
  mark(uid);
}

}  // namespace kubus::kubelet
