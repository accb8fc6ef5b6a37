// The chain of hashes over all records, by which a history proves that nothing of it was altered:
// for every record in order, chain = SHA-256(chain ‖ digest); it begins as 32 zero bytes. The
// digest is the SHA-256 of the record, or what a sealed body commits to (bus/secrets/seal.h).
#pragma once

#include <array>
#include <cstdint>

#include "schemas/lib/base/bytes.h"

namespace kubus::archive {

using Digest = std::array<uint8_t, 32>;
using Chain = std::array<uint8_t, 32>;

Digest digest_of(ByteView record);
Chain chain_next(const Chain& chain, const Digest& digest);
Chain chain_next(const Chain& chain, ByteView record);

}  // namespace kubus::archive
