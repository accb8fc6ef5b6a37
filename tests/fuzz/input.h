// What fuzz targets share: taking an input apart. An input is text wherever that is possible, so
// that kept ones can be read; what must be binary is made from text and then changed by "edits".
#pragma once

#include <cstdint>
#include <string_view>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/check.h"
#include "schemas/lib/schema/registry.h"

// One run. Ends the process if something does not hold; always returns 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace kubus::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(as_text({data, size})) {}
  explicit Input(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  // 0 at the end.
  uint8_t byte() {
    if (rest_.empty()) return 0;
    auto out = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return out;
  }
  std::string_view take(size_t most) {
    std::string_view out = rest_.substr(0, most);
    rest_.remove_prefix(out.size());
    return out;
  }
  // Up to the delimiter, which is dropped; everything if there is none.
  std::string_view until(char delimiter) {
    std::string_view out = rest_.substr(0, rest_.find(delimiter));
    rest_.remove_prefix(std::min(rest_.size(), out.size() + 1));
    return out;
  }
  std::string_view line() { return until('\n'); }
  std::string_view word() { return until(' '); }

 private:
  std::string_view rest_;
};

// Changes bytes here and there: an edit is an offset of two bytes (modulo the length) and what is
// xored there.
inline void edit(Buffer* bytes, std::string_view edits) {
  Input in(edits);
  while (!in.empty() && !bytes->empty()) {
    size_t at = in.byte();
    at = (at << 8 | in.byte()) % bytes->size();
    (*bytes)[at] ^= in.byte();
  }
}

// The kind that a word names ("Pod", "pods"); any other word is some kind too.
inline const schema::KindInfo& kind_of(std::string_view word) {
  const auto& registry = schema::Registry::get();
  if (const schema::KindInfo* kind = registry.by_user_word(word)) return *kind;
  size_t sum = 0;
  for (char c : word) sum += static_cast<uint8_t>(c);
  return *registry.kinds()[sum % registry.kinds().size()];
}

}  // namespace kubus::fuzz
