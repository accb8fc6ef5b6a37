#include "agents/image/tar.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

namespace kubus::agents {
namespace {

constexpr size_t kBlock = 512, kMostName = 100, kMostPrefix = 155;

struct Header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, target[100],
      magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
static_assert(sizeof(Header) == kBlock);

template <size_t N>
void octal(char (&field)[N], size_t value) {
  std::snprintf(field, N, "%0*zo", static_cast<int>(N - 1), value);
}

// Splits at a slash so that the last part fits; false if none does.
bool split(std::string_view name, Header* h) {
  if (name.size() <= kMostName) {
    std::memcpy(h->name, name.data(), name.size());
    return true;
  }
  size_t slash = name.find('/', name.size() - kMostName - 1);
  if (slash == std::string_view::npos || slash > kMostPrefix || slash + 1 == name.size())
    return false;
  std::memcpy(h->prefix, name.data(), slash);
  std::memcpy(h->name, name.data() + slash + 1, name.size() - slash - 1);
  return true;
}

}  // namespace

bool TarWriter::header(std::string_view name, char type, int mode, size_t size,
                       std::string_view target) {
  Header h{};
  if (!split(name, &h) || target.size() > sizeof h.target) return false;
  octal(h.mode, static_cast<size_t>(mode));
  octal(h.uid, 0);
  octal(h.gid, 0);
  octal(h.size, size);
  octal(h.mtime, 0);
  h.type = type;
  std::memcpy(h.target, target.data(), target.size());
  std::memcpy(h.magic, "ustar", 6);
  std::memcpy(h.version, "00", 2);
  std::memset(h.checksum, ' ', sizeof h.checksum);
  size_t sum = 0;
  std::array<unsigned char, kBlock> raw;
  std::memcpy(raw.data(), &h, kBlock);
  for (unsigned char c : raw) sum += c;
  std::snprintf(h.checksum, sizeof h.checksum, "%06zo", sum);
  bytes_.append(reinterpret_cast<const char*>(&h), kBlock);
  return true;
}

bool TarWriter::file(std::string_view name, std::string_view content, int mode) {
  if (!header(name, '0', mode, content.size(), "")) return false;
  bytes_ += content;
  bytes_.append((kBlock - content.size() % kBlock) % kBlock, '\0');
  return true;
}

bool TarWriter::directory(std::string_view name, int mode) {
  return header(std::string(name) + "/", '5', mode, 0, "");
}

bool TarWriter::link(std::string_view name, std::string_view target) {
  return header(name, '2', 0777, 0, target);
}

std::string TarWriter::finish() {
  bytes_.append(2 * kBlock, '\0');
  return std::exchange(bytes_, {});
}

}  // namespace kubus::agents
