// Label and field selectors: "labels\nTEXT", "fields\nTEXT", "value\nJSON". A selector's text
// selects what the selector does.
#include <boost/json/parse.hpp>
#include <map>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/selectors/selectors.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;
using selectors::FieldSelector;
using selectors::LabelSelector;

selectors::Lookup lookup(const std::map<std::string, std::string, std::less<>>& labels) {
  return [&labels](std::string_view key) -> std::optional<std::string_view> {
    auto found = labels.find(key);
    if (found == labels.end()) return std::nullopt;
    return found->second;
  };
}

void check_labels(const LabelSelector& s) {
  auto again = LabelSelector::parse(s.str());
  KUBUS_CHECK(again && again->str() == s.str());
  std::map<std::string, std::string, std::less<>> labels;
  for (int round = 0; round < 3; ++round) {
    KUBUS_CHECK(s.matches(lookup(labels)) == again->matches(lookup(labels)));
    for (const auto& r : s.requirements()) {
      labels[r.key] =
          r.values.empty() ? "x" : r.values[static_cast<size_t>(round) % r.values.size()];
    }
  }
}

void check_fields(std::string_view text) {
  auto s = FieldSelector::parse(text);
  if (!s) return;
  auto again = FieldSelector::parse(s->str());
  KUBUS_CHECK(again && again->str() == s->str());
  KUBUS_CHECK(again->terms().size() == s->terms().size());
  std::map<std::string, std::string, std::less<>> fields;
  for (const auto& t : s->terms()) fields[t.path] = t.value;
  KUBUS_CHECK(s->matches(lookup(fields)) == again->matches(lookup(fields)));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  std::string_view what = in.line();
  if (what == "fields") {
    check_fields(in.rest());
  } else if (what == "value") {
    auto value = codec::parse_json(in.rest(), nullptr);
    if (!value) return 0;
    auto s = LabelSelector::from_value(*value);
    if (s && value->is_object()) check_labels(*s);
  } else if (auto s = LabelSelector::parse(in.rest())) {
    check_labels(*s);
  }
  return 0;
}
