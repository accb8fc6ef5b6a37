#include "agents/kubelet/hollow/shared_bus.h"

#include <functional>

namespace kubus::kubelet {
namespace {

class Handle : public bus::Subscription {
 public:
  explicit Handle(std::function<void()> end) : end_(std::move(end)) {}
  ~Handle() override { end_(); }

 private:
  std::function<void()> end_;
};

}  // namespace

std::unique_ptr<bus::Subscription> SharedBus::subscribe(const bus::Pattern& pattern,
                                                        Handler handler) {
  uint64_t id = next_++;
  Shared& shared = (*all_)[pattern.str()];
  shared.handlers.emplace(id, std::make_shared<Handler>(std::move(handler)));
  if (!shared.subscription) {
    shared.subscription = bus_.subscribe(
        pattern, [this, key = pattern.str()](const bus::Message& m) { deliver(key, m); });
  }
  return std::make_unique<Handle>(
      [weak = std::weak_ptr<std::map<std::string, Shared>>(all_), key = pattern.str(), id] {
        auto all = weak.lock();
        if (!all) return;
        auto at = all->find(key);
        if (at == all->end()) return;
        at->second.handlers.erase(id);
        if (at->second.handlers.empty()) all->erase(at);
      });
}

// A handler may end any of them, this one included, or destroy the bus.
void SharedBus::deliver(const std::string& pattern, const bus::Message& message) {
  auto all = all_;
  auto at = all->find(pattern);
  if (at == all->end()) return;
  std::string key = pattern;
  auto handlers = at->second.handlers;
  for (const auto& [id, handler] : handlers) {
    auto now = all->find(key);
    if (now != all->end() && now->second.handlers.count(id)) (*handler)(message);
  }
}

}  // namespace kubus::kubelet
