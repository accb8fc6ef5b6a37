// YAML ⇄ value, as manifests are written: YAML 1.2 core scalars with the 1.1 booleans that kubectl
// accepts left as strings when quoted; anchors and merge keys are resolved; many documents in a
// stream.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/result.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::codec {

struct Document {
  json::value value;
  int line = 1;                   // where the document starts, from 1
  std::vector<Problem> problems;  // duplicate keys, with line
};

// kBadRequest "line 3, column 7: …" for malformed YAML. Empty documents are left out. JSON is YAML
// too.
Result<std::vector<Document>> parse_yaml(std::string_view text);
std::string to_yaml(const json::value& value);

}  // namespace kubus::codec
