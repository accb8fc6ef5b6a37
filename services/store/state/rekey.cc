#include "services/store/state/rekey.h"

#include "services/store/state/encoding.h"

namespace kubus::store {
namespace {

constexpr size_t kMostValues = 256, kMostBytes = 1 << 20, kMostLooks = 8192;

}  // namespace

std::vector<Resealed> plan_rekey(const Snapshot& tables, RekeyStep* step) {
  std::vector<Resealed> out;
  if (!step->keys) return out;
  size_t bytes = 0, looks = 0;
  step->at = step->after;
  auto cursor = tables.cursor(Keyspace::kSecrets);
  cursor->lower_bound(as_bytes(revision_key(Revision(step->after + 1))));
  for (; cursor->valid(); cursor->next()) {
    uint64_t revision = read_u64(cursor->key(), 0);
    if (revision > step->to) break;
    if (out.size() >= kMostValues || bytes >= kMostBytes || looks++ >= kMostLooks) return out;
    step->at = revision;
    auto header = secrets::header_of(cursor->value());
    if (header && header->key_id == step->keys->newest().id) continue;
    secrets::Place place{step->cluster, revision};
    auto sealed = secrets::reseal(*step->keys, place, cursor->value(),
                                  secrets::fresh_of(step->seed, revision));
    if (!sealed) {
      step->failure = sealed.error();
      return {};
    }
    step->found_plain |= !header || header->key_id == 0;
    bytes += sealed->size();
    ++step->changed;
    out.push_back({std::string(as_text(cursor->key())), *std::move(sealed)});
  }
  step->at = step->to;
  return out;
}

}  // namespace kubus::store
