#include "services/controllers/gc/graph.h"

#include <algorithm>

#include "schemas/meta/v1/meta_generated.h"

namespace kubus::controllers::gc {
namespace {

std::set<std::string> owners_of(const Object& object) {
  std::set<std::string> out;
  const auto* refs = object.meta().owner_references();
  if (!refs) return out;
  for (const auto* r : *refs) {
    if (r->uid()) out.insert(r->uid()->str());
  }
  return out;
}

}  // namespace

bool has_finalizer(const Object& object, std::string_view name) {
  const auto* all = object.meta().finalizers();
  return all && std::any_of(all->begin(), all->end(),
                            [&](const auto* f) { return f->string_view() == name; });
}

void Graph::on_change(const Object& before, const Object& now) {
  if (before) {
    for (const std::string& owner : owners_of(before)) {
      auto at = by_owner_.find(owner);
      if (at == by_owner_.end()) continue;
      at->second.erase(before.key());
      if (at->second.empty()) by_owner_.erase(at);
    }
    if (!now || now.uid() != before.uid()) present_.erase(std::string(before.uid()));
  }
  if (!now) return;
  for (const std::string& owner : owners_of(now)) by_owner_[owner].insert(now.key());
  present_.insert_or_assign(std::string(now.uid()), now.key());
}

std::vector<ObjectKey> Graph::dependents(std::string_view uid) const {
  auto at = by_owner_.find(uid);
  if (at == by_owner_.end()) return {};
  return {at->second.begin(), at->second.end()};
}

const ObjectKey* Graph::find(std::string_view uid) const {
  auto at = present_.find(uid);
  return at == present_.end() ? nullptr : &at->second;
}

Verdict judge(const std::vector<Link>& owners, bool has_dependents) {
  Verdict out;
  bool solid = false, waiting = false;
  std::vector<std::string> unsure, gone;
  for (const Link& o : owners) {
    solid |= o.state == Owner::kSolid;
    waiting |= o.state == Owner::kWaiting;
    if (o.state == Owner::kUnsure) unsure.push_back(o.uid);
    if (o.state == Owner::kAbsent || o.state == Owner::kWaiting) gone.push_back(o.uid);
  }
  if (!unsure.empty()) {
    out.act = Verdict::Act::kAsk;
    out.uids = std::move(unsure);
  } else if (solid && !gone.empty()) {
    out.act = Verdict::Act::kUnlink;
    out.uids = std::move(gone);
  } else if (!solid && !gone.empty()) {
    out.act = Verdict::Act::kDelete;
    out.foreground = waiting && has_dependents;
  }
  return out;
}

}  // namespace kubus::controllers::gc
