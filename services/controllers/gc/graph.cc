#include "services/controllers/gc/graph.h"

#include <algorithm>

#include "schemas/meta/v1/meta_generated.h"

namespace kubus::controllers::gc {
namespace {

constexpr size_t kDigits = 32;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint64_t hash(std::string_view text, uint64_t seed) {
  for (char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return seed;
}

}  // namespace

Uid Uid::of(std::string_view text) {
  Uid out;
  size_t digits = 0;
  for (char c : text) {
    int d = digit(c);
    if (c == '-') continue;
    if (d < 0 || digits == kDigits)
      return {hash(text, 14695981039346656037u), hash(text, 1099511628211u)};
    uint64_t& word = digits < kDigits / 2 ? out.high : out.low;
    word = word << 4 | static_cast<uint64_t>(d);
    ++digits;
  }
  if (digits == kDigits) return out;
  return {hash(text, 14695981039346656037u), hash(text, 1099511628211u)};
}

std::vector<std::string_view> owners_of(const Object& object) {
  std::vector<std::string_view> out;
  const auto* refs = object.meta().owner_references();
  if (!refs) return out;
  for (const auto* r : *refs) {
    if (r->uid()) out.push_back(r->uid()->string_view());
  }
  return out;
}

bool has_finalizer(const Object& object, std::string_view name) {
  const auto* all = object.meta().finalizers();
  return all && std::any_of(all->begin(), all->end(),
                            [&](const auto* f) { return f->string_view() == name; });
}

void Graph::on_change(const Object& before, const Object& now) {
  if (before) {
    for (std::string_view owner : owners_of(before)) {
      auto at = by_owner_.find(Uid::of(owner));
      if (at == by_owner_.end()) continue;
      at->second.erase(before.key());
      if (at->second.empty()) by_owner_.erase(at);
    }
    Uid uid = Uid::of(before.uid());
    going_.erase(uid);
    if (!now || now.uid() != before.uid()) present_.erase(uid);
  }
  if (!now) return;
  for (std::string_view owner : owners_of(now)) by_owner_[Uid::of(owner)].insert(now.key());
  present_.insert(Uid::of(now.uid()));
  if (now.terminating()) going_.insert_or_assign(Uid::of(now.uid()), now.key());
}

std::vector<ObjectKey> Graph::dependents(std::string_view uid) const {
  auto at = by_owner_.find(Uid::of(uid));
  if (at == by_owner_.end()) return {};
  return {at->second.begin(), at->second.end()};
}

const ObjectKey* Graph::going(std::string_view uid) const {
  auto at = going_.find(Uid::of(uid));
  return at == going_.end() ? nullptr : &at->second;
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
