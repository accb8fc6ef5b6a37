// The checksum of segments, tables and tokens.
#pragma once

#include "bus/archive/file/crc32c.h"

namespace kubus::store {

using archive::crc32c;

}  // namespace kubus::store
