#include <algorithm>

#include "schemas/lib/selectors/selectors.h"

namespace kubus::selectors {
namespace {

Error wrong(size_t at, std::string_view what) {
  return Error(Code::kBadRequest,
               "field selector: position " + std::to_string(at + 1) + ": " + std::string(what));
}

// Where the term that starts at `from` ends: at a ',' that no backslash escapes.
size_t term_end(std::string_view text, size_t from) {
  for (size_t i = from; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',') {
      return i;
    }
  }
  return text.size();
}

Result<std::string> unescaped(std::string_view text, size_t at) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '=') return wrong(at + i, "'=' must be escaped with '\\'");
    if (c == '\\') {
      char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (next != '\\' && next != ',' && next != '=') return wrong(at + i, "unknown escape");
      c = next;
      ++i;
    }
    out += c;
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == ',' || c == '=') out += '\\';
    out += c;
  }
  return out;
}

Result<FieldSelector::Term> parse_term(std::string_view term, size_t at) {
  size_t op = term.find_first_of("=!");
  if (op == std::string_view::npos || op == 0)
    return wrong(at, "path=value or path!=value is expected");
  bool equal = term[op] == '=';
  size_t value = op + 1;
  bool second = value < term.size() && term[value] == '=';
  if (!equal && !second) return wrong(at + op, "'!=' is expected");
  if (second) ++value;
  Result<std::string> text = unescaped(term.substr(value), at + value);
  if (!text) return std::move(text).error();
  return FieldSelector::Term{std::string(term.substr(0, op)), equal, *std::move(text)};
}

}  // namespace

Result<FieldSelector> FieldSelector::parse(std::string_view text) {
  FieldSelector out;
  for (size_t at = 0; at < text.size();) {
    size_t end = term_end(text, at);
    if (end > at) {
      Result<Term> term = parse_term(text.substr(at, end - at), at);
      if (!term) return std::move(term).error();
      out.terms_.push_back(*std::move(term));
    }
    at = end + 1;
  }
  return out;
}

bool FieldSelector::matches(const Lookup& fields) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& t) {
    return (fields(t.path).value_or(std::string_view()) == t.value) == t.equal;
  });
}

std::string FieldSelector::str() const {
  std::string out;
  for (const Term& t : terms_)
    out += (out.empty() ? "" : ",") + t.path + (t.equal ? "=" : "!=") + escaped(t.value);
  return out;
}

}  // namespace kubus::selectors
