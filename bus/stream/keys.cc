#include "bus/stream/keys.h"

#include <zmq.h>

#include <array>
#include <cstring>

#include "schemas/lib/base/check.h"

namespace kubus::stream {

KeyPair make_keys(bus::Random& random) {
  constexpr size_t kSecretBytes = 32, kTextBytes = 41;
  std::array<uint8_t, kSecretBytes> secret;
  for (size_t at = 0; at < kSecretBytes; at += sizeof(uint64_t)) {
    uint64_t word = random.next();
    std::memcpy(secret.data() + at, &word, sizeof word);
  }
  std::array<char, kTextBytes> secret_text{}, public_text{};
  zmq_z85_encode(secret_text.data(), secret.data(), secret.size());
  KUBUS_CHECK(zmq_curve_public(public_text.data(), secret_text.data()) == 0);
  return {public_text.data(), secret_text.data()};
}

}  // namespace kubus::stream
