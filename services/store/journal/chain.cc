#include <openssl/sha.h>

#include <cstring>

#include "services/store/journal/journal.h"

namespace kubus::store {

Chain chain_next(const Chain& chain, ByteView record) {
  uint8_t both[2 * SHA256_DIGEST_LENGTH];
  std::memcpy(both, chain.data(), SHA256_DIGEST_LENGTH);
  SHA256(record.data(), record.size(), both + SHA256_DIGEST_LENGTH);
  Chain next;
  SHA256(both, sizeof(both), next.data());
  return next;
}

}  // namespace kubus::store
