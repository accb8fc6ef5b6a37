// The rules of metadata that all kinds share.
#pragma once

#include <boost/json/object.hpp>

#include "services/store/kinds/kinds.h"

namespace kubus::store::kinds {

// Namespace, generated name and what only the server writes. kBadRequest: another namespace.
Status prepare_meta(Context& ctx, json::object& object);
// Puts the server's fields back as they were. kBadRequest: another name or namespace.
Status carry_meta(const json::object& before, json::object& after);
// Names, labels, annotations, finalizers, owners. `before` is null on create.
void check_meta(const KindBehaviour& kind, const json::object* before, const json::object& object,
                FieldErrors* errors);
void check_labels(const json::object& labels, const std::string& path, FieldErrors* errors);

}  // namespace kubus::store::kinds
