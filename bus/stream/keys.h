// Keys of byte streams: CURVE key pairs as Z85 text (40 characters each half).
#pragma once

#include <string>

#include "bus/ports/ports.h"

namespace kubus::stream {

struct KeyPair {
  std::string public_key, secret_key;
};

// As secret as `random` is: a process's own must come from the kernel.
KeyPair make_keys(bus::Random& random);

// Where a Node says that its kubelet serves streams, and under which public key.
constexpr const char* kEndpointAnnotation = "kubus.io/stream-endpoint";
constexpr const char* kKeyAnnotation = "kubus.io/stream-key";

}  // namespace kubus::stream
