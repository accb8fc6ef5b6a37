#include "services/controllers/controller.h"

#include <flatbuffers/flatbuffers.h>

#include "schemas/lib/base/check.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus::controllers {

Informers::Entry& Informers::entry_of(const schema::KindInfo& kind) {
  Entry& entry = all_[kind.qualified_resource()];
  if (entry.informer) return entry;
  auto trim = [&entry](const Object& object) {
    bool whole =
        entry.whole ||
        (!entry.whole_ones.empty() &&
         entry.whole_ones.count({std::string(object.ns()), std::string(object.name())}) > 0);
    return whole ? Object::trusted(object.kind(), Payload::copy_of(object.bytes()))
                 : of_metadata(object);
  };
  entry.informer = std::make_unique<kit::Informer>(
      ports_, client_, kit::InformerOptions{.kind = &kind, .trim = trim});
  return entry;
}

kit::Informer& Informers::of(std::string_view group, std::string_view resource) {
  const schema::KindInfo& kind = kind_of(group, resource);
  KUBUS_CHECK(!kind.confidential);  // events of those bring metadata alone
  Entry& entry = entry_of(kind);
  entry.whole = true;
  return *entry.informer;
}

kit::Informer& Informers::metadata(std::string_view group, std::string_view resource) {
  return *entry_of(kind_of(group, resource)).informer;
}

kit::Informer& Informers::with_whole(std::string_view group, std::string_view resource,
                                     std::string ns, std::string name) {
  Entry& entry = entry_of(kind_of(group, resource));
  entry.whole_ones.emplace(std::move(ns), std::move(name));
  return *entry.informer;
}

std::vector<kit::Informer*> Informers::all_kinds() {
  std::vector<kit::Informer*> out;
  for (const auto& kind : schema::Registry::get().kinds()) {
    bool events = kind->resource == "events";
    if (kind->stored && !events) out.push_back(entry_of(*kind).informer.get());
  }
  return out;
}

void Informers::start() {
  for (auto& [name, entry] : all_) entry.informer->start();
}

Object of_metadata(const Object& object) {
  constexpr flatbuffers::voffset_t kMetadata = 4;  // the first field of every stored kind
  const meta::v1::ObjectMeta& from = object.meta();
  flatbuffers::FlatBufferBuilder fbb(256);
  auto text = [&](const flatbuffers::String* s) {
    return s ? fbb.CreateString(s->c_str(), s->size()) : flatbuffers::Offset<flatbuffers::String>();
  };
  std::vector<flatbuffers::Offset<meta::v1::OwnerReference>> owners;
  for (size_t i = 0; from.owner_references() && i < from.owner_references()->size(); ++i) {
    const auto* o = from.owner_references()->Get(static_cast<flatbuffers::uoffset_t>(i));
    owners.push_back(meta::v1::CreateOwnerReference(fbb, text(o->api_version()), text(o->kind()),
                                                    text(o->name()), text(o->uid()),
                                                    o->controller(), o->block_owner_deletion()));
  }
  std::vector<flatbuffers::Offset<flatbuffers::String>> finalizers;
  for (size_t i = 0; from.finalizers() && i < from.finalizers()->size(); ++i)
    finalizers.push_back(text(from.finalizers()->Get(static_cast<flatbuffers::uoffset_t>(i))));
  auto name = text(from.name()), ns = text(from.namespace_()), uid = text(from.uid());
  auto owner_list = owners.empty() ? 0 : fbb.CreateVector(owners);
  auto finalizer_list = finalizers.empty() ? 0 : fbb.CreateVector(finalizers);
  meta::v1::ObjectMetaBuilder meta(fbb);
  meta.add_name(name);
  meta.add_namespace_(ns);
  meta.add_uid(uid);
  if (from.resource_version()) meta.add_resource_version(*from.resource_version());
  if (from.deletion_timestamp()) meta.add_deletion_timestamp(*from.deletion_timestamp());
  meta.add_owner_references(owner_list);
  meta.add_finalizers(finalizer_list);
  auto done = meta.Finish();
  auto start = fbb.StartTable();
  fbb.AddOffset(kMetadata, done);
  fbb.Finish(flatbuffers::Offset<flatbuffers::Table>(fbb.EndTable(start)));
  return Object::trusted(object.kind(), Payload::copy_of({fbb.GetBufferPointer(), fbb.GetSize()}));
}

const schema::KindInfo& kind_of(std::string_view group, std::string_view resource) {
  const auto* kind = schema::Registry::get().by_resource(group, resource);
  KUBUS_CHECK(kind);
  return *kind;
}

std::string key_of(const Object& object) {
  return std::string(object.ns()) + "/" + std::string(object.name());
}

Object find(const kit::Informer& informer, std::string_view key) {
  size_t slash = key.find('/');
  return informer.find(key.substr(0, slash), key.substr(slash + 1));
}

Revision revision_of(const kit::Informer::Change& change) {
  return change.event ? change.event->revision() : Revision();
}

}  // namespace kubus::controllers
