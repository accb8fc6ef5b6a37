#include "services/controllers/owners.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "schemas/meta/v1/meta_generated.h"

namespace kubus::controllers {
namespace {

namespace json = boost::json;

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

json::object written(const meta::v1::OwnerReference& r) {
  json::object out = {{"apiVersion", text(r.api_version())},
                      {"kind", text(r.kind())},
                      {"name", text(r.name())},
                      {"uid", text(r.uid())}};
  if (r.controller()) out["controller"] = *r.controller();
  if (r.block_owner_deletion()) out["blockOwnerDeletion"] = *r.block_owner_deletion();
  return out;
}

json::array owners_without(const Object& object, const std::vector<std::string>& uids) {
  json::array out;
  const auto* refs = object.meta().owner_references();
  if (!refs) return out;
  for (const auto* r : *refs) {
    bool goes = std::find(uids.begin(), uids.end(), text(r->uid())) != uids.end();
    if (!goes) out.push_back(written(*r));
  }
  return out;
}

std::string patch_of(json::array owners) {
  return json::serialize(
      json::object{{"metadata", json::object{{"ownerReferences", std::move(owners)}}}});
}

}  // namespace

OwnerRef controller_of(const Object& object) {
  const auto* refs = object.meta().owner_references();
  if (!refs) return {};
  for (const auto* r : *refs) {
    if (r->controller().value_or(false)) {
      return {text(r->api_version()), text(r->kind()), text(r->name()), text(r->uid())};
    }
  }
  return {};
}

json::object controller_ref(const Object& owner) {
  return {{"apiVersion", owner.kind().api_version()},
          {"kind", owner.kind().kind},
          {"name", owner.name()},
          {"uid", owner.uid()},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

std::string adoption_patch(const Object& object, const Object& owner) {
  json::array owners = owners_without(object, {std::string(owner.uid())});
  owners.push_back(controller_ref(owner));
  return patch_of(std::move(owners));
}

std::string release_patch(const Object& object, const std::vector<std::string>& owner_uids) {
  return patch_of(owners_without(object, owner_uids));
}

OwnerIndex::OwnerIndex(kit::Informer& informer) : informer_(informer) {
  informer.on_change([this](const kit::Informer::Change& c) {
    if (c.before) put(c.before, false);
    if (c.now) put(c.now, true);
  });
}

void OwnerIndex::put(const Object& object, bool there) {
  OwnerRef owner = controller_of(object);
  auto& map = owner ? owned_ : orphans_;
  std::string key(owner ? owner.uid : object.ns());
  Keys& keys = map[key];
  std::pair<std::string, std::string> name(object.ns(), object.name());
  there ? void(keys.insert(std::move(name))) : void(keys.erase(name));
  if (keys.empty()) map.erase(key);
}

std::vector<Object> OwnerIndex::objects(const Keys* keys) const {
  std::vector<Object> out;
  if (!keys) return out;
  for (const auto& [ns, name] : *keys) {
    if (Object found = informer_.find(ns, name)) out.push_back(std::move(found));
  }
  return out;
}

std::vector<Object> OwnerIndex::owned_by(std::string_view uid) const {
  auto at = owned_.find(uid);
  return objects(at == owned_.end() ? nullptr : &at->second);
}

std::vector<Object> OwnerIndex::orphans(std::string_view ns) const {
  auto at = orphans_.find(ns);
  return objects(at == orphans_.end() ? nullptr : &at->second);
}

}  // namespace kubus::controllers
