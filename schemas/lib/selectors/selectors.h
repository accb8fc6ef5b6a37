// Label and field selectors: parsing, matching, printing.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/result.h"

namespace kubus::selectors {

// Looks a key up: nullopt if the object has none.
using Lookup = std::function<std::optional<std::string_view>(std::string_view key)>;

class LabelSelector {
 public:
  enum class Op : uint8_t { kIn, kNotIn, kExists, kNotExists, kGreater, kLess };
  struct Requirement {
    std::string key;
    Op op;
    std::vector<std::string> values;  // sorted
  };
  // "a=b,c!=d,e in (f,g),h,!i". kBadRequest with the position. Empty text matches everything.
  static Result<LabelSelector> parse(std::string_view text);
  // A meta.v1 LabelSelector value (matchLabels, matchExpressions). null matches nothing, {}
  // everything.
  static Result<LabelSelector> from_value(const boost::json::value& selector);
  bool matches(const Lookup& labels) const;
  bool everything() const { return !nothing_ && requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }
  std::string str() const;

 private:
  std::vector<Requirement> requirements_;
  bool nothing_ = false;
};

class FieldSelector {
 public:
  struct Term {
    std::string path;  // "spec.nodeName"
    bool equal;
    std::string value;
  };
  // "metadata.name=x,status.phase!=Running". kBadRequest with the position.
  static Result<FieldSelector> parse(std::string_view text);
  bool matches(const Lookup& fields) const;  // an absent field compares as ""
  bool everything() const { return terms_.empty(); }
  const std::vector<Term>& terms() const { return terms_; }
  std::string str() const;

 private:
  std::vector<Term> terms_;
};

}  // namespace kubus::selectors
