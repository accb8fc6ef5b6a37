#include "services/store/check/expected.h"

#include <algorithm>
#include <cctype>

namespace kubus::store {

std::string shown_key(std::string_view key) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : key) {
    auto byte = static_cast<uint8_t>(c);
    if (byte > 0x20 && byte < 0x7f && c != '\\' && c != '"') {
      out += c;
    } else {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out + '"';
}

Error differs(const char* table, const std::string& what) {
  return Error(Code::kInvalid, std::string("table ") + table + ": " + what);
}

Status Expected::compare(const Snapshot& tables) {
  std::sort(rows_.begin(), rows_.end());
  rows_.erase(std::unique(rows_.begin(), rows_.end()), rows_.end());
  auto at = tables.cursor(space_);
  at->lower_bound({});
  for (const auto& [key, value] : rows_) {
    if (!at->valid() || as_text(at->key()) > key)
      return differs(name_, shown_key(key) + " is missing");
    if (as_text(at->key()) != key)
      return differs(name_, shown_key(as_text(at->key())) + " should not be there");
    if (as_text(at->value()) != value) return differs(name_, shown_key(key) + " has another value");
    at->next();
  }
  if (at->valid()) return differs(name_, shown_key(as_text(at->key())) + " should not be there");
  return {};
}

}  // namespace kubus::store
