#include "bus/ports/ports.h"

namespace kubus::bus {

std::string Random::uuid() {
  static constexpr char kHex[] = "0123456789abcdef";
  uint64_t parts[2] = {next(), next()};
  parts[0] = (parts[0] & ~uint64_t{0xF000}) | 0x4000;                  // version 4
  parts[1] = (parts[1] & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);  // variant of RFC 4122
  std::string out;
  out.reserve(36);
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    out += kHex[parts[i / 16] >> (60 - 4 * (i % 16)) & 15];
  }
  return out;
}

std::string Random::suffix(size_t n) {
  static constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (size_t i = 0; i < n; ++i) out += kAlphabet[below(kAlphabet.size())];
  return out;
}

}  // namespace kubus::bus
