// What the runtime has of this kubelet's Pods, kept current: by what completed operations say at
// once, and by lists that find what happened by itself. Loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agents/kubelet/pods/model.h"
#include "bus/ports/ports.h"

namespace kubus::kubelet {

class RuntimeView {
 public:
  // Called with a Pod's uid whenever what the runtime has of it changed.
  using OnChange = std::function<void(const std::string& uid)>;

  // Sees only what has all of `labels`.
  RuntimeView(bus::Ports ports, Runtime& runtime, Labels labels, OnChange on_change);
  void start(bus::Duration look_every);

  // True after the first complete list.
  bool synced() const { return synced_; }
  ObservedPod of(const std::string& uid) const;
  std::set<std::string> uids() const;

  // After an operation: asks anew and calls `done` when the answer is in.
  void refresh_sandbox(const std::string& id, std::function<void()> done);
  void refresh_container(const std::string& id, const std::string& sandbox_id,
                         std::function<void()> done);
  // What has just been made, and needs no asking.
  void add(ContainerStatus made) { put(std::move(made)); }
  void forget_sandbox(const std::string& id);
  void forget_container(const std::string& id);

 private:
  template <class T>
  struct Entry {
    T status;
    uint64_t added = 0;  // the number of the list that was under way then
  };
  // A list under way: both answers are needed.
  struct Listing {
    uint64_t number = 0;
    std::vector<SandboxStatus> sandboxes;
    int missing = 2;
    bool failed = false;
  };

  void list();
  void on_sandboxes(uint64_t number, Result<std::vector<SandboxStatus>> found);
  void on_containers(uint64_t number, Result<std::vector<ContainerStatus>> found);
  void on_listed();
  void on_list_timeout();
  void compare_sandboxes();
  void compare_containers();
  void ask_sandbox(const std::string& id, std::function<void()> done);
  void ask_container(const ContainerStatus& known, std::function<void()> done);
  void on_container(const std::string& id, const std::string& sandbox_id,
                    const Result<ContainerStatus>& status);
  void put(SandboxStatus status);
  void put(ContainerStatus status);
  void on_detail(uint64_t number);
  void finish_if_complete();
  void drop_if_empty(const std::string& uid);
  // Runs only while this lives: the runtime may outlive it.
  template <class F>
  auto held(F f) {
    return [alive = std::weak_ptr<bool>(alive_), f = std::move(f)](auto... a) {
      if (!alive.expired()) f(std::move(a)...);
    };
  }

  bus::Ports ports_;
  Runtime& runtime_;
  Labels labels_;
  OnChange on_change_;
  std::map<std::string, Entry<SandboxStatus>> sandboxes_;
  std::map<std::string, Entry<ContainerStatus>> containers_;
  // By the Pod's uid, the ids of what there is of it.
  struct Parts {
    std::set<std::string> sandboxes, containers;
  };
  std::map<std::string, Parts> parts_;
  Listing listing_;
  std::vector<ContainerStatus> listed_containers_;
  int asking_ = 0;  // details that the present list asked for
  bool synced_ = false, complained_ = false;
  bus::Duration look_every_{};
  std::unique_ptr<bus::Timer> timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::kubelet
