// A cache of one kind (in one namespace or all, or of what one node sees), filled by a list and
// kept current by a Feed. Handlers only mark keys dirty; reconcilers read the cache. Loop thread
// only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "bus/kit/client.h"
#include "bus/kit/feed.h"

namespace kubus::kit {

struct InformerOptions {
  const schema::KindInfo* kind = nullptr;
  std::string ns;              // "" : all
  std::string field_selector;  // server side, e.g. spec.nodeName=n1
  std::string node;            // follow this node's lane instead of the kind's
};

class Informer {
 public:
  // `before` or `now` is empty for added and deleted. `event` is null for what a list brought.
  struct Change {
    Object before, now;
    const EventView* event = nullptr;
  };
  using OnChange = std::function<void(const Change&)>;

  Informer(bus::Ports ports, Client& client, InformerOptions options);
  ~Informer();
  Informer(const Informer&) = delete;

  // Handlers run in the order added. Add them before start().
  void on_change(OnChange handler);
  void on_synced(std::function<void()> handler);
  void start();

  bool synced() const;
  Object find(std::string_view ns, std::string_view name) const;  // empty Object if absent
  const std::map<std::pair<std::string, std::string>, Object, std::less<>>& all() const;
  // Everything up to this revision of the lane is in the cache.
  Revision position() const;
  // Read-your-writes: true once the cache shows the own write at `revision` of this key.
  bool has_seen(const ObjectKey& key, Revision revision) const;
  const InformerOptions& options() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::kit
