#include "services/controllers/controller.h"

#include "schemas/lib/base/check.h"

namespace kubus::controllers {

kit::Informer& Informers::of(std::string_view group, std::string_view resource) {
  const schema::KindInfo& kind = kind_of(group, resource);
  auto& informer = all_[kind.qualified_resource()];
  if (!informer) {
    informer =
        std::make_unique<kit::Informer>(ports_, client_, kit::InformerOptions{.kind = &kind});
  }
  return *informer;
}

std::vector<kit::Informer*> Informers::all_kinds() {
  std::vector<kit::Informer*> out;
  for (const auto& kind : schema::Registry::get().kinds()) {
    bool events = kind->resource == "events";
    if (kind->stored && !events) out.push_back(&of(kind->group, kind->resource));
  }
  return out;
}

void Informers::start() {
  for (auto& [name, informer] : all_) informer->start();
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
