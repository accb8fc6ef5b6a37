#include "services/store/state/apply.h"

#include <algorithm>
#include <array>

#include "services/store/state/compaction.h"
#include "services/store/state/deltas.h"

namespace kubus::store {
namespace {

bool before(const Put& a, const Put& b) {
  if (a.space != b.space) return a.space < b.space;
  return as_text(a.key) < as_text(b.key);
}

// In the order of keys, which is the order of pages; of several puts of a key the last.
std::vector<Put> sorted(std::vector<Put> puts) {
  std::array<std::vector<Put>, kKeyspaces> spaces;
  for (const Put& put : puts) spaces[static_cast<size_t>(put.space)].push_back(put);
  puts.clear();
  for (auto& space : spaces) {
    if (!std::is_sorted(space.begin(), space.end(), before))
      std::stable_sort(space.begin(), space.end(), before);
    for (size_t i = 0; i < space.size(); ++i) {
      bool superseded = i + 1 < space.size() && as_text(space[i].key) == as_text(space[i + 1].key);
      if (!superseded) puts.push_back(space[i]);
    }
  }
  return puts;
}

Put meta(std::string_view key, const std::string& value) {
  return {Keyspace::kMeta, false, as_bytes(key), as_bytes(value)};
}

}  // namespace

void ApplyJob::run(Engine& engine) {
  auto tables = engine.snapshot();  // its own: one that the loop reads may not be read here
  if (!tables.ok()) {
    status = tables.error();
    return;
  }
  auto erasures =
      plan_compaction(**tables, {compact_to, compact_before, compact_anyway}, &compacted);
  auto resealed = plan_rekey(**tables, &rekey);
  auto rewritten = plan_purge(**tables, &purge);
  if (!erasures.ok()) {
    status = erasures.error();
    return;
  }
  std::vector<Put> puts;
  // First what is written anew: what is compacted goes nevertheless.
  for (const Resealed& r : resealed)
    puts.push_back({Keyspace::kSecrets, false, as_bytes(r.key), r.value});
  for (const Rewritten& r : rewritten)
    puts.push_back({r.space, r.value.empty(), as_bytes(r.key), r.value});
  for (const Erasure& e : *erasures) puts.push_back({e.space, true, as_bytes(e.key), {}});
  DeltaWriter deltas(**tables, *erasures);
  for (const auto& batch : batches) {
    for (const OverlayPut& put : batch->puts) {
      puts.push_back({put.space, put.erase, put.key, put.value});
      if (put.space == Keyspace::kJournal && !put.erase) deltas.pass(Put(puts.back()), &puts);
    }
  }
  for (const AsidePut& a : aside)
    puts.push_back({Keyspace::kAudit, a.value.empty(), as_bytes(a.key), a.value});
  std::string applied_value = encode(applied), compacted_value = encode(compacted);
  puts.push_back(meta(kMetaApplied, applied_value));
  puts.push_back(meta(kMetaCompacted, compacted_value));
  puts = sorted(std::move(puts));
  tables = std::shared_ptr<const Snapshot>();  // it would keep pages from being used again
  status = engine.write(puts);
  usage = engine.usage();
  if (!status.ok()) return;
  auto snapshot = engine.snapshot();
  if (!snapshot.ok()) {
    status = snapshot.error();
    return;
  }
  after = *std::move(snapshot);
}

}  // namespace kubus::store
