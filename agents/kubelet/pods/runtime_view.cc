#include "agents/kubelet/pods/runtime_view.h"

namespace kubus::kubelet {
namespace {

std::string uid_of(const Labels& labels) {
  auto found = labels.find(kPodUid);
  return found == labels.end() ? "" : found->second;
}

bool is_away(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

}  // namespace

RuntimeView::RuntimeView(bus::Ports ports, Runtime& runtime, Labels labels, OnChange on_change)
    : ports_(ports),
      runtime_(runtime),
      labels_(std::move(labels)),
      on_change_(std::move(on_change)) {}

void RuntimeView::start(bus::Duration look_every) {
  look_every_ = look_every;
  list();
}

ObservedPod RuntimeView::of(const std::string& uid) const {
  ObservedPod out;
  auto parts = parts_.find(uid);
  if (parts == parts_.end()) return out;
  for (const std::string& id : parts->second.sandboxes)
    out.sandboxes.push_back(sandboxes_.at(id).status);
  for (const std::string& id : parts->second.containers)
    out.containers.push_back(containers_.at(id).status);
  out.sort();
  return out;
}

std::set<std::string> RuntimeView::uids() const {
  std::set<std::string> out;
  for (const auto& [uid, parts] : parts_) out.insert(uid);
  out.erase("");
  return out;
}

void RuntimeView::drop_if_empty(const std::string& uid) {
  auto parts = parts_.find(uid);
  if (parts == parts_.end()) return;
  if (parts->second.sandboxes.empty() && parts->second.containers.empty()) parts_.erase(parts);
}

// ---- lists ----

void RuntimeView::list() {
  listing_ = {.number = listing_.number + 1};
  uint64_t number = listing_.number;
  runtime_.list_sandboxes(labels_, held([this, number](Result<std::vector<SandboxStatus>> r) {
                            on_sandboxes(number, std::move(r));
                          }));
  runtime_.list_containers(labels_, held([this, number](Result<std::vector<ContainerStatus>> r) {
                             on_containers(number, std::move(r));
                           }));
}

void RuntimeView::on_sandboxes(uint64_t number, Result<std::vector<SandboxStatus>> found) {
  if (number != listing_.number) return;
  listing_.failed |= !found;
  if (found) listing_.sandboxes = *std::move(found);
  if (--listing_.missing == 0) on_listed();
}

void RuntimeView::on_containers(uint64_t number, Result<std::vector<ContainerStatus>> found) {
  if (number != listing_.number) return;
  listing_.failed |= !found;
  if (!found && !complained_) ports_.log.warn("the runtime: " + found.error().message);
  complained_ = !found;
  if (found) listed_containers_ = *std::move(found);
  if (--listing_.missing == 0) on_listed();
}

void RuntimeView::on_listed() {
  timer_ = ports_.clock.after(look_every_, [this] { on_list_timeout(); });
  if (listing_.failed) return;
  asking_ = 1;  // this function itself
  compare_sandboxes();
  compare_containers();
  --asking_;
  finish_if_complete();
}

void RuntimeView::on_list_timeout() {
  list();
}

void RuntimeView::on_detail(uint64_t number) {
  if (number != listing_.number) return;
  --asking_;
  finish_if_complete();
}

// A detail that could not be had may be of what runs: without it nothing is known to be absent.
void RuntimeView::finish_if_complete() {
  if (asking_ > 0 || listing_.failed || synced_) return;
  synced_ = true;
  on_change_("");
}

void RuntimeView::compare_sandboxes() {
  std::set<std::string> found, gone;
  for (const SandboxStatus& s : listing_.sandboxes) {
    found.insert(s.id);
    auto known = sandboxes_.find(s.id);
    if (known != sandboxes_.end() && known->second.status.ready == s.ready) continue;
    ++asking_;
    ask_sandbox(s.id, [this, number = listing_.number] { on_detail(number); });
  }
  for (const auto& [id, e] : sandboxes_) {
    if (!found.count(id) && e.added < listing_.number) gone.insert(id);
  }
  for (const std::string& id : gone) forget_sandbox(id);
}

void RuntimeView::compare_containers() {
  std::set<std::string> found, gone;
  for (const ContainerStatus& c : listed_containers_) {
    found.insert(c.id);
    auto known = containers_.find(c.id);
    if (known != containers_.end() && known->second.status.state == c.state) continue;
    ++asking_;
    ask_container(c, [this, number = listing_.number] { on_detail(number); });
  }
  for (const auto& [id, e] : containers_) {
    if (!found.count(id) && e.added < listing_.number) gone.insert(id);
  }
  for (const std::string& id : gone) forget_container(id);
}

// ---- details ----

void RuntimeView::ask_sandbox(const std::string& id, std::function<void()> done) {
  runtime_.sandbox_status(id,
                          held([this, id, done = std::move(done)](Result<SandboxStatus> status) {
                            if (status) put(*std::move(status));
                            if (!status && status.error().code == Code::kNotFound)
                              forget_sandbox(id);
                            listing_.failed |= !status && is_away(status.error());
                            done();
                          }));
}

void RuntimeView::ask_container(const ContainerStatus& known, std::function<void()> done) {
  runtime_.container_status(known.id,
                            held([this, id = known.id, sandbox = known.sandbox_id,
                                  done = std::move(done)](const Result<ContainerStatus>& status) {
                              on_container(id, sandbox, status);
                              done();
                            }));
}

void RuntimeView::on_container(const std::string& id, const std::string& sandbox_id,
                               const Result<ContainerStatus>& status) {
  if (!status.ok()) {
    if (status.error().code == Code::kNotFound) forget_container(id);
    listing_.failed |= is_away(status.error());
    return;
  }
  ContainerStatus now = *status;
  now.sandbox_id = sandbox_id;
  put(std::move(now));
}

void RuntimeView::refresh_sandbox(const std::string& id, std::function<void()> done) {
  ask_sandbox(id, std::move(done));
}

void RuntimeView::refresh_container(const std::string& id, const std::string& sandbox_id,
                                    std::function<void()> done) {
  ContainerStatus known;
  known.id = id;
  known.sandbox_id = sandbox_id;
  ask_container(known, std::move(done));
}

void RuntimeView::put(SandboxStatus status) {
  std::string uid = uid_of(status.labels);
  auto [at, added] = sandboxes_.try_emplace(status.id);
  parts_[uid].sandboxes.insert(status.id);
  if (added) at->second.added = listing_.number;
  at->second.status = std::move(status);
  on_change_(uid);
}

void RuntimeView::put(ContainerStatus status) {
  std::string uid = uid_of(status.labels);
  auto [at, added] = containers_.try_emplace(status.id);
  parts_[uid].containers.insert(status.id);
  if (added) at->second.added = listing_.number;
  // A container only goes forward: an answer that was overtaken says nothing new.
  if (!added && at->second.status.state > status.state) return;
  at->second.status = std::move(status);
  on_change_(uid);
}

void RuntimeView::forget_sandbox(const std::string& id) {
  auto found = sandboxes_.find(id);
  if (found == sandboxes_.end()) return;
  std::string uid = uid_of(found->second.status.labels);
  parts_[uid].sandboxes.erase(id);
  sandboxes_.erase(found);
  drop_if_empty(uid);
  on_change_(uid);
}

void RuntimeView::forget_container(const std::string& id) {
  auto found = containers_.find(id);
  if (found == containers_.end()) return;
  std::string uid = uid_of(found->second.status.labels);
  parts_[uid].containers.erase(id);
  containers_.erase(found);
  drop_if_empty(uid);
  on_change_(uid);
}

}  // namespace kubus::kubelet
