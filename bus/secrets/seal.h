// The body of a confidential object as it lies on disk: AES-256-GCM under a key of the ring, bound
// to its cluster and revision. In the clear stands a commitment, SHA-256(salt ‖ body), which is
// what chains of hashes cover: so a body may be sealed anew under another key, or purged, and the
// chain still verifies. A value that does not begin as a sealed one is a plain body, as stores
// without keys write them. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bus/secrets/keyring.h"
#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"

namespace kubus::secrets {

using Digest = std::array<uint8_t, 32>;

// Before the ciphertext, which ends with a tag of 16 bytes. Little-endian.
struct SealedHeader {
  static constexpr uint8_t kSalted = 1;  // 16 bytes of salt stand before the body
  static constexpr uint8_t kPurged = 2;  // values are gone: the commitment is of what was
  std::array<char, 8> magic{};
  uint64_t key_id = 0;  // 0: not encrypted; such values come to be where a store has no keys
  Digest commitment{};
  uint8_t flags = 0;
  std::array<uint8_t, 3> reserved{};
  std::array<uint8_t, 12> nonce{};
};
static_assert(sizeof(SealedHeader) == 64);

// To what a value is bound: it opens nowhere else.
struct Place {
  std::string_view cluster;
  uint64_t revision = 0;
};

// Never used twice under a key.
struct Fresh {
  std::array<uint8_t, 16> salt{};
  std::array<uint8_t, 12> nonce{};
};
Fresh fresh_of(bus::Random& random);
// For jobs on other threads: the n-th of a seed.
Fresh fresh_of(const Digest& seed, uint64_t n);
Digest seed_of(bus::Random& random);

// nullopt: a plain body.
std::optional<SealedHeader> header_of(ByteView stored);
// What a chain hashes of a stored body: what it commits to, or the SHA-256 of a plain one.
Digest digest_of(ByteView stored);

// `key` nullptr: not encrypted, and yet with a commitment.
Buffer seal(const Key* key, const Place& place, ByteView body, const Fresh& fresh);
// The body of a stored value. kInvalid: its key is not in the ring, or it was altered or belongs to
// another place. Plain bodies come as they are.
Result<Buffer> open(const KeyRing& ring, const Place& place, ByteView stored);
// The same body and commitment under the ring's newest key.
Result<Buffer> reseal(const KeyRing& ring, const Place& place, ByteView stored, const Fresh& fresh);
// Another body in the place of the old, whose digest stays.
Buffer replace(const KeyRing& ring, const Place& place, ByteView stored, ByteView body,
               const Fresh& fresh);
// For a body that is not at hand: what it committed to, and something else to be shown, plain.
Buffer stand_in(const Digest& commitment, ByteView shown);
// Opens it and compares it with its commitment.
Status check(const KeyRing& ring, const Place& place, ByteView stored);

}  // namespace kubus::secrets
