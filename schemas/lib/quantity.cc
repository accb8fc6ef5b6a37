#include "schemas/lib/quantity.h"

#include <array>
#include <charconv>

namespace kubus {
namespace {

__extension__ typedef __int128 Wide;

constexpr Wide kNano = 1'000'000'000;
// What fits: 2^63-1 units. Beyond, Kubernetes caps.
constexpr Wide kMost = Wide{INT64_MAX} * kNano;

struct Suffix {
  std::string_view text;
  int power;  // of 10, or of 2 for the binary family
  bool binary;
};
constexpr std::array kSuffixes = {
    Suffix{"n", -9, false}, Suffix{"u", -6, false}, Suffix{"m", -3, false}, Suffix{"", 0, false},
    Suffix{"k", 3, false},  Suffix{"M", 6, false},  Suffix{"G", 9, false},  Suffix{"T", 12, false},
    Suffix{"P", 15, false}, Suffix{"E", 18, false}, Suffix{"Ki", 10, true}, Suffix{"Mi", 20, true},
    Suffix{"Gi", 30, true}, Suffix{"Ti", 40, true}, Suffix{"Pi", 50, true}, Suffix{"Ei", 60, true},
};

// value * 10^power (or 2^power), capped at kMost; fractions of a nano are rounded up.
Wide scaled(Wide value, int power, bool binary) {
  Wide base = binary ? 2 : 10;
  for (; power > 0 && value <= kMost; --power) value *= base;
  bool rest = false;
  for (; power < 0 && value != 0; ++power) {
    rest = rest || value % base != 0;
    value /= base;
  }
  if (rest) ++value;
  return value > kMost ? kMost : value;
}

std::string digits_of(Wide v) {
  if (v == 0) return "0";
  std::string out;
  for (; v > 0; v /= 10) out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(v % 10)));
  return out;
}

// The digits of "12.5" as 125 with one decimal place.
struct Number {
  Wide digits = 0;
  int places = 0;
  size_t length = 0;
};

Number parse_number(std::string_view text) {
  Number n;
  bool point = false, any = false;
  for (; n.length < text.size(); ++n.length) {
    char c = text[n.length];
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      any = true;
      // More digits than matter at nano precision are dropped, any of them rounding up.
      if (n.digits < kMost) {
        n.digits = n.digits * 10 + (c - '0');
        n.places += point;
      } else if (point) {
        n.digits += c != '0' && n.digits % 10 == 0;
      } else {
        n.digits = kMost;
      }
    } else {
      break;
    }
  }
  if (!any) n.length = 0;
  return n;
}

}  // namespace

std::optional<Quantity> Quantity::parse(std::string_view text) {
  bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  Number n = parse_number(text);
  if (n.length == 0) return std::nullopt;
  std::string_view rest = text.substr(n.length);
  Quantity q;
  int power = 0;
  bool binary = false;
  bool exponent = rest.size() > 1 && (rest[0] == 'e' || rest[0] == 'E') &&
                  (rest[1] == '-' || rest[1] == '+' || (rest[1] >= '0' && rest[1] <= '9'));
  if (exponent) {
    rest.remove_prefix(rest[1] == '+' ? 2 : 1);
    auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), power);
    if (code != std::errc() || end != rest.data() + rest.size() || power > 64 || power < -64)
      return std::nullopt;
    q.family_ = Family::kExponent;
  } else {
    const Suffix* found = nullptr;
    for (const Suffix& s : kSuffixes) {
      if (s.text == rest) found = &s;
    }
    if (!found) return std::nullopt;
    power = found->power;
    binary = found->binary;
    if (binary) q.family_ = Family::kBinary;
  }
  if (binary) {
    // Binary first: it can only grow; then the decimal places.
    q.nano_ = scaled(scaled(n.digits, power, true), 9 - n.places, false);
  } else {
    q.nano_ = scaled(n.digits, power + 9 - n.places, false);
  }
  if (negative) q.nano_ = -q.nano_;
  return q;
}

Quantity Quantity::of_milli(int64_t milli) {
  Quantity q;
  q.nano_ = Nano{milli} * 1'000'000;
  return q;
}

Quantity Quantity::of(int64_t units) {
  Quantity q;
  q.nano_ = Nano{units} * kNano;
  return q;
}

std::string Quantity::str() const {
  Wide v = nano_ < 0 ? -nano_ : nano_;
  std::string sign = nano_ < 0 ? "-" : "";
  if (v == 0) return "0";
  // Below one unit, or with a fraction, binary falls back to decimal.
  if (family_ == Family::kBinary && v % kNano == 0 && v / kNano >= 1024) {
    Wide units = v / kNano;
    int power = 0;
    for (; power < 60 && units % 1024 == 0; power += 10) units /= 1024;
    static constexpr std::string_view kNames[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    return sign + digits_of(units) + std::string(kNames[power / 10]);
  }
  int power = -9;
  for (; power < 18 && v % 1000 == 0; power += 3) v /= 1000;
  if (family_ == Family::kExponent)
    return sign + digits_of(v) + (power == 0 ? "" : "e" + std::to_string(power));
  static constexpr std::string_view kNames[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  return sign + digits_of(v) + std::string(kNames[(power + 9) / 3]);
}

int64_t Quantity::milli() const {
  Nano v = nano_ / 1'000'000 + (nano_ > 0 && nano_ % 1'000'000 != 0 ? 1 : 0);
  if (v > INT64_MAX) return INT64_MAX;
  return static_cast<int64_t>(v);
}

int64_t Quantity::units() const {
  return static_cast<int64_t>(nano_ / kNano + (nano_ > 0 && nano_ % kNano != 0 ? 1 : 0));
}

Quantity Quantity::operator+(const Quantity& o) const {
  Quantity q = is_zero() ? o : *this;
  q.nano_ = nano_ + o.nano_;
  return q;
}

Quantity Quantity::operator-(const Quantity& o) const {
  Quantity q = *this;
  q.nano_ = nano_ - o.nano_;
  return q;
}

}  // namespace kubus
