// Text forms of scalars: times, base64; and whether text is text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schemas/lib/base/bytes.h"

namespace kubus::codec {

// RFC 3339 with any offset → unix seconds (fractions dropped) / microseconds. nullopt: not a time.
std::optional<int64_t> parse_time(std::string_view text);
std::optional<int64_t> parse_micro_time(std::string_view text);
std::string format_time(int64_t unix_seconds);             // 2026-11-23T05:00:00Z
std::string format_micro_time(int64_t unix_microseconds);  // 2026-11-23T05:00:00.000000Z
std::string base64(ByteView bytes);
// Standard alphabet, padded; line breaks between are skipped.
std::optional<Buffer> from_base64(std::string_view text);
// As JSON text may hold it: no overlong forms, no surrogates.
bool valid_utf8(std::string_view text);

}  // namespace kubus::codec
