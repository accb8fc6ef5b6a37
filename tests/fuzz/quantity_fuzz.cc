// Quantities: two texts, a line each. A quantity's text is that quantity; sums keep their order.
#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/quantity.h"
#include "tests/fuzz/input.h"

namespace {

using kubus::Quantity;

void check_one(const Quantity& q) {
  auto again = Quantity::parse(q.str());
  KUBUS_CHECK(again && *again == q);
  // Binary ones without a suffix are read back as decimal ones, and stay so.
  auto third = Quantity::parse(again->str());
  KUBUS_CHECK(third && *third == q && third->str() == again->str());
  q.milli();
  q.units();
  KUBUS_CHECK(q.is_zero() == (q.sign() == 0));
}

void check_times(std::string_view text) {
  if (auto t = kubus::codec::parse_time(text))
    KUBUS_CHECK(kubus::codec::parse_time(kubus::codec::format_time(*t)) == t);
  if (auto t = kubus::codec::parse_micro_time(text))
    KUBUS_CHECK(kubus::codec::parse_micro_time(kubus::codec::format_micro_time(*t)) == t);
  if (auto b = kubus::codec::from_base64(text))
    KUBUS_CHECK(kubus::codec::from_base64(kubus::codec::base64(*b)) == b);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kubus::fuzz::Input in(data, size);
  std::string_view first = in.line();
  auto a = Quantity::parse(first), b = Quantity::parse(in.line());
  check_times(first);
  if (a) check_one(*a);
  if (b) check_one(*b);
  if (!a || !b) return 0;
  KUBUS_CHECK((*a < *b) == (*b > *a));
  Quantity sum = *a + *b, difference = *a - *b;
  check_one(sum);
  check_one(difference);
  if (b->sign() >= 0) KUBUS_CHECK(sum >= *a && difference <= *a);
  return 0;
}
