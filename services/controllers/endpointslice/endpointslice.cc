#include "services/controllers/endpointslice/endpointslice.h"

#include <algorithm>

#include "schemas/core/v1/service_generated.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus::controllers::endpointslice {
namespace {

constexpr size_t kSuffix = 5;
constexpr size_t kLongestName = 63 - kSuffix - 1;

std::string label_key(std::string_view ns, std::string_view key, std::string_view value) {
  return std::string(ns) + "\n" + std::string(key) + "\n" + std::string(value);
}

bool matches(const std::vector<std::pair<std::string, std::string>>& selector, const Object& pod) {
  return std::all_of(selector.begin(), selector.end(),
                     [&](const auto& l) { return pod.label(l.first) == l.second; });
}

}  // namespace

EndpointSlices::EndpointSlices(Shared& shared)
    : ports_(shared.ports),
      services_(shared.informers.of("", "services")),
      pods_(shared.informers.of("", "pods")),
      slices_(shared.informers.of("discovery.k8s.io", "endpointslices")),
      reconciler_(shared.ports, shared.client, {.name = "endpointslice"},
                  {&services_, &pods_, &slices_}, [this](kit::Pass& pass) { reconcile(pass); }) {
  services_.on_change([this](const kit::Informer::Change& c) { on_service(c); });
  pods_.on_change([this](const kit::Informer::Change& c) { on_pod(c); });
  slices_.on_change([this](const kit::Informer::Change& c) {
    if (c.before) on_slice(c.before, false, revision_of(c));
    if (c.now) on_slice(c.now, true, revision_of(c));
  });
}

// ---- ways in ----

void EndpointSlices::on_service(const kit::Informer::Change& change) {
  if (change.now) {
    learn(change.now);
    reconciler_.add(key_of(change.now), revision_of(change));
  } else if (change.before) {
    forget(key_of(change.before));
    reconciler_.add(key_of(change.before), revision_of(change));
  }
}

void EndpointSlices::on_pod(const kit::Informer::Change& change) {
  const Object& any = change.now ? change.now : change.before;
  if (!any) return;
  std::string name(any.name());
  if (change.before) {
    for (const std::string& key : services_of(change.before)) {
      known_[key].pods.erase(name);
      reconciler_.add(key, revision_of(change));
    }
  }
  if (!change.now) return;
  for (const std::string& key : services_of(change.now)) {
    known_[key].pods.insert(name);
    reconciler_.add(key, revision_of(change));
  }
}

void EndpointSlices::on_slice(const Object& slice, bool there, Revision revision) {
  auto service = slice.label(kServiceName);
  if (!service || slice.label(kManagedBy) != kOurs) return;
  std::string key = std::string(slice.ns()) + "/" + std::string(*service);
  auto& names = slices_by_service_[key];
  there ? void(names.insert(std::string(slice.name())))
        : void(names.erase(std::string(slice.name())));
  if (names.empty()) slices_by_service_.erase(key);
  reconciler_.add(key, revision);
}

// ---- which Pods are whose ----

void EndpointSlices::learn(const Object& service) {
  std::string key = key_of(service);
  Selector selector;
  const auto* spec = service.as<core::v1::Service>()->spec();
  if (spec && spec->selector() && kept_here(service)) {
    for (const auto* l : *spec->selector()) {
      selector.emplace_back(l->key()->str(), l->value() ? l->value()->str() : "");
    }
  }
  std::sort(selector.begin(), selector.end());
  auto known = known_.find(key);
  if (known != known_.end() && known->second.selector == selector) return;
  forget(key);
  if (selector.empty()) return;
  by_label_[label_key(service.ns(), selector[0].first, selector[0].second)].insert(key);
  Known& fresh = known_[key];
  const auto& all = pods_.all();
  for (auto at = all.lower_bound({std::string(service.ns()), ""}); at != all.end(); ++at) {
    if (at->first.first != service.ns()) break;
    if (matches(selector, at->second)) fresh.pods.insert(at->first.second);
  }
  fresh.selector = std::move(selector);
}

void EndpointSlices::forget(const std::string& key) {
  auto known = known_.find(key);
  if (known == known_.end()) return;
  const auto& first = known->second.selector[0];
  std::string label = label_key(key.substr(0, key.find('/')), first.first, first.second);
  by_label_[label].erase(key);
  if (by_label_[label].empty()) by_label_.erase(label);
  known_.erase(known);
}

std::vector<std::string> EndpointSlices::services_of(const Object& pod) const {
  std::vector<std::string> out;
  const auto* labels = pod.meta().labels();
  if (!labels) return out;
  for (const auto* l : *labels) {
    auto at = by_label_.find(
        label_key(pod.ns(), l->key()->string_view(), l->value() ? l->value()->string_view() : ""));
    if (at == by_label_.end()) continue;
    for (const std::string& key : at->second) {
      if (matches(known_.at(key).selector, pod)) out.push_back(key);
    }
  }
  return out;
}

// ---- what they do ----

std::vector<Object> EndpointSlices::slices_of(const std::string& key) const {
  std::vector<Object> out;
  auto names = slices_by_service_.find(key);
  if (names == slices_by_service_.end()) return out;
  std::string ns = key.substr(0, key.find('/'));
  for (const std::string& name : names->second) {
    if (Object slice = slices_.find(ns, name)) out.push_back(std::move(slice));
  }
  return out;
}

void EndpointSlices::reconcile(kit::Pass& pass) {
  std::vector<Object> slices = slices_of(pass.key());
  Object service = find(services_, pass.key());
  auto known = known_.find(pass.key());
  if (!service || service.terminating() || known == known_.end()) {
    for (const Object& s : slices) pass.remove(s.key(), s.uid());
    return;
  }
  Observed observed{service, {}, std::move(slices)};
  for (const std::string& name : known->second.pods) {
    if (Object pod = pods_.find(service.ns(), name)) observed.pods.push_back(std::move(pod));
  }
  Plan next = plan(observed);
  std::string prefix = std::string(service.name()).substr(0, kLongestName) + "-";
  for (boost::json::object& slice : next.create) {
    slice["metadata"].as_object()["name"] = prefix + ports_.random.suffix(kSuffix);
    pass.create(*slices_.options().kind, service.ns(), slice);
  }
  for (const Plan::Change& c : next.change) {
    pass.merge_patch(c.slice.key(), c.patch, "", c.slice.uid(), c.slice.revision());
  }
  for (const Object& s : next.remove) pass.remove(s.key(), s.uid());
}

}  // namespace kubus::controllers::endpointslice
