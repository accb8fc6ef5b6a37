#include "schemas/lib/quantity.h"

#include <algorithm>
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

// value * 10^power, capped at kMost; fractions are rounded up.
Wide scaled(Wide value, int power) {
  for (; power > 0 && value <= kMost; --power) value *= 10;
  bool rest = false;
  for (; power < 0 && value != 0; ++power) {
    rest = rest || value % 10 != 0;
    value /= 10;
  }
  if (rest) ++value;
  return value > kMost ? kMost : value;
}

// digits * 2^power / 10^places in nanos. Exact unless the digits are so many that their last no
// longer matter: those are dropped, rounding up.
Wide scaled_binary(Wide digits, int power, int places) {
  constexpr Wide kLargest = Wide{1} << 120;
  for (; power > 0; --power) {
    if (digits > kLargest && places == 0) return kMost;
    if (digits > kLargest) {
      digits = digits / 10 + (digits % 10 != 0);
      --places;
    }
    digits *= 2;
  }
  return scaled(digits, 9 - places);
}

Wide capped(Wide v) {
  return std::clamp(v, -kMost, kMost);
}

// Into the range of int64.
int64_t clamped(Wide v) {
  if (v > INT64_MAX) return INT64_MAX;
  return v < INT64_MIN ? INT64_MIN : static_cast<int64_t>(v);
}

Wide divided_up(Wide v, Wide by) {
  return v / by + (v > 0 && v % by != 0);
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
    if (text.find("+-", n.length) != std::string_view::npos) return std::nullopt;
    auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), power);
    if (code != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
    constexpr int kEnough = 100;  // caps or vanishes either way
    power = std::clamp(power, -kEnough, kEnough);
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
  q.nano_ =
      binary ? scaled_binary(n.digits, power, n.places) : scaled(n.digits, power + 9 - n.places);
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
  return clamped(divided_up(nano_, 1'000'000));
}

int64_t Quantity::units() const {
  return clamped(divided_up(nano_, kNano));
}

Quantity Quantity::operator+(const Quantity& o) const {
  Quantity q = is_zero() ? o : *this;
  q.nano_ = capped(nano_ + o.nano_);
  return q;
}

Quantity Quantity::operator-(const Quantity& o) const {
  Quantity q = *this;
  q.nano_ = capped(nano_ - o.nano_);
  return q;
}

}  // namespace kubus
