// A cache of one kind (in one namespace or all, or of what one node sees), filled by a list and
// kept current by a Feed. Handlers only mark keys dirty; reconcilers read the cache. Objects of
// confidential kinds do not ride on events and are read one by one. Loop thread only.
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
  std::string field_selector;  // what does not match is not in the cache, e.g. spec.nodeName=n1
  std::string node;  // follow this node's lane instead of the kind's: its Pods, or its Node object;
                     // a field selector that says so is then a must, for the first list
  // What the cache keeps of an object, of its own memory and with the object's metadata; null: all
  // of it. Handlers get that too. Of confidential kinds metadata is all there is to keep then, and
  // nothing is read for it.
  std::function<Object(const Object&)> trim;
};

class Informer {
 public:
  // `before` or `now` is empty for added and deleted (also what came to match the selector, or left
  // it). `event` is null for what a list or a read brought. Both are empty for a notice, on a
  // node's lane alone: `event` then names what has changed.
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
  // After each change, and when the lane moved without one: position() may have grown. May be added
  // at any time.
  void on_progress(std::function<void()> handler);
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
