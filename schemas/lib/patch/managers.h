// What ownership of updates and of applies share; private to this folder.
#pragma once

#include <string_view>
#include <vector>

#include "schemas/lib/patch/ownership.h"

namespace kubus::patch {

// Whether two entries are the same manager's. Applies of any API version are one.
bool same_manager(const Manager& a, const Manager& b);
// Takes out what a write of this subresource cannot change: status by the main resource, spec by
// status.
void drop_foreign_parts(const schema::KindInfo& kind, std::string_view subresource,
                        FieldSet* fields);
// Drops managers of nothing; applies first, then by time, name.
void tidy_managers(std::vector<Manager>* managers);

}  // namespace kubus::patch
