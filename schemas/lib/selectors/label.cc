#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>

#include "schemas/lib/selectors/selectors.h"
#include "schemas/lib/validation/validation.h"

namespace kubus::selectors {
namespace {

using Op = LabelSelector::Op;
using Requirement = LabelSelector::Requirement;

std::optional<int64_t> integer(std::string_view s) {
  int64_t n = 0;
  auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (error != std::errc() || end != s.data() + s.size()) return std::nullopt;
  return n;
}

// Sorted, each once.
void in_order(std::vector<std::string>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

// Splits a selector's text into words, operators and punctuation.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { next(); }

  std::string_view token() const { return token_; }
  bool end() const { return token_.empty(); }
  size_t position() const { return static_cast<size_t>(token_.data() - text_.data()) + 1; }
  bool word() const { return !end() && !special(token_.front()); }

  void next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    size_t start = at_;
    if (at_ < text_.size() && special(text_[at_])) {
      ++at_;
      bool longer =
          at_ < text_.size() && text_[at_] == '=' && (text_[start] == '=' || text_[start] == '!');
      if (longer) ++at_;
    } else {
      while (at_ < text_.size() && !special(text_[at_]) && text_[at_] != ' ' && text_[at_] != '\t')
        ++at_;
    }
    token_ = text_.substr(start, at_ - start);
  }

 private:
  static bool special(char c) {
    return std::string_view("=!(),<>").find(c) != std::string_view::npos;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string_view token_;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<std::vector<Requirement>> run() {
    std::vector<Requirement> out;
    while (!lexer_.end()) {
      Requirement r{"", Op::kExists, {}};
      if (Status s = requirement(&r); !s) return std::move(s).error();
      out.push_back(std::move(r));
      if (lexer_.end()) break;
      if (lexer_.token() != ",") return wrong("',' is expected");
      lexer_.next();
      if (lexer_.end()) return wrong("a requirement is expected after ','");
    }
    return out;
  }

 private:
  Error wrong(std::string_view what) const {
    return Error(
        Code::kBadRequest,
        "label selector: position " + std::to_string(lexer_.position()) + ": " + std::string(what));
  }

  Status requirement(Requirement* r) {
    bool negated = lexer_.token() == "!";
    if (negated) lexer_.next();
    if (!lexer_.word()) return wrong("a label key is expected");
    std::string bad = validation::check_qualified_name(lexer_.token());
    if (!bad.empty()) return wrong("the key " + bad);
    r->key = lexer_.token();
    lexer_.next();
    if (negated) {
      r->op = Op::kNotExists;
      return {};
    }
    if (lexer_.end() || lexer_.token() == ",") return {};
    return condition(r);
  }

  static std::optional<Op> operator_of(std::string_view word) {
    if (word == "in" || word == "=" || word == "==") return Op::kIn;
    if (word == "notin" || word == "!=") return Op::kNotIn;
    if (word == ">") return Op::kGreater;
    if (word == "<") return Op::kLess;
    return std::nullopt;
  }

  Status condition(Requirement* r) {
    std::optional<Op> op = operator_of(lexer_.token());
    if (!op) return wrong("an operator is expected");
    bool listed = lexer_.word();
    r->op = *op;
    lexer_.next();
    if (listed) return values(r);
    if (Status s = value(r); !s) return s;
    bool orders = r->op == Op::kGreater || r->op == Op::kLess;
    if (orders && !integer(r->values.front())) return wrong("an integer is expected before this");
    return {};
  }

  // One value; a missing one is "".
  Status value(Requirement* r) {
    std::string_view text = lexer_.word() ? lexer_.token() : std::string_view();
    std::string bad = validation::check_label_value(text);
    if (!bad.empty()) return wrong("the value " + bad);
    r->values.emplace_back(text);
    if (lexer_.word()) lexer_.next();
    return {};
  }

  Status values(Requirement* r) {
    if (lexer_.token() != "(") return wrong("'(' is expected");
    do {
      lexer_.next();
      if (Status s = value(r); !s) return s;
    } while (lexer_.token() == ",");
    if (lexer_.token() != ")") return wrong("')' is expected");
    lexer_.next();
    in_order(&r->values);
    return {};
  }

  Lexer lexer_;
};

bool among(const Requirement& r, std::string_view v) {
  return std::binary_search(r.values.begin(), r.values.end(), v);
}

bool satisfied(const Requirement& r, const std::optional<std::string_view>& v) {
  switch (r.op) {
    case Op::kIn:
      return v && among(r, *v);
    case Op::kNotIn:
      return !v || !among(r, *v);
    case Op::kExists:
      return v.has_value();
    case Op::kNotExists:
      return !v.has_value();
    case Op::kGreater:
    case Op::kLess: {
      std::optional<int64_t> have = v ? integer(*v) : std::nullopt;
      std::optional<int64_t> bound = integer(r.values.front());
      if (!have || !bound) return false;
      return r.op == Op::kGreater ? *have > *bound : *have < *bound;
    }
  }
  return false;
}

std::string printed(const Requirement& r) {
  std::string values;
  for (const std::string& v : r.values)
    values += (values.empty() && &v == &r.values.front() ? "" : ",") + v;
  bool one = r.values.size() == 1;
  switch (r.op) {
    case Op::kIn:
      return one ? r.key + "=" + values : r.key + " in (" + values + ")";
    case Op::kNotIn:
      return one ? r.key + "!=" + values : r.key + " notin (" + values + ")";
    case Op::kExists:
      return r.key;
    case Op::kNotExists:
      return "!" + r.key;
    case Op::kGreater:
      return r.key + ">" + values;
    case Op::kLess:
      return r.key + "<" + values;
  }
  return "";
}

Error bad_value(std::string field, std::string message) {
  return Error(Code::kInvalid, field + ": " + message, {{"FieldValueInvalid", message, field}});
}

Result<Requirement> expression(const boost::json::value& item, const std::string& path) {
  const boost::json::object* o = item.if_object();
  if (o == nullptr) return bad_value(path, "must be an object");
  auto text = [&](std::string_view name) {
    const boost::json::value* v = o->if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
  };
  Requirement r{text("key"), Op::kExists, {}};
  if (std::string bad = validation::check_qualified_name(r.key); !bad.empty())
    return bad_value(path + ".key", bad);
  std::string op = text("operator");
  bool listed = op == "In" || op == "NotIn";
  if (!listed && op != "Exists" && op != "DoesNotExist") {
    return bad_value(path + ".operator", "must be In, NotIn, Exists or DoesNotExist");
  }
  r.op = op == "In"       ? Op::kIn
         : op == "NotIn"  ? Op::kNotIn
         : op == "Exists" ? Op::kExists
                          : Op::kNotExists;
  const boost::json::value* values = o->if_contains("values");
  if (values != nullptr && values->is_array()) {
    for (const boost::json::value& v : values->get_array()) {
      if (!v.is_string()) return bad_value(path + ".values", "must be strings");
      if (std::string bad = validation::check_label_value(v.get_string()); !bad.empty())
        return bad_value(path + ".values", bad);
      r.values.emplace_back(v.get_string());
    }
  }
  if (listed == r.values.empty()) {
    return bad_value(path + ".values", listed ? "must not be empty for In and NotIn"
                                              : "must be empty for this operator");
  }
  in_order(&r.values);
  return r;
}

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  Result<std::vector<Requirement>> requirements = Parser(text).run();
  if (!requirements) return std::move(requirements).error();
  LabelSelector out;
  out.requirements_ = *std::move(requirements);
  return out;
}

Result<LabelSelector> LabelSelector::from_value(const boost::json::value& selector) {
  LabelSelector out;
  const boost::json::object* o = selector.if_object();
  if (o == nullptr) {
    out.nothing_ = true;
    return out;
  }
  const boost::json::value* labels = o->if_contains("matchLabels");
  if (labels != nullptr && labels->is_object()) {
    for (const auto& [key, v] : labels->get_object()) {
      if (!v.is_string()) return bad_value("matchLabels", "must be strings");
      std::string bad = validation::check_qualified_name(key);
      if (bad.empty()) bad = validation::check_label_value(v.get_string());
      if (!bad.empty()) return bad_value("matchLabels", bad);
      out.requirements_.push_back({std::string(key), Op::kIn, {std::string(v.get_string())}});
    }
  }
  const boost::json::value* list = o->if_contains("matchExpressions");
  if (list != nullptr && list->is_array()) {
    size_t i = 0;
    for (const boost::json::value& item : list->get_array()) {
      Result<Requirement> r = expression(item, "matchExpressions[" + std::to_string(i++) + "]");
      if (!r) return std::move(r).error();
      out.requirements_.push_back(*std::move(r));
    }
  }
  return out;
}

bool LabelSelector::matches(const Lookup& labels) const {
  if (nothing_) return false;
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const Requirement& r) { return satisfied(r, labels(r.key)); });
}

std::string LabelSelector::str() const {
  std::string out;
  for (const Requirement& r : requirements_) out += (out.empty() ? "" : ",") + printed(r);
  return out;
}

}  // namespace kubus::selectors
