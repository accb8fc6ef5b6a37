#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <sstream>

#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/codec/yaml.h"

namespace kubus::codec {
namespace {

// Aliases may name the same node again and again; this many nodes after expansion are more than any
// manifest has.
constexpr size_t kMostNodes = 1'000'000;
constexpr int kMostDepth = 200;

struct TooLarge {};

template <class T>
bool parses(const std::string& text, size_t from, T* out, int base) {
  auto [end, code] = std::from_chars(text.data() + from, text.data() + text.size(), *out, base);
  return code == std::errc() && end == text.data() + text.size();
}

std::optional<json::value> integer(const std::string& text) {
  int64_t n = 0;
  bool negative = text[0] == '-';
  size_t from = negative || text[0] == '+' ? 1 : 0;
  int base = 10;
  if (text.compare(from, 2, "0x") == 0) base = 16;
  if (text.compare(from, 2, "0o") == 0) base = 8;
  if (text.compare(from, 2, "0b") == 0) base = 2;
  if (base != 10) from += 2;
  // A leading zero means octal, as YAML 1.1 has it: 0644.
  if (base == 10 && text.size() > from + 1 && text[from] == '0' &&
      text.find_first_not_of("01234567", from) == std::string::npos) {
    base = 8;
  }
  uint64_t wide = 0;
  if (from >= text.size() || !parses(text, from, &wide, base)) return std::nullopt;
  if (wide == uint64_t{1} << 63 && negative) return json::value(INT64_MIN);
  if (wide > static_cast<uint64_t>(INT64_MAX))
    return negative ? std::nullopt : std::optional<json::value>(wide);
  n = static_cast<int64_t>(wide);
  return json::value(negative ? -n : n);
}

std::optional<json::value> real(const std::string& text) {
  if (text.find_first_of("0123456789") == std::string::npos ||
      text.find_first_not_of("+-0123456789.eE") != std::string::npos) {
    return std::nullopt;
  }
  double d = 0;
  auto [end, code] = std::from_chars(text.data() + (text[0] == '+'), text.data() + text.size(), d);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return json::value(d);
}

// A plain (unquoted) scalar. Booleans as YAML 1.1 has them, for that is how manifests have always
// been read.
json::value plain(const std::string& t) {
  static const char* kTrue[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"};
  static const char* kFalse[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"};
  static const char* kNull[] = {"", "~", "null", "Null", "NULL"};
  for (const char* n : kNull) {
    if (t == n) return nullptr;
  }
  for (const char* n : kTrue) {
    if (t == n) return true;
  }
  for (const char* n : kFalse) {
    if (t == n) return false;
  }
  if (auto n = integer(t)) return *n;
  if (auto d = real(t)) return *d;
  return json::value(t);
}

class Converter {
 public:
  explicit Converter(std::vector<Problem>* problems) : problems_(problems) {}

  json::value convert(const YAML::Node& node, int depth = 0) {
    if (++nodes_ > kMostNodes || depth > kMostDepth) throw TooLarge();
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return scalar(node);
      case YAML::NodeType::Sequence: {
        json::array out;
        for (const auto& item : node) out.push_back(convert(item, depth + 1));
        return out;
      }
      case YAML::NodeType::Map:
        return map(node, depth);
      default:
        return nullptr;
    }
  }

 private:
  static json::value scalar(const YAML::Node& node) {
    // yaml-cpp tags quoted scalars "!" and plain ones "?".
    bool text = node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
    return text ? json::value(node.Scalar()) : plain(node.Scalar());
  }

  static std::string key_of(const YAML::Node& node) {
    if (node.IsNull()) return "null";
    if (!node.IsScalar()) throw YAML::Exception(node.Mark(), "a key must be a scalar");
    return node.Scalar();
  }

  json::value map(const YAML::Node& node, int depth) {
    json::object out, merged;
    for (const auto& member : node) {
      std::string key = key_of(member.first);
      if (key == "<<" && member.first.Tag() != "!") {
        merge(convert(member.second, depth + 1), &merged);
        continue;
      }
      if (out.contains(key)) {
        problems_->push_back({"line " + std::to_string(member.first.Mark().line + 1) +
                                  ": duplicate field \"" + key + "\"",
                              ""});
      }
      out.insert_or_assign(key, convert(member.second, depth + 1));
    }
    // What stands here itself wins over what is merged in.
    for (auto& m : merged) {
      if (!out.contains(m.key())) out.emplace(m.key(), std::move(m.value()));
    }
    return out;
  }

  static void merge(json::value from, json::object* into) {
    if (from.is_array()) {
      for (auto& item : from.as_array()) merge(std::move(item), into);
    } else if (from.is_object()) {
      for (auto& m : from.as_object()) into->emplace(m.key(), std::move(m.value()));
    }
  }

  std::vector<Problem>* problems_;
  size_t nodes_ = 0;
};

// Sees a stream's documents begin. The library makes empty documents without end of some malformed
// streams (","): one that begins no further on than the one before ends the reading.
class Progress : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos <= last_) throw YAML::Exception(mark, "no document can begin here");
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

std::vector<YAML::Node> load(std::string_view text) {
  std::istringstream in{std::string(text)};
  YAML::Parser parser(in);
  Progress progress;
  while (parser.HandleNextDocument(progress)) {
  }
  return YAML::LoadAll(std::string(text));
}

Error at(const YAML::Mark& mark, const std::string& what) {
  return Error(Code::kBadRequest, "line " + std::to_string(mark.line + 1) + ", column " +
                                      std::to_string(mark.column + 1) + ": " + what);
}

}  // namespace

Result<std::vector<Document>> parse_yaml(std::string_view text) {
  // With zeros in it the parser below takes it for UTF-16 or UTF-32.
  if (!valid_utf8(text) || text.find('\0') != std::string_view::npos)
    return Error(Code::kBadRequest, "the YAML is not valid UTF-8");
  std::vector<Document> out;
  try {
    for (const YAML::Node& node : load(text)) {
      if (!node.IsDefined() || node.IsNull()) continue;
      Document d;
      d.line = node.Mark().line + 1;
      d.value = Converter(&d.problems).convert(node);
      out.push_back(std::move(d));
    }
  } catch (const YAML::Exception& e) {
    return at(e.mark, e.msg);
  } catch (const TooLarge&) {
    return Error(Code::kTooLarge, "the YAML is nested or expands too far");
  }
  return out;
}

}  // namespace kubus::codec
