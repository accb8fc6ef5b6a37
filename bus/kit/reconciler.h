// The shell around a controller: keys become dirty, one at a time they are reconciled against the
// present state, failures back off, writes carry the cause, and a key waits until the informers
// show its own last write. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/kit/client.h"
#include "bus/kit/informer.h"
#include "bus/ports/ports.h"

namespace kubus::kit {

// What one reconcile may do: send writes (each finished before the key runs again) and ask to be
// called again.
class Pass {
 public:
  virtual ~Pass() = default;
  virtual const std::string& key() const = 0;
  virtual const Cause& cause() const = 0;  // stamped on every write below
  virtual void create(const schema::KindInfo& kind, std::string_view ns,
                      const boost::json::value& value) = 0;
  virtual void merge_patch(const ObjectKey& key, std::string patch,
                           std::string_view subresource = "", std::string_view uid = "",
                           Revision revision = {}) = 0;
  virtual void remove(const ObjectKey& key, std::string_view uid = "",
                      std::optional<int64_t> grace_seconds = {}) = 0;
  virtual void send(wire::RequestT request) = 0;
  // The same; `then` is called with the answer before the key may run again, unless the Reconciler
  // ends. Its own failures are the pass' failures all the same.
  virtual void send(wire::RequestT request, std::function<void(const Result<Answer>&)> then) = 0;
  virtual void again_after(bus::Duration delay) = 0;
};

struct ReconcilerOptions {
  std::string name;  // "replicaset"
  bus::Duration backoff_first = std::chrono::milliseconds(20);
  bus::Duration backoff_most = std::chrono::seconds(60);
  size_t at_once = 16;  // keys with writes in flight
};

class Reconciler {
 public:
  // Looks at the informers and decides. Must not block; everything it wants done goes through
  // `pass`.
  using Reconcile = std::function<void(Pass& pass)>;

  Reconciler(bus::Ports ports, Client& client, ReconcilerOptions options,
             std::vector<Informer*> informers, Reconcile reconcile);
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;

  // Marks a key dirty because of `revision` (0: a timer, the start).
  void add(std::string key, Revision revision = {});
  // A leader's fence for all writes; nullopt: reconcile nothing until set again.
  void set_fence(std::optional<Fence> fence);
  void enable(bool on);

  struct Stats {
    uint64_t passes = 0, failures = 0, waits_for_own_write = 0;
    size_t dirty = 0, in_flight = 0;
  };
  Stats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kubus::kit
