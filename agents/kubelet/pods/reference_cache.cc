#include "agents/kubelet/pods/reference_cache.h"

#include "schemas/lib/base/check.h"

namespace kubus::kubelet {

void ReferenceCache::fetch(const std::string& ns, const std::set<RefKey>& keys,
                           std::function<void(Status)> done) {
  auto fetch = std::make_shared<Fetch>();
  fetch->done = std::move(done);
  std::set<RefKey> missing;
  for (const RefKey& key : keys) {
    auto known = found_.find({ns, key});
    if (known == found_.end() || !known->second) missing.insert(key);
  }
  if (missing.empty()) return fetch->done({});
  fetch->missing = missing.size();
  for (const RefKey& key : missing) {
    const auto* kind = schema::Registry::get().by_resource("", key.resource);
    KUBUS_CHECK(kind);
    std::weak_ptr<bool> alive = alive_;
    client_.get({kind, ns, key.name}, [this, alive, ns, key, fetch](Result<Object> object) {
      if (!alive.expired()) on_read(ns, key, object, *fetch);
    });
  }
}

void ReferenceCache::on_read(const std::string& ns, const RefKey& key, const Result<Object>& object,
                             Fetch& fetch) {
  // Who may not read it is told the same as that it is not there.
  bool absent = !object &&
                (object.error().code == Code::kNotFound || object.error().code == Code::kForbidden);
  if (object) found_[{ns, key}] = *object;
  if (absent) found_[{ns, key}] = Object();
  if (!object && !absent) fetch.result = object.error();
  if (--fetch.missing == 0) fetch.done(fetch.result);
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
