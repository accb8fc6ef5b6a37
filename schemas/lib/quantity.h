// Kubernetes quantities: "500m", "1Gi", "1e3". Exact decimal arithmetic within ±2^63 at nano
// precision; beyond, capped as Kubernetes does.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kubus {

class Quantity {
 public:
  Quantity() = default;
  static std::optional<Quantity> parse(std::string_view text);
  static Quantity of_milli(int64_t milli);
  static Quantity of(int64_t units);

  // Canonical text: no fractional digits where a smaller suffix avoids them, largest suffix
  // possible, the format's family (decimal, binary, exponent) kept as it was parsed.
  std::string str() const;
  int64_t milli() const;  // rounded up
  int64_t units() const;  // rounded up
  bool is_zero() const { return nano_ == 0; }
  int sign() const { return nano_ < 0 ? -1 : nano_ > 0; }
  Quantity operator+(const Quantity& o) const;
  Quantity operator-(const Quantity& o) const;
  std::strong_ordering operator<=>(const Quantity& o) const { return nano_ <=> o.nano_; }
  bool operator==(const Quantity& o) const { return nano_ == o.nano_; }

 private:
  enum class Family : uint8_t { kDecimal, kBinary, kExponent };
  __extension__ typedef __int128 Nano;
  Nano nano_ = 0;
  Family family_ = Family::kDecimal;
};

}  // namespace kubus
