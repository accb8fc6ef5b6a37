#include "services/store/state/token.h"

#include <cstring>

#include "services/store/journal/crc32c.h"
#include "services/store/state/encoding.h"

namespace kubus::store {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string to_text(std::string_view bytes) {
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (char c : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(c);
    for (count += 8; count >= 6; count -= 6) text.push_back(kDigits[bits >> (count - 6) & 63]);
  }
  if (count > 0) text.push_back(kDigits[bits << (6 - count) & 63]);
  return text;
}

std::optional<std::string> from_text(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

uint32_t checksum(std::string_view body, std::string_view cluster) {
  return crc32c(crc32c(0x6b75, as_bytes(cluster)), as_bytes(body));
}

constexpr char kVersion = 1;
constexpr uint8_t kHasNs = 1, kHasLeft = 2;

}  // namespace

// version, flags, kind, revision, left, length of ns, ns, after; then the checksum.
std::string encode_token(const ListToken& token, std::string_view cluster) {
  std::string body(1, kVersion);
  body.push_back(static_cast<char>((token.ns ? kHasNs : 0) | (token.left ? kHasLeft : 0)));
  put_u16(&body, token.kind);
  put_u64(&body, token.revision);
  put_u64(&body, token.left.value_or(0));
  std::string ns = token.ns.value_or("");
  put_u16(&body, static_cast<uint16_t>(ns.size()));
  body += ns;
  body += token.after;
  put_u64(&body, checksum(body, cluster));
  return to_text(body);
}

Result<ListToken> decode_token(std::string_view text, std::string_view cluster) {
  constexpr size_t kFixed = 22, kSum = 8;
  auto bad = [] { return Error(Code::kBadRequest, "the continue token is not valid"); };
  auto bytes = from_text(text);
  if (!bytes || bytes->size() < kFixed + kSum || (*bytes)[0] != kVersion) return bad();
  std::string_view body = std::string_view(*bytes).substr(0, bytes->size() - kSum);
  ByteView b = as_bytes(body);
  if (read_u64(as_bytes(*bytes), body.size()) != checksum(body, cluster)) return bad();
  ListToken token;
  auto flags = static_cast<uint8_t>(body[1]);
  token.kind = read_u16(b, 2);
  token.revision = read_u64(b, 4);
  if ((flags & kHasLeft) != 0) token.left = read_u64(b, 12);
  size_t ns = read_u16(b, 20);
  if (kFixed + ns > body.size()) return bad();
  if ((flags & kHasNs) != 0) token.ns = std::string(body.substr(kFixed, ns));
  token.after = body.substr(kFixed + ns);
  if (!std::string_view(token.after).starts_with(object_prefix(token.kind, token.ns))) return bad();
  return token;
}

}  // namespace kubus::store
