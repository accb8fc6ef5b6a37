// Passwords of the bus: random, so that nothing can be guessed, and what bcrypt makes of them.
#pragma once

#include <string>

#include "schemas/lib/base/result.h"

namespace kubus::cli {

// 192 bits, in hex.
std::string random_password();
// As nats-server reads it. At bcrypt's least cost: random passwords need no slow hash, and a server
// that a thousand users reach again after a restart has to compute each. kInternal: libcrypt knows
// no bcrypt.
Result<std::string> bcrypt_hash(const std::string& password);

}  // namespace kubus::cli
