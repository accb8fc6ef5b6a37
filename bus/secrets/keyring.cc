#include "bus/secrets/keyring.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <sstream>

namespace kubus::secrets {
namespace {

constexpr std::string_view kIdDomain = "kubus secrets key id";
constexpr std::string_view kHead =
    "# The keys of this cluster's Secrets, the newest first. Without them the bodies of Secrets\n"
    "# cannot be read again, from backups neither: keep a copy where the cluster is not.\n";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool from_hex(std::string_view text, uint8_t* out, size_t size) {
  if (text.size() != 2 * size) return false;
  for (size_t i = 0; i < size; ++i) {
    int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace

std::string id_text(uint64_t id) {
  return fmt::format("{:016x}", id);
}

Key key_of(const KeyBytes& bytes, std::string made) {
  std::string text(kIdDomain);
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), hash);
  Key key{0, bytes, std::move(made)};
  std::memcpy(&key.id, hash, sizeof key.id);
  if (key.id == 0) key.id = 1;  // 0 says: under no key
  return key;
}

Key make_key(bus::Random& random, std::string made) {
  KeyBytes bytes;
  for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
    uint64_t word = random.next();
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
  return key_of(bytes, std::move(made));
}

Result<KeyRing> KeyRing::parse(std::string_view text) {
  KeyRing ring;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string id, key, made;
    words >> id >> key >> made;
    if (id.empty() || id[0] == '#') continue;
    auto wrong = [&](const std::string& what) {
      return Error(Code::kBadRequest, "line " + std::to_string(number) + ": " + what);
    };
    KeyBytes bytes;
    if (!from_hex(key, bytes.data(), bytes.size()))
      return wrong("a line is the key's id, the key as 64 hex digits, and when it was made");
    Key parsed = key_of(bytes, made);
    if (id != id_text(parsed.id)) return wrong("the key does not fit its id " + id.substr(0, 16));
    if (ring.find(parsed.id) != nullptr) return wrong("the key stands there twice");
    ring.keys_.push_back(std::move(parsed));
  }
  return ring;
}

std::string KeyRing::render() const {
  std::string out(kHead);
  for (const Key& key : keys_) {
    out += id_text(key.id) + " ";
    for (uint8_t byte : key.bytes) out += fmt::format("{:02x}", byte);
    out += (key.made.empty() ? "" : " " + key.made) + "\n";
  }
  return out;
}

const Key* KeyRing::find(uint64_t id) const {
  auto at = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.id == id; });
  return at == keys_.end() ? nullptr : &*at;
}

void KeyRing::add_newest(Key key) {
  keys_.insert(keys_.begin(), std::move(key));
}
void KeyRing::drop_old() {
  keys_.resize(1);
}

}  // namespace kubus::secrets
