// The blocks of an archive file. Private to this folder.
#pragma once

#include <openssl/evp.h>

#include <cstring>
#include <memory>

#include "bus/archive/file/file.h"

namespace kubus::archive {

inline constexpr char kMagic[8] = {'K', 'U', 'B', 'U', 'S', 'A', '1', '\0'};
inline constexpr uint32_t kFileFormat = 1, kMostBlock = 64 << 20;
inline constexpr uint32_t kWithSecrets = 1, kRedacted = 2;
inline constexpr uint8_t kCompressed = 1;
enum class BlockType : uint8_t { kHeader = 1, kEntries = 2, kTrailer = 3 };

struct BlockHeader {
  uint8_t type = 0, flags = 0;
  uint16_t zero = 0;
  uint32_t stored = 0, size = 0, crc = 0;
};
static_assert(sizeof(BlockHeader) == 16);
inline constexpr size_t kCrcAt = 12;

template <class T>
void append_raw(Buffer* to, const T& v) {
  const auto* raw = reinterpret_cast<const uint8_t*>(&v);
  to->insert(to->end(), raw, raw + sizeof(v));
}
// False: there are not so many bytes.
template <class T>
bool take_raw(ByteView* from, T* v) {
  if (from->size() < sizeof(T)) return false;
  std::memcpy(v, from->data(), sizeof(T));
  *from = from->subspan(sizeof(T));
  return true;
}

// SHA-256 of what comes.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(ByteView bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  // Of all so far; more may come.
  Hash so_far() const {
    Sha256 copy;
    EVP_MD_CTX_copy_ex(copy.context_.get(), context_.get());
    Hash out{};
    EVP_DigestFinal_ex(copy.context_.get(), out.data(), nullptr);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace kubus::archive
