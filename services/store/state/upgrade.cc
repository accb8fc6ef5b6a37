#include "services/store/state/upgrade.h"

#include <string>
#include <vector>

#include "services/store/state/encoding.h"

namespace kubus::store {
namespace {

constexpr size_t kRowsAtOnce = 10'000;
// Format 2 kept causes in the index, behind this letter.
constexpr std::string_view kEarlyCauses = "c";
constexpr size_t kCauseKey = 2 * sizeof(uint64_t);

bool is_early_cause(Keyspace space, ByteView key) {
  return space == Keyspace::kIndex && key.size() == kEarlyCauses.size() + kCauseKey &&
         as_text(key).starts_with(kEarlyCauses);
}

// Some of them; `moved`: how many.
Status move_causes(Engine& engine, size_t* moved) {
  auto tables = engine.snapshot();
  if (!tables) return tables.error();
  std::vector<std::string> keys;
  auto at = (*tables)->cursor(Keyspace::kIndex);
  for (at->lower_bound(as_bytes(kEarlyCauses)); at->valid() && keys.size() < kRowsAtOnce;
       at->next()) {
    if (!is_early_cause(Keyspace::kIndex, at->key())) break;
    keys.emplace_back(as_text(at->key()));
  }
  std::vector<Put> puts;
  for (const std::string& key : keys) puts.push_back({Keyspace::kIndex, true, as_bytes(key), {}});
  for (const std::string& key : keys) {
    ByteView cause = as_bytes(key).subspan(kEarlyCauses.size());
    puts.push_back({Keyspace::kCauses, false, cause, {}});
  }
  *moved = keys.size();
  return puts.empty() ? Status() : engine.write(puts);
}

}  // namespace

Status upgrade_tables(Engine& engine, Revision last) {
  for (size_t moved = 1; moved > 0;) {
    if (Status s = move_causes(engine, &moved); !s) return s;
  }
  uint64_t from = last.value() + 1;
  uint32_t format = kStateFormat;
  auto bytes_of = [](const auto& v) {
    return ByteView(reinterpret_cast<const uint8_t*>(&v), sizeof(v));
  };
  std::vector<Put> puts = {
      {Keyspace::kMeta, false, as_bytes(kMetaCausesFrom), bytes_of(from)},
      {Keyspace::kMeta, false, as_bytes(kMetaFormat), bytes_of(format)},
  };
  return engine.write(puts);
}

OverlayPut upgraded(OverlayPut put) {
  if (!is_early_cause(put.space, put.key)) return put;
  put.space = Keyspace::kCauses;
  put.key = put.key.subspan(kEarlyCauses.size());
  return put;
}

}  // namespace kubus::store
