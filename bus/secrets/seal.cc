#include "bus/secrets/seal.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstring>
#include <memory>

#include "schemas/lib/base/check.h"

namespace kubus::secrets {
namespace {

// As the offset that a FlatBuffer begins with it would lie beyond any object.
constexpr std::array<char, 8> kMagic = {'K', 'S', 'E', 'A', 'L', 'E', 'D', '1'};
constexpr size_t kSaltBytes = 16, kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Digest sha256(ByteView a, ByteView b = {}) {
  Digest out;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> md(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool ok = md && EVP_DigestInit_ex(md.get(), EVP_sha256(), nullptr) == 1 &&
            EVP_DigestUpdate(md.get(), a.data(), a.size()) == 1 &&
            EVP_DigestUpdate(md.get(), b.data(), b.size()) == 1 &&
            EVP_DigestFinal_ex(md.get(), out.data(), nullptr) == 1;
  KUBUS_CHECK(ok);
  return out;
}

int length(size_t size) {
  return static_cast<int>(size);
}

// What is authenticated besides: the header, and where the value belongs.
Buffer bound_to(const SealedHeader& header, const Place& place) {
  Buffer out(sizeof header + sizeof place.revision + place.cluster.size());
  std::memcpy(out.data(), &header, sizeof header);
  std::memcpy(out.data() + sizeof header, &place.revision, sizeof place.revision);
  std::copy(place.cluster.begin(), place.cluster.end(),
            out.begin() + sizeof header + sizeof place.revision);
  return out;
}

void encrypt(const Key& key, const SealedHeader& header, const Place& place, uint8_t* text,
             size_t size) {
  Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  Buffer bound = bound_to(header, place);
  int n = 0;
  bool ok = cipher &&
            EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(),
                               header.nonce.data()) == 1 &&
            EVP_EncryptUpdate(cipher.get(), nullptr, &n, bound.data(), length(bound.size())) == 1 &&
            EVP_EncryptUpdate(cipher.get(), text, &n, text, length(size)) == 1 &&
            EVP_EncryptFinal_ex(cipher.get(), text + size, &n) == 1 &&
            EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, text + size) == 1;
  KUBUS_CHECK(ok);
}

bool decrypt(const Key& key, const SealedHeader& header, const Place& place, uint8_t* text,
             size_t size, ByteView tag) {
  Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  Buffer bound = bound_to(header, place);
  int n = 0;
  return cipher &&
         EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(),
                            header.nonce.data()) == 1 &&
         EVP_DecryptUpdate(cipher.get(), nullptr, &n, bound.data(), length(bound.size())) == 1 &&
         EVP_DecryptUpdate(cipher.get(), text, &n, text, length(size)) == 1 &&
         EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes,
                             const_cast<uint8_t*>(tag.data())) == 1 &&
         EVP_DecryptFinal_ex(cipher.get(), text + size, &n) == 1;
}

Buffer write(const Key* key, const Place& place, SealedHeader header, ByteView salt, ByteView body,
             const Fresh& fresh) {
  header.magic = kMagic;
  header.key_id = key == nullptr ? 0 : key->id;
  header.nonce = fresh.nonce;
  size_t size = salt.size() + body.size();
  Buffer out(sizeof header + size + kTagBytes);
  std::memcpy(out.data(), &header, sizeof header);
  uint8_t* text = out.data() + sizeof header;
  std::copy(salt.begin(), salt.end(), text);
  std::copy(body.begin(), body.end(), text + salt.size());
  if (key != nullptr) encrypt(*key, header, place, text, size);
  return out;
}

// Salt (if the header says that there is one) and body.
Result<Buffer> text_of(const KeyRing& ring, const Place& place, const SealedHeader& header,
                       ByteView stored) {
  ByteView text = stored.subspan(sizeof header, stored.size() - sizeof header - kTagBytes);
  Buffer out(text.begin(), text.end());
  size_t salt = (header.flags & SealedHeader::kSalted) != 0 ? kSaltBytes : 0;
  std::string what = "the confidential body of revision " + std::to_string(place.revision);
  if (out.size() < salt) return Error(Code::kInvalid, what + " is malformed");
  if (header.key_id == 0) return out;
  const Key* key = ring.find(header.key_id);
  if (key == nullptr)
    return Error(Code::kInvalid,
                 what + " is sealed under the key " + id_text(header.key_id) +
                     (ring.empty() ? ", and no key is given" : ", which is not among those given"));
  out.reserve(out.size() + kTagBytes);
  if (!decrypt(*key, header, place, out.data(), out.size(), stored.last(kTagBytes)))
    return Error(
        Code::kInvalid,
        what + " does not open: it was altered, or belongs to another cluster or revision");
  return out;
}

}  // namespace

Fresh fresh_of(bus::Random& random) {
  return fresh_of(seed_of(random), 0);
}
Fresh fresh_of(const Digest& seed, uint64_t n) {
  Digest hash = sha256(seed, {reinterpret_cast<const uint8_t*>(&n), sizeof n});
  Fresh out;
  std::copy_n(hash.begin(), out.salt.size(), out.salt.begin());
  std::copy_n(hash.begin() + kSaltBytes, out.nonce.size(), out.nonce.begin());
  return out;
}
Digest seed_of(bus::Random& random) {
  Digest out;
  for (size_t at = 0; at < out.size(); at += sizeof(uint64_t)) {
    uint64_t word = random.next();
    std::memcpy(out.data() + at, &word, sizeof word);
  }
  return out;
}

std::optional<SealedHeader> header_of(ByteView stored) {
  SealedHeader header;
  if (stored.size() < sizeof header + kTagBytes) return std::nullopt;
  std::memcpy(&header, stored.data(), sizeof header);
  return header.magic == kMagic ? std::optional(header) : std::nullopt;
}

Digest digest_of(ByteView stored) {
  auto header = header_of(stored);
  return header ? header->commitment : sha256(stored);
}

Buffer seal(const Key* key, const Place& place, ByteView body, const Fresh& fresh) {
  SealedHeader header;
  header.flags = SealedHeader::kSalted;
  header.commitment = sha256(fresh.salt, body);
  return write(key, place, header, fresh.salt, body, fresh);
}

Result<Buffer> open(const KeyRing& ring, const Place& place, ByteView stored) {
  auto header = header_of(stored);
  if (!header) return Buffer(stored.begin(), stored.end());
  auto text = text_of(ring, place, *header, stored);
  if (text && (header->flags & SealedHeader::kSalted) != 0)
    text->erase(text->begin(), text->begin() + kSaltBytes);
  return text;
}

Result<Buffer> reseal(const KeyRing& ring, const Place& place, ByteView stored,
                      const Fresh& fresh) {
  auto header = header_of(stored);
  SealedHeader next;
  next.commitment = digest_of(stored);
  if (!header) return write(&ring.newest(), place, next, {}, stored, fresh);
  auto text = text_of(ring, place, *header, stored);
  if (!text) return text;
  next.flags = header->flags;
  return write(&ring.newest(), place, next, {}, *text, fresh);
}

Buffer replace(const KeyRing& ring, const Place& place, ByteView stored, ByteView body,
               const Fresh& fresh) {
  SealedHeader next;
  next.flags = SealedHeader::kPurged;
  next.commitment = digest_of(stored);
  return write(ring.empty() ? nullptr : &ring.newest(), place, next, {}, body, fresh);
}

Buffer stand_in(const Digest& commitment, ByteView shown) {
  SealedHeader header;
  header.flags = SealedHeader::kPurged;
  header.commitment = commitment;
  return write(nullptr, {}, header, {}, shown, {});
}

Status check(const KeyRing& ring, const Place& place, ByteView stored) {
  auto header = header_of(stored);
  if (!header) return {};
  auto text = text_of(ring, place, *header, stored);
  if (!text) return text.error();
  bool fits = (header->flags & SealedHeader::kPurged) != 0 || sha256(*text) == header->commitment;
  if (fits) return {};
  return Error(Code::kInvalid, "the confidential body of revision " +
                                   std::to_string(place.revision) +
                                   " is not what its commitment says");
}

}  // namespace kubus::secrets
