// CRC-32C (Castagnoli), with the processor's instruction where there is one.
#pragma once

#include <cstdint>

#include "schemas/lib/base/bytes.h"

namespace kubus::archive {

// Continues `crc` (0: begin) over `bytes`: crc32c(crc32c(0, a), b) is the checksum of a and b.
uint32_t crc32c(uint32_t crc, ByteView bytes);

}  // namespace kubus::archive
