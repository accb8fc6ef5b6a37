// Field ownership (managedFields) and server-side apply.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"
#include "schemas/lib/patch/fieldset.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::patch {

// One entry of managedFields.
struct Manager {
  std::string name;
  bool apply = false;  // operation Apply, else Update
  std::string api_version;
  int64_t time = 0;  // unix seconds
  std::string subresource;
  FieldSet fields;
};

// metadata.managedFields of a value ⇄ managers. Reading refuses malformed entries (kInvalid with
// the field's path).
Result<std::vector<Manager>> managers_of(const json::value& object);
void set_managers(json::value& object, const std::vector<Manager>& managers,
                  FieldsForm form = FieldsForm::kShown);

// After a create, update or patch by `who`: gives it what it changed, takes that from others, drops
// what is gone. `before` is null for a create. Nothing changed: nothing moves, not even times.
void note_update(const schema::KindInfo& kind, const json::value& before, const json::value& after,
                 const Manager& who, std::vector<Manager>* managers);

// Server-side apply of `applied` by `who` onto `live` (null: create). kConflict with a
// FieldManagerConflict cause per field unless `force`. The result is the merged object; `managers`
// is brought up to date with it.
Result<json::value> apply(const schema::KindInfo& kind, const json::value& live,
                          const json::value& applied, const Manager& who, bool force,
                          std::vector<Manager>* managers);

}  // namespace kubus::patch
