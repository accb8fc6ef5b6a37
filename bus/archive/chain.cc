#include "bus/archive/chain.h"

#include <openssl/sha.h>

#include <cstring>

#include "bus/secrets/seal.h"

namespace kubus::archive {

Digest digest_of(ByteView record) {
  return secrets::digest_of(record);
}

Chain chain_next(const Chain& chain, const Digest& digest) {
  uint8_t both[sizeof(Chain) + sizeof(Digest)];
  std::memcpy(both, chain.data(), sizeof(Chain));
  std::memcpy(both + sizeof(Chain), digest.data(), sizeof(Digest));
  Chain next;
  SHA256(both, sizeof(both), next.data());
  return next;
}

Chain chain_next(const Chain& chain, ByteView record) {
  return chain_next(chain, digest_of(record));
}

}  // namespace kubus::archive
