// What a Node object says, compiled.
#include <algorithm>

#include "schemas/core/v1/node_generated.h"
#include "services/scheduler/model/snapshot.h"

namespace kubus::scheduler {
namespace {

constexpr std::string_view kOs = "kubernetes.io/os";

std::string_view view(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

void add_labels(const Object& node, Names& names, Facts* out) {
  const auto* labels = node.meta().labels();
  if (!labels) return;
  for (const auto* e : *labels)
    out->labels.emplace_back(names.intern(view(e->key())), names.intern(view(e->value())));
  std::sort(out->labels.begin(), out->labels.end());
}

void add_allocatable(const core::v1::NodeStatus& status, Names& names, Facts* out) {
  if (!status.allocatable()) return;
  for (const auto* e : *status.allocatable()) {
    Resource r = resource_named(view(e->key()));
    int64_t amount = amount_of(r, view(e->value()));
    if (r != kResources) {
      out->allocatable[r] = amount;
    } else {
      out->extended.emplace_back(names.intern(view(e->key())), amount);
    }
  }
  std::sort(out->extended.begin(), out->extended.end());
}

void add_images(const core::v1::NodeStatus& status, Names& names, Facts* out) {
  if (!status.images()) return;
  for (const auto* image : *status.images()) {
    if (!image->names()) continue;
    for (const auto* name : *image->names())
      out->images.emplace_back(names.intern(view(name)), image->size_bytes().value_or(0));
  }
  std::sort(out->images.begin(), out->images.end());
  auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  out->images.erase(std::unique(out->images.begin(), out->images.end(), same), out->images.end());
}

}  // namespace

std::optional<NameId> Facts::label(NameId key) const {
  auto at = std::lower_bound(labels.begin(), labels.end(), std::pair(key, kNoName));
  if (at == labels.end() || at->first != key) return std::nullopt;
  return at->second;
}

Facts facts_of(const Object& node, Names& names) {
  Facts out;
  out.name = names.intern(node.name());
  out.present = true;
  add_labels(node, names, &out);
  out.os = out.label(names.intern(kOs)).value_or(kNoName);
  if (const auto* spec = node.as<core::v1::Node>()->spec()) {
    out.unschedulable = spec->unschedulable().value_or(false);
    if (spec->taints()) {
      for (const auto* t : *spec->taints())
        out.taints.push_back({names.intern(view(t->key())), names.intern(view(t->value())),
                              effect_named(view(t->effect()))});
    }
  }
  if (const auto* status = node.as<core::v1::Node>()->status()) {
    add_allocatable(*status, names, &out);
    add_images(*status, names, &out);
  }
  return out;
}

}  // namespace kubus::scheduler
