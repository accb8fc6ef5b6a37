// Values removed from the past for good: which versions of an object they stand in, and their
// records without them. A purged record keeps the digest of the event as it was, so the chain of
// hashes still verifies. The steps run on the lane "apply".
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bus/secrets/seal.h"
#include "services/store/engine/engine.h"
#include "services/store/state/batch.h"
#include "services/store/state/view.h"

namespace kubus::store {

using Values = std::set<std::string, std::less<>>;

// What to take out of an object. Pure; any thread.
class Redactor {
 public:
  virtual ~Redactor() = default;
  // The texts that stand where the values are. Returns whether there are any values.
  virtual bool collect(ByteView object, Values* values) const = 0;
  // The object without the values, and without copies of these texts anywhere in it; nullopt: it
  // has none of them.
  virtual std::optional<Buffer> redact(ByteView object, const Values& values) const = 0;
  // Whether copies of the values stand anywhere in it.
  virtual bool holds_copy(ByteView object, const Values& values) const = 0;
  // The text without copies of the values.
  virtual std::string scrub(std::string_view text, const Values& values) const = 0;
  // As the event says what is gone.
  virtual std::vector<std::string> paths() const = 0;
};

struct PurgeQuery {
  const schema::KindInfo* kind = nullptr;
  std::string ns, name;
  Revision after, to;  // versions above `after` and up to `to`; `to` 0: all. Never the present one.
  std::shared_ptr<const Redactor> redactor;
  bool dry_run = false;  // finds out how many versions it concerns
  Origin who;
};

struct PurgeProgress {
  uint64_t id = 0;
  uint64_t changed = 0;          // versions that were rewritten, or would be
  uint64_t left = 0;             // versions to look at
  uint64_t first = 0, last = 0;  // their revisions
  bool done = false;
  std::optional<Error> failure;
};

struct PurgePlan {
  PurgeQuery query;
  std::vector<uint64_t> versions;
  std::shared_ptr<const secrets::KeyRing> keys;
  std::string cluster;
};

struct PurgeStep {
  // In.
  std::shared_ptr<const PurgePlan> plan;  // nullptr: there is nothing to do
  bool scans = true;                      // it only looks for the values; then it rewrites
  size_t from = 0;                        // index of the first version
  uint64_t to = 0;                        // revision: what was applied before this job
  secrets::Digest seed{};

  // In and out.
  Values values;

  // Out.
  size_t at = 0;
  uint64_t changed = 0, first = 0, last = 0;
  Status failure;  // it cannot be done; nothing is put
};

struct Rewritten {
  Keyspace space;
  std::string key;
  Buffer value;  // empty: erased
};

// What to put, a bounded number.
std::vector<Rewritten> plan_purge(const Snapshot& tables, PurgeStep* step);

}  // namespace kubus::store
