#include "cli/cluster/passwords.h"

#include <crypt.h>
#include <openssl/rand.h>

namespace kubus::cli {

std::string random_password() {
  unsigned char bytes[24];
  RAND_bytes(bytes, sizeof bytes);
  static const char* kHex = "0123456789abcdef";
  std::string out;
  for (unsigned char b : bytes) {
    out += kHex[b >> 4];
    out += kHex[b & 15];
  }
  return out;
}

Result<std::string> bcrypt_hash(const std::string& password) {
  constexpr unsigned long kLeastCost = 4;
  constexpr int kSaltBytes = 16;
  char random[kSaltBytes];
  RAND_bytes(reinterpret_cast<unsigned char*>(random), sizeof random);
  char salt[CRYPT_GENSALT_OUTPUT_SIZE];
  crypt_data data{};
  const char* hash = nullptr;
  if (crypt_gensalt_rn("$2b$", kLeastCost, random, sizeof random, salt, sizeof salt) != nullptr)
    hash = crypt_r(password.c_str(), salt, &data);
  if (hash == nullptr || hash[0] != '$')
    return Error(Code::kInternal, "this machine's libcrypt makes no bcrypt hashes");
  return std::string(hash);
}

}  // namespace kubus::cli
