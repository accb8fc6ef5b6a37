// The keys that seal the bodies of confidential objects: a small text file kept outside the store's
// directory. A key's id is derived from the key, so a wrong key is never taken for the right one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bus/ports/ports.h"
#include "schemas/lib/base/result.h"

namespace kubus::secrets {

inline constexpr size_t kKeyBytes = 32;
using KeyBytes = std::array<uint8_t, kKeyBytes>;

struct Key {
  uint64_t id = 0;
  KeyBytes bytes{};
  std::string made;  // for people: when
};
// `made`: one word, or "".
Key key_of(const KeyBytes& bytes, std::string made);
Key make_key(bus::Random& random, std::string made);
// "7f3c…", 16 hex digits.
std::string id_text(uint64_t id);

class KeyRing {
 public:
  // Lines of "ID KEY [MADE]" in hex, the newest first; "#" begins a comment. kBadRequest names the
  // line, and says nothing of the keys.
  static Result<KeyRing> parse(std::string_view text);
  std::string render() const;

  bool empty() const { return keys_.empty(); }
  size_t size() const { return keys_.size(); }
  const Key& newest() const { return keys_.front(); }
  const Key* find(uint64_t id) const;
  const std::vector<Key>& keys() const { return keys_; }
  void add_newest(Key key);
  // All but the newest.
  void drop_old();

 private:
  std::vector<Key> keys_;
};

}  // namespace kubus::secrets
