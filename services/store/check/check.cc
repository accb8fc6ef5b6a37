#include "services/store/check/check.h"

#include <filesystem>

#include "services/store/check/segments.h"
#include "services/store/check/tables.h"
#include "services/store/engine/lmdb.h"
#include "services/store/restore/rules.h"

namespace kubus::store {
namespace {

// A segment may be let go of while it is read, and then looks damaged.
constexpr int kTries = 3;

Result<CheckReport> attempt(const CheckOptions& options, const secrets::KeyRing* keys) {
  // First the journal: what it lets go of afterwards is in the tables then.
  Segments segments;
  if (Status s = segments.read(options.directory + "/journal"); !s) return s.error();
  auto engine = open_lmdb({.directory = options.directory + "/tables",
                           .map_size = options.map_bytes,
                           .read_only = true});
  if (!engine) return engine.error();
  auto tables = (*engine)->snapshot();
  if (!tables) return tables.error();
  TablesCheck check{.indexed_of = indexed_of, .keys = keys, .each = {}};
  check.each = [&](uint64_t revision, const Chain& event, const Chain& after) {
    return segments.compare(revision, event, after);
  };
  auto checked = check_tables(**tables, check);
  if (!checked) return checked.error();
  Status follows = segments.follow(checked->applied.revision, checked->applied.chain);
  if (!follows) return follows.error();
  return CheckReport{Revision(checked->horizon.revision),
                     Revision(checked->applied.revision),
                     Revision(segments.last()),
                     checked->records,
                     checked->objects,
                     segments.files(),
                     keys != nullptr};
}

}  // namespace

Result<CheckReport> check_state(const CheckOptions& options) {
  if (!std::filesystem::exists(options.directory + "/tables/data.mdb"))
    return Error(Code::kUnavailable, options.directory + " holds no state");
  secrets::KeyRing keys;
  if (!options.secrets_keys.empty()) {
    auto read = read_keys(options.secrets_keys);
    if (!read) return read.error();
    keys = *std::move(read);
  }
  const secrets::KeyRing* ring = options.secrets_keys.empty() ? nullptr : &keys;
  for (int i = 1;; ++i) {
    auto report = attempt(options, ring);
    bool again = !report && i < kTries && report.error().message.starts_with("journal: ");
    if (!again) return report;
  }
}

}  // namespace kubus::store
