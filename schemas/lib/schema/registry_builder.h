// Builds the Registry from reflection data. Internal to this folder.
#pragma once

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::schema {

// `bfbs`: verified reflection data. Anything in it that the vocabulary of attributes does not allow
// is a broken invariant: the schemas are part of the program.
class RegistryBuilder {
 public:
  static Registry build(ByteView bfbs);
};

}  // namespace kubus::schema
