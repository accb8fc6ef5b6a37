// A step of sealing bodies anew: those that lie in the tables under another key than the newest, or
// plain. Runs on the lane "apply".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bus/secrets/seal.h"
#include "services/store/engine/engine.h"

namespace kubus::store {

struct RekeyStep {
  // In.
  std::shared_ptr<const secrets::KeyRing> keys;  // nullptr: there is nothing to do
  std::string cluster;
  secrets::Digest seed{};
  uint64_t after = 0, to = 0;  // revisions; `to`: at most what was applied before this job

  // Out.
  uint64_t at = 0;  // how far it came
  uint64_t changed = 0;
  bool found_plain = false;
  Status failure;  // a body does not open; nothing is put
};

struct Resealed {
  std::string key;
  Buffer value;
};

// What to put, a bounded number.
std::vector<Resealed> plan_rekey(const Snapshot& tables, RekeyStep* step);

}  // namespace kubus::store
