#include "services/controllers/namespace/namespace.h"

#include <algorithm>

#include "bus/kit/requests.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/meta/v1/meta_generated.h"
#include "services/controllers/values.h"

namespace kubus::controllers::namespaces {
namespace {

namespace json = boost::json;

constexpr bus::Duration kLookAgain = std::chrono::milliseconds(200);
constexpr const char* kFinalizer = "kubernetes";
// What the store makes with every Namespace.
constexpr const char* kAccount = "default";
constexpr const char* kAuthority = "kube-root-ca.crt";
constexpr const char* kAuthoritySource = "kube-system";

std::vector<kit::Informer*> namespaced(std::vector<kit::Informer*> all) {
  std::erase_if(all, [](kit::Informer* i) { return !i->options().kind->namespaced; });
  return all;
}

std::vector<kit::Informer*> with(std::vector<kit::Informer*> all, kit::Informer* one) {
  all.push_back(one);
  return all;
}

json::object condition(const char* type, bool on, const char* reason, const std::string& message,
                       const json::array& before, int64_t now) {
  std::string status = on ? "True" : "False";
  json::object out = {{"type", type}, {"status", status}, {"reason", reason}, {"message", message}};
  out["lastTransitionTime"] = time_text(now);
  for (const json::value& v : before) {
    const json::object& c = v.as_object();
    if (text_in(c, "type") == type && text_in(c, "status") == status) {
      out["lastTransitionTime"] = text_in(c, "lastTransitionTime");
    }
  }
  return out;
}

}  // namespace

Namespaces::Namespaces(Shared& shared)
    : ports_(shared.ports),
      client_(shared.client),
      namespaces_(shared.informers.of("", "namespaces")),
      accounts_(shared.informers.metadata("", "serviceaccounts")),
      maps_(shared.informers.with_whole("", "configmaps", kAuthoritySource, kAuthority)),
      kinds_(namespaced(shared.informers.all_kinds())),
      reconciler_(shared.ports, shared.client, {.name = "namespace"}, with(kinds_, &namespaces_),
                  [this](kit::Pass& pass) { reconcile(pass); }) {
  namespaces_.on_change([this](const kit::Informer::Change& c) {
    // What the store has just made of a new one shows later in other lanes.
    bool fresh = c.now && !c.before && c.event;
    if (c.now && !fresh) reconciler_.add(std::string(c.now.name()), revision_of(c));
    if (!c.now && c.before) {
      proven_.erase(std::string(c.before.uid()));
      again_.erase(std::string(c.before.name()));
    }
  });
  for (kit::Informer* kind : kinds_) {
    kind->on_change([this](const kit::Informer::Change& c) { on_content(c); });
  }
}

// Something went, or came at the last moment.
void Namespaces::on_content(const kit::Informer::Change& change) {
  const Object& any = change.now ? change.now : change.before;
  if (!any || (change.now && change.before)) return;
  Object ns = namespaces_.find("", any.ns());
  if (!ns) return;
  bool companion = !change.now && (any.name() == kAccount || any.name() == kAuthority);
  if (ns.terminating() || companion) reconciler_.add(std::string(any.ns()), revision_of(change));
}

void Namespaces::reconcile(kit::Pass& pass) {
  Object object = namespaces_.find("", pass.key());
  if (!object) return;
  if (!object.terminating()) return complete(pass);
  std::vector<Left> content = content_of(pass.key());
  bool proven = proven_.count(std::string(object.uid())) > 0;
  if (content.empty()) return proven ? finalize(pass, object) : prove_empty(object);
  empty(pass, pass.key(), content);
  report(pass, object, content);
}

// Puts back what the store made with it.
void Namespaces::complete(kit::Pass& pass) {
  auto named = [](const char* name) { return json::object{{"name", name}}; };
  if (!accounts_.find(pass.key(), kAccount)) {
    pass.create(*accounts_.options().kind, pass.key(), json::object{{"metadata", named(kAccount)}});
  }
  Object source = maps_.find(kAuthoritySource, kAuthority);
  if (!source || maps_.find(pass.key(), kAuthority)) return;
  json::value whole = codec::to_value(source.kind(), source.bytes());
  pass.create(source.kind(), pass.key(),
              json::object{{"metadata", named(kAuthority)},
                           {"data", object_in(whole.as_object(), "data")}});
}

// Caches may be behind; nothing is created any more in a Namespace that goes, so what the store
// says now holds for good.
void Namespaces::prove_empty(const Object& object) {
  std::string name(object.name()), uid(object.uid());
  if (!asking_.insert(uid).second) return;
  wire::RequestT request;
  for (const kit::Informer* informer : kinds_) {
    auto one = kit::request_for(wire::Verb::List, {informer->options().kind, name, ""});
    one.operations.front()->limit = 1;
    request.operations.push_back(std::move(one.operations.front()));
  }
  request.min_revision = object.revision().value();
  client_.call(std::move(request),
               [this, name, uid, alive = std::weak_ptr<bool>(alive_)](Result<kit::Answer> answer) {
                 if (!alive.expired()) on_listed(name, uid, answer);
               });
}

void Namespaces::on_listed(const std::string& name, const std::string& uid,
                           const Result<kit::Answer>& answer) {
  asking_.erase(uid);
  bool empty = bool(answer);
  for (size_t i = 0; empty && i < kinds_.size(); ++i) {
    const wire::Outcome& o = answer->outcome(i);
    empty = bool(kit::status_of(o)) && (!o.items() || o.items()->size() == 0);
  }
  if (empty) {
    proven_.insert(uid);
    return reconciler_.add(name);
  }
  again_[name] = ports_.clock.after(kLookAgain, [this, name] { reconciler_.add(name); });
}

std::vector<Namespaces::Left> Namespaces::content_of(std::string_view ns) const {
  std::vector<Left> out;
  for (const kit::Informer* informer : kinds_) {
    Left left{informer->options().kind, 0, 0, {}};
    const auto& all = informer->all();
    for (auto at = all.lower_bound({std::string(ns), ""}); at != all.end(); ++at) {
      if (at->first.first != ns) break;
      ++left.objects;
      if (!at->second.terminating()) continue;
      ++left.going;
      const auto* finalizers = at->second.meta().finalizers();
      if (!finalizers) continue;
      for (const auto* f : *finalizers) ++left.finalizers[f->str()];
    }
    if (left.objects > 0) out.push_back(std::move(left));
  }
  return out;
}

void Namespaces::empty(kit::Pass& pass, const std::string& ns, const std::vector<Left>& content) {
  wire::RequestT request;
  auto add = [&](const schema::KindInfo& kind) {
    auto one = kit::request_for(wire::Verb::DeleteCollection, {&kind, ns, ""});
    one.operations.front()->propagation = wire::Propagation::Background;
    request.operations.push_back(std::move(one.operations.front()));
  };
  for (const Left& left : content) {
    if (left.going < left.objects) add(*left.kind);
  }
  if (!request.operations.empty()) pass.send(std::move(request));
}

void Namespaces::report(kit::Pass& pass, const Object& object, const std::vector<Left>& content) {
  std::string kinds, finalizers;
  for (const Left& left : content) {
    kinds += (kinds.empty() ? "" : ", ") + left.kind->qualified_resource() + " has " +
             std::to_string(left.objects) + " resource instances";
    for (const auto& [name, count] : left.finalizers) {
      finalizers += (finalizers.empty() ? "" : ", ") + name + " in " + std::to_string(count) +
                    " resource instances";
    }
  }
  json::value whole = codec::to_value(object.kind(), object.bytes());
  json::array before = array_in(object_in(whole.as_object(), "status"), "conditions");
  int64_t now = ports_.clock.wall_seconds();
  json::array conditions;
  auto fine = [&](const char* type, const char* reason, const char* message) {
    conditions.push_back(condition(type, false, reason, message, before, now));
  };
  fine("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "Every kind is known");
  fine("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "Every kind is read");
  fine("NamespaceDeletionContentFailure", "ContentDeleted", "Nothing refuses to be deleted");
  conditions.push_back(condition("NamespaceContentRemaining", true, "SomeResourcesRemain",
                                 "Still there: " + kinds, before, now));
  conditions.push_back(
      condition("NamespaceFinalizersRemaining", !finalizers.empty(),
                finalizers.empty() ? "ContentHasNoFinalizers" : "SomeFinalizersRemain",
                finalizers.empty() ? "No finalizer keeps anything" : "Still to act: " + finalizers,
                before, now));
  if (conditions == before) return;
  pass.merge_patch(object.key(),
                   json::serialize(json::object{
                       {"status", json::object{{"conditions", std::move(conditions)}}}}),
                   "status", object.uid());
}

void Namespaces::finalize(kit::Pass& pass, const Object& object) {
  json::value whole = codec::to_value(object.kind(), object.bytes());
  json::array others = array_in(object_in(whole.as_object(), "spec"), "finalizers");
  json::value ours(kFinalizer);
  others.erase(std::remove(others.begin(), others.end(), ours), others.end());
  whole.as_object()["spec"] = json::object{{"finalizers", std::move(others)}};
  auto bytes = codec::from_value(object.kind(), whole, nullptr);
  if (!bytes) return ports_.log.error("namespace " + pass.key() + ": " + bytes.error().message);
  auto request = kit::request_for(wire::Verb::Update, object.key());
  request.operations.front()->subresource = "finalize";
  request.operations.front()->object = *std::move(bytes);
  request.operations.front()->precondition_uid = object.uid();
  // Events are not followed here: whatever there is goes with the rest, in the same step, so that
  // none outlives its namespace when a message is lost.
  const schema::KindInfo& events = kind_of("", "events");
  auto rest =
      kit::request_for(wire::Verb::DeleteCollection, {&events, std::string(object.name()), ""});
  request.operations.insert(request.operations.begin(), std::move(rest.operations.front()));
  request.atomic = true;
  pass.send(std::move(request));
}

}  // namespace kubus::controllers::namespaces
