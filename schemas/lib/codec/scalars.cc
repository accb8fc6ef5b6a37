#include "schemas/lib/codec/scalars.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace kubus::codec {
namespace {

constexpr int64_t kDaySeconds = 86400;
constexpr int64_t kMicros = 1'000'000;

// Days since 1970-01-01 of a proleptic Gregorian date, and back (the usual era arithmetic).
int64_t days_of(int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  auto yoe = static_cast<unsigned>(y - era * 400);
  unsigned doy = (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
  unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<int64_t>(doe) - 719468;
}

struct Date {
  int64_t year;
  unsigned month, day;
};

Date date_of(int64_t days) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  auto doe = static_cast<unsigned>(days - era * 146097);
  unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  unsigned mp = (5 * doy + 2) / 153;
  unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<int64_t>(yoe) + era * 400 + (month <= 2), month,
          doy - (153 * mp + 2) / 5 + 1};
}

bool digits(std::string_view text, size_t at, size_t n, int64_t* out) {
  if (at + n > text.size()) return false;
  *out = 0;
  for (size_t i = at; i < at + n; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    *out = *out * 10 + (text[i] - '0');
  }
  return true;
}

bool valid_date(int64_t y, int64_t m, int64_t d) {
  static constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (m < 1 || m > 12 || d < 1) return false;
  bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return d <= kDays[static_cast<size_t>(m - 1)] + (m == 2 && leap ? 1 : 0);
}

// "Z", "+01:00": seconds east of UTC.
bool parse_offset(std::string_view text, int64_t* seconds) {
  *seconds = 0;
  if (text == "Z" || text == "z") return true;
  int64_t h = 0, m = 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  if (!digits(text, 1, 2, &h) || !digits(text, 4, 2, &m) || h > 23 || m > 59) return false;
  *seconds = (text[0] == '-' ? -1 : 1) * (h * 3600 + m * 60);
  return true;
}

struct Parsed {
  int64_t seconds, micros;
};

std::optional<Parsed> parse(std::string_view t) {
  int64_t y, mo, d, h, mi, s;
  if (t.size() < 20 || t[4] != '-' || t[7] != '-' || (t[10] != 'T' && t[10] != 't') ||
      t[13] != ':' || t[16] != ':') {
    return std::nullopt;
  }
  if (!digits(t, 0, 4, &y) || !digits(t, 5, 2, &mo) || !digits(t, 8, 2, &d) ||
      !digits(t, 11, 2, &h) || !digits(t, 14, 2, &mi) || !digits(t, 17, 2, &s)) {
    return std::nullopt;
  }
  if (!valid_date(y, mo, d) || h > 23 || mi > 59 || s > 59) return std::nullopt;
  size_t i = 19;
  int64_t micros = 0, unit = 100'000;
  if (t[i] == '.') {
    size_t first = ++i;
    for (; i < t.size() && t[i] >= '0' && t[i] <= '9'; ++i, unit /= 10)
      micros += (t[i] - '0') * unit;
    if (i == first) return std::nullopt;
  }
  int64_t offset = 0;
  if (!parse_offset(t.substr(i), &offset)) return std::nullopt;
  int64_t days = days_of(y, static_cast<unsigned>(mo), static_cast<unsigned>(d));
  return Parsed{days * kDaySeconds + h * 3600 + mi * 60 + s - offset, micros};
}

void format_to(int64_t seconds, char* out, size_t size) {
  int64_t days = seconds / kDaySeconds, rest = seconds % kDaySeconds;
  if (rest < 0) {
    rest += kDaySeconds;
    --days;
  }
  Date date = date_of(days);
  std::snprintf(out, size, "%04lld-%02u-%02uT%02d:%02d:%02d", static_cast<long long>(date.year),
                date.month, date.day, static_cast<int>(rest / 3600),
                static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
}

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> make_reverse() {
  std::array<int8_t, 256> out{};
  for (auto& v : out) v = -1;
  for (int i = 0; i < 64; ++i)
    out[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  return out;
}
constexpr auto kReverse = make_reverse();

// Bytes of the well-formed sequence that `text` begins with; 0: it begins with none.
size_t utf8_length(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80) return 1;
  size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond the last code point show in the second byte.
  unsigned char second = byte(1);
  bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
               (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : length;
}

}  // namespace

std::optional<int64_t> parse_time(std::string_view text) {
  auto p = parse(text);
  return p ? std::optional<int64_t>(p->seconds) : std::nullopt;
}

std::optional<int64_t> parse_micro_time(std::string_view text) {
  auto p = parse(text);
  return p ? std::optional<int64_t>(p->seconds * kMicros + p->micros) : std::nullopt;
}

std::string format_time(int64_t unix_seconds) {
  char text[48];
  format_to(unix_seconds, text, sizeof text);
  return std::string(text) + "Z";
}

std::string format_micro_time(int64_t unix_microseconds) {
  int64_t seconds = unix_microseconds / kMicros, micros = unix_microseconds % kMicros;
  if (micros < 0) {
    micros += kMicros;
    --seconds;
  }
  char text[48], fraction[16];
  format_to(seconds, text, sizeof text);
  std::snprintf(fraction, sizeof fraction, ".%06dZ", static_cast<int>(micros));
  return std::string(text) + fraction;
}

std::string base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t v = uint32_t{bytes[i]} << 16 | (n > 1 ? uint32_t{bytes[i + 1]} << 8 : 0) |
                 (n > 2 ? bytes[i + 2] : 0u);
    out += kAlphabet[v >> 18];
    out += kAlphabet[v >> 12 & 63];
    out += n > 1 ? kAlphabet[v >> 6 & 63] : '=';
    out += n > 2 ? kAlphabet[v & 63] : '=';
  }
  return out;
}

std::optional<Buffer> from_base64(std::string_view text) {
  Buffer out;
  out.reserve(text.size() / 4 * 3);
  uint32_t v = 0;
  int bits = 0;
  size_t padding = 0, count = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r') continue;
    ++count;
    if (c == '=') {
      ++padding;
      continue;
    }
    int8_t digit = kReverse[static_cast<unsigned char>(c)];
    if (digit < 0 || padding > 0) return std::nullopt;
    v = v << 6 | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<uint8_t>(v >> bits));
      v &= (1u << bits) - 1;
    }
  }
  if (count % 4 != 0 || padding > 2) return std::nullopt;
  return out;
}

bool valid_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    uint64_t eight = 0;
    if (i + sizeof eight <= text.size()) {
      std::memcpy(&eight, text.data() + i, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        i += sizeof eight;
        continue;
      }
    }
    size_t length = utf8_length(text.substr(i));
    if (length == 0) return false;
    i += length;
  }
  return true;
}

}  // namespace kubus::codec
