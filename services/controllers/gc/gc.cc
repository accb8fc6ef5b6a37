#include "services/controllers/gc/gc.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "bus/kit/requests.h"
#include "schemas/meta/v1/meta_generated.h"
#include "services/controllers/owners.h"
#include "services/controllers/values.h"

namespace kubus::controllers::gc {
namespace {

namespace json = boost::json;

constexpr size_t kAtOnce = 256;
constexpr size_t kMostAbsent = 100'000;
constexpr bus::Duration kAskAgain = std::chrono::seconds(1);
constexpr std::string_view kOf = "of ";  // what is dirty: all dependents of that uid

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

// Whether the owner of that uid must wait for it.
bool blocks(const Object& dependent, std::string_view owner_uid) {
  const auto* refs = dependent.meta().owner_references();
  return refs && std::any_of(refs->begin(), refs->end(), [&](const auto* r) {
           return text(r->uid()) == owner_uid && r->block_owner_deletion().value_or(false);
         });
}

// "deployments.apps/default/web"
ObjectKey key_in(std::string_view name) {
  size_t ns = name.find('/'), object = name.find('/', ns + 1), group = name.find('.');
  bool core = group > ns;
  const auto* kind = schema::Registry::get().by_resource(
      core ? "" : name.substr(group + 1, ns - group - 1), name.substr(0, core ? ns : group));
  return {kind, std::string(name.substr(ns + 1, object - ns - 1)),
          std::string(name.substr(object + 1))};
}

// Both only as long as nobody has changed it meanwhile.
kit::WriteOptions as_seen(const Object& object) {
  kit::WriteOptions options;
  options.uid = object.uid();
  options.revision = object.revision();
  return options;
}

std::unique_ptr<wire::OperationT> unlink_of(const Object& object,
                                            const std::vector<std::string>& uids) {
  auto request =
      kit::merge_patch_request(object.key(), release_patch(object, uids), as_seen(object));
  return std::move(request.operations.front());
}

std::unique_ptr<wire::OperationT> delete_of(const Object& object, bool foreground) {
  auto request = kit::delete_request(object.key(), std::nullopt, as_seen(object));
  request.operations.front()->propagation =
      has_finalizer(object, kOrphan)                     ? wire::Propagation::Orphan
      : foreground || has_finalizer(object, kForeground) ? wire::Propagation::Foreground
                                                         : wire::Propagation::Background;
  return std::move(request.operations.front());
}

std::vector<kit::Informer*> informers_in(
    const std::map<const schema::KindInfo*, kit::Informer*>& kinds) {
  std::vector<kit::Informer*> out;
  for (const auto& [kind, informer] : kinds) out.push_back(informer);
  return out;
}

std::map<const schema::KindInfo*, kit::Informer*> by_kind(Shared& shared) {
  std::map<const schema::KindInfo*, kit::Informer*> out;
  for (kit::Informer* i : shared.informers.all_kinds()) out[i->options().kind] = i;
  return out;
}

}  // namespace

GarbageCollector::GarbageCollector(Shared& shared)
    : ports_(shared.ports),
      client_(shared.client),
      kinds_(by_kind(shared)),
      recorder_(shared.ports, shared.client, {.component = "garbage-collector-controller"}),
      reconciler_(shared.ports, shared.client, {.name = "gc", .at_once = kAtOnce},
                  informers_in(kinds_), [this](kit::Pass& pass) { reconcile(pass); }) {
  for (auto& [kind, informer] : kinds_) {
    informer->on_change([this](const kit::Informer::Change& c) { on_change(c); });
  }
}

// ---- ways in ----

void GarbageCollector::on_change(const kit::Informer::Change& change) {
  if (!change.before && !change.now) return;
  Revision revision = revision_of(change);
  graph_.on_change(change.before, change.now);
  bool replaced = change.now && change.before && change.now.uid() != change.before.uid();
  bool news = change.now && (!change.before || replaced || change.now.terminating() ||
                             owners_of(change.before) != owners_of(change.now));
  if (news && (change.now.terminating() || !owners_of(change.now).empty()))
    wake(change.now.key(), revision);
  if (change.now && change.now.terminating() && has_finalizer(change.now, kForeground))
    wake_dependents(change.now.uid(), revision);
  if (!change.before) return;
  if (!change.now || replaced) wake_dependents(change.before.uid(), revision);
  // An owner that waits looks again whenever one of its dependents goes, or lets go of it.
  for (std::string_view owner : owners_of(change.before)) {
    if (const ObjectKey* key = graph_.going(owner)) wake(*key, revision);
  }
}

void GarbageCollector::wake(const ObjectKey& key, Revision revision) {
  reconciler_.add(key.kind->qualified_resource() + "/" + key.ns + "/" + key.name, revision);
}

// All of one owner are judged together.
void GarbageCollector::wake_dependents(std::string_view uid, Revision revision) {
  if (graph_.has_dependents(uid)) reconciler_.add(std::string(kOf) + std::string(uid), revision);
}

Object GarbageCollector::find(const ObjectKey& key) const {
  auto at = kinds_.find(key.kind);
  return at == kinds_.end() ? Object() : at->second->find(key.ns, key.name);
}

// ---- what it does ----

void GarbageCollector::reconcile(kit::Pass& pass) {
  if (pass.key().starts_with(kOf))
    return judge_dependents(pass, std::string_view(pass.key()).substr(kOf.size()));
  Object object = find(key_in(pass.key()));
  if (!object) return;
  if (!object.terminating()) {
    wire::RequestT request;
    if (auto act = judge_owned(object)) request.operations.push_back(std::move(act));
    return pass.send(std::move(request));
  }
  if (has_finalizer(object, kOrphan)) return free_dependents(pass, object);
  if (has_finalizer(object, kForeground)) return await_dependents(pass, object);
}

void GarbageCollector::judge_dependents(kit::Pass& pass, std::string_view owner_uid) {
  wire::RequestT request;
  for (const ObjectKey& key : graph_.dependents(owner_uid)) {
    Object d = find(key);
    if (!d || d.terminating()) continue;
    auto act = judge_owned(d);
    if (!act) continue;
    request.operations.push_back(std::move(act));
    if (request.operations.size() < kAtOnce) continue;
    pass.again_after({});  // once these have shown
    break;
  }
  pass.send(std::move(request));
}

std::unique_ptr<wire::OperationT> GarbageCollector::judge_owned(const Object& object) {
  const auto* refs = object.meta().owner_references();
  if (!refs) return nullptr;
  std::vector<Link> links;
  for (const auto* r : *refs) {
    const auto* kind =
        schema::Registry::get().by_api_version(text(r->api_version()), text(r->kind()));
    std::string uid(text(r->uid()));
    if (!kind || !kinds_.count(kind)) {
      links.push_back({uid, Owner::kSolid});  // whoever knows that kind must say
      continue;
    }
    ObjectKey owner{kind, kind->namespaced ? std::string(object.ns()) : "",
                    std::string(text(r->name()))};
    links.push_back({uid, state_of(object, owner, uid)});
  }
  Verdict verdict = judge(links, graph_.has_dependents(object.uid()));
  if (verdict.act == Verdict::Act::kUnlink) return unlink_of(object, verdict.uids);
  if (verdict.act == Verdict::Act::kDelete) return delete_of(object, verdict.foreground);
  if (verdict.act == Verdict::Act::kAsk) {
    for (const std::string& uid : verdict.uids) ask(object, uid);
  }
  return nullptr;
}

Owner GarbageCollector::state_of(const Object& object, const ObjectKey& owner,
                                 std::string_view uid) {
  Object found = find(owner);
  if (found && found.uid() == uid) {
    bool waits = found.terminating() && has_finalizer(found, kForeground);
    return waits ? Owner::kWaiting : Owner::kSolid;
  }
  if (graph_.knows(uid)) {
    recorder_.warning(object, "OwnerRefInvalidNamespace",
                      "ownerReference to " + owner.str() + ", uid " + std::string(uid) +
                          ", names an object that is elsewhere or of another name");
    return Owner::kSolid;
  }
  return absent_.count(std::string(uid)) ? Owner::kAbsent : Owner::kUnsure;
}

// A cache that does not know an owner is no proof: the store is asked before anything is deleted.
void GarbageCollector::ask(const Object& object, const std::string& uid) {
  const auto* refs = object.meta().owner_references();
  for (const auto* r : *refs) {
    if (text(r->uid()) != uid || !asking_.insert(uid).second) continue;
    const auto* kind =
        schema::Registry::get().by_api_version(text(r->api_version()), text(r->kind()));
    ObjectKey owner{kind, kind->namespaced ? std::string(object.ns()) : "",
                    std::string(text(r->name()))};
    client_.get(owner, [this, about = object.key(), uid,
                        alive = std::weak_ptr<bool>(alive_)](Result<Object> found) {
      if (!alive.expired()) on_asked(about, uid, found);
    });
  }
}

void GarbageCollector::on_asked(const ObjectKey& about, const std::string& uid,
                                const Result<Object>& found) {
  asking_.erase(uid);
  bool gone = found ? found->uid() != uid : found.error().code == Code::kNotFound;
  if (gone) {
    if (absent_.size() >= kMostAbsent) absent_.clear();
    absent_.insert(uid);
    wake_dependents(uid, {});
  } else {
    // It is there after all, or the store could not say: the cache will show it.
    auto again = std::make_shared<std::unique_ptr<bus::Timer>>();
    *again =
        ports_.clock.after(kAskAgain, [this, about, again, alive = std::weak_ptr<bool>(alive_)] {
          if (!alive.expired()) wake(about, {});
          again->reset();
        });
  }
}

void GarbageCollector::free_dependents(kit::Pass& pass, const Object& owner) {
  wire::RequestT request;
  for (const ObjectKey& key : graph_.dependents(owner.uid())) {
    Object d = find(key);
    if (!d) continue;
    request.operations.push_back(unlink_of(d, {std::string(owner.uid())}));
    if (request.operations.size() < kAtOnce) continue;
    return pass.send(std::move(request));  // each that is free wakes the owner again
  }
  if (request.operations.empty()) return drop_finalizer(pass, owner, kOrphan);
  pass.send(std::move(request));
}

void GarbageCollector::await_dependents(kit::Pass& pass, const Object& owner) {
  for (const ObjectKey& key : graph_.dependents(owner.uid())) {
    Object d = find(key);
    // Its going wakes this owner again.
    if (d && blocks(d, owner.uid()) && !waits_for(d, owner)) return;
  }
  drop_finalizer(pass, owner, kForeground);
}

// Owners may own each other: whoever waits in a circle would wait for ever.
bool GarbageCollector::waits_for(const Object& who, const Object& whom) const {
  std::set<std::string, std::less<>> seen;
  std::vector<Object> next{who};
  while (!next.empty()) {
    Object at = std::move(next.back());
    next.pop_back();
    if (at.uid() == whom.uid()) return true;
    if (!at.terminating() || !has_finalizer(at, kForeground)) continue;
    if (!seen.emplace(at.uid()).second) continue;
    for (const ObjectKey& key : graph_.dependents(at.uid())) {
      Object d = find(key);
      if (d && blocks(d, at.uid())) next.push_back(std::move(d));
    }
  }
  return false;
}

void GarbageCollector::drop_finalizer(kit::Pass& pass, const Object& object,
                                      std::string_view name) {
  json::array left;
  for (const auto* f : *object.meta().finalizers()) {
    if (f->string_view() != name) left.emplace_back(f->string_view());
  }
  pass.merge_patch(
      object.key(),
      json::serialize(json::object{{"metadata", json::object{{"finalizers", std::move(left)}}}}),
      "", object.uid(), object.revision());
}

}  // namespace kubus::controllers::gc
