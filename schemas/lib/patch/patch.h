// The three patch kinds of the Kubernetes API, on values. Each either changes `doc` whole or leaves
// it as it was.
#pragma once

#include <boost/json/value.hpp>

#include "schemas/lib/base/result.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::patch {

namespace json = boost::json;

// RFC 6902. kInvalid if a test fails or a path does not exist, kBadRequest if the patch is
// malformed; names the operation.
Status json_patch(json::value& doc, const json::value& operations);
// RFC 7386.
void merge_patch(json::value& doc, const json::value& patch);
// Strategic merge by the schema's keys, with $patch, $setElementOrder/…,
// $deleteFromPrimitiveList/…, $retainKeys. kBadRequest for an unknown directive or a list element
// without its merge key.
Status strategic_merge(const schema::TypeInfo& type, json::value& doc, const json::value& patch);

}  // namespace kubus::patch
