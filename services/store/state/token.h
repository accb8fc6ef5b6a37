// The continue token of a LIST: opaque to clients, checked when it comes back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/lib/base/result.h"

namespace kubus::store {

struct ListToken {
  uint16_t kind = 0;
  std::optional<std::string> ns;
  uint64_t revision = 0;         // of the list; 0: go on at the present state
  std::optional<uint64_t> left;  // items behind, if known
  std::string after;             // the last key seen (of the objects keyspace)
};

// `cluster`: tokens of one cluster mean nothing in another.
std::string encode_token(const ListToken& token, std::string_view cluster);
// kBadRequest: malformed, changed, or of another cluster.
Result<ListToken> decode_token(std::string_view text, std::string_view cluster);

}  // namespace kubus::store
