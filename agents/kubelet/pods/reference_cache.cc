#include "agents/kubelet/pods/reference_cache.h"

#include "schemas/lib/base/check.h"

namespace kubus::kubelet {
namespace {

ObjectKey key_of(const std::string& ns, const RefKey& key) {
  const auto* kind = schema::Registry::get().by_resource("", key.resource);
  KUBUS_CHECK(kind);
  return {kind, ns, key.name};
}

}  // namespace

void ReferenceCache::fetch(const std::string& ns, const std::set<RefKey>& keys,
                           std::function<void(Status)> done) {
  auto fetch = std::make_shared<Fetch>();
  fetch->done = std::move(done);
  std::set<RefKey> missing;
  for (const RefKey& key : keys) {
    auto known = found_.find({ns, key});
    if (known != found_.end() && known->second) continue;
    if (ports_.bus.connected() || !take_old(ns, key)) missing.insert(key);
  }
  if (missing.empty()) return fetch->done({});
  fetch->missing = missing.size();
  for (const RefKey& key : missing) {
    std::weak_ptr<bool> alive = alive_;
    client_.get(key_of(ns, key), [this, alive, ns, key, fetch](Result<Object> object) {
      if (!alive.expired()) on_read(ns, key, object, *fetch);
    });
  }
}

void ReferenceCache::on_read(const std::string& ns, const RefKey& key, const Result<Object>& object,
                             Fetch& fetch) {
  // Who may not read it is told the same as that it is not there.
  bool absent = !object &&
                (object.error().code == Code::kNotFound || object.error().code == Code::kForbidden);
  if (object || absent) {
    found_[{ns, key}] = object ? *object : Object();
    old_.erase({ns, key});
    object ? known_.keep(*object) : known_.drop(key_of(ns, key));
  } else if (!take_old(ns, key)) {
    fetch.result = object.error();
  }
  if (--fetch.missing == 0) fetch.done(fetch.result);
}

bool ReferenceCache::take_old(const std::string& ns, const RefKey& key) {
  Object found = known_.find(key_of(ns, key));
  if (!found) return false;
  found_[{ns, key}] = std::move(found);
  old_.insert({ns, key});
  return true;
}

void ReferenceCache::forget_old() {
  for (const auto& key : std::exchange(old_, {})) found_.erase(key);
}

Lookup ReferenceCache::lookup(const std::string& ns) const {
  return [this, ns](const RefKey& key) {
    auto found = found_.find({ns, key});
    return found == found_.end() ? Object() : found->second;
  };
}

void ReferenceCache::forget(std::string_view resource, std::string_view ns, std::string_view name) {
  found_.erase({std::string(ns), {std::string(resource), std::string(name)}});
}

}  // namespace kubus::kubelet
