#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "schemas/lib/codec/yaml.h"

namespace kubus::codec {
namespace {

// Whether a text would be read back as itself without quotes.
bool plain_is_safe(std::string_view s) {
  if (s.empty() || s.front() == ' ' || s.back() == ' ') return false;
  if (s.find_first_of("\n\r\t\"'\\") != std::string_view::npos) return false;
  constexpr std::string_view kStarts = "-?:,[]{}#&*!|>%@`=~<.+0123456789";
  bool plain_start = kStarts.find(s.front()) == std::string_view::npos;
  if (!plain_start) {
    auto documents = parse_yaml(s);
    bool same = documents && documents->size() == 1 && documents->front().value.is_string() &&
                std::string_view(documents->front().value.as_string()) == s;
    if (!same) return false;
  }
  if (s.find(": ") != std::string_view::npos || s.find(" #") != std::string_view::npos ||
      s.back() == ':')
    return false;
  for (std::string_view word :
       {"true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES",
        "no",   "No",   "NO",   "on",    "On",    "ON",    "off", "Off", "OFF",
        "null", "Null", "NULL", "y",     "Y",     "n",     "N"}) {
    if (s == word) return false;
  }
  for (char c : s) {
    if (static_cast<unsigned char>(c) < 0x20) return false;
  }
  return true;
}

bool fits_block(std::string_view s) {
  if (s.find('\n') == std::string_view::npos || s.front() == ' ' || s.front() == '\n') return false;
  for (char c : s) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') return false;
  }
  return s.find(" \n") == std::string_view::npos;
}

class Emitter {
 public:
  std::string take() { return std::move(out_); }

  void document(const json::value& v) {
    if (v.is_object() && !v.get_object().empty()) return members(v.get_object(), 0);
    if (v.is_array() && !v.get_array().empty()) return items(v.get_array(), 0);
    inline_value(v, 0);
    out_ += '\n';
  }

 private:
  void indent(int n) { out_.append(static_cast<size_t>(n), ' '); }

  void members(const json::object& o, int depth, bool first_is_inline = false) {
    for (const auto& m : o) {
      if (!std::exchange(first_is_inline, false)) indent(depth);
      key({m.key().data(), m.key().size()});
      out_ += ':';
      after_key(m.value(), depth);
    }
  }

  void after_key(const json::value& v, int depth) {
    if (v.is_object() && !v.get_object().empty()) {
      out_ += '\n';
      members(v.get_object(), depth + 2);
    } else if (v.is_array() && !v.get_array().empty()) {
      out_ += '\n';
      items(v.get_array(), depth);
    } else {
      out_ += ' ';
      inline_value(v, depth + 2);
      out_ += '\n';
    }
  }

  void items(const json::array& a, int depth) {
    for (const json::value& v : a) {
      indent(depth);
      out_ += "- ";
      item(v, depth + 2);
    }
  }

  void item(const json::value& v, int depth) {
    if (v.is_object() && !v.get_object().empty()) return members(v.get_object(), depth, true);
    if (v.is_array() && !v.get_array().empty()) {
      out_.pop_back();
      out_ += '\n';
      return items(v.get_array(), depth);
    }
    inline_value(v, depth);
    out_ += '\n';
  }

  void inline_value(const json::value& v, int depth) {
    if (v.is_string()) {
      string({v.get_string().data(), v.get_string().size()}, depth);
    } else if (v.is_double()) {
      char text[32];
      out_.append(text, std::to_chars(text, text + sizeof text, v.get_double()).ptr);
    } else {
      out_ += json::serialize(v);
    }
  }

  void key(std::string_view s) {
    if (plain_is_safe(s)) {
      out_ += s;
    } else {
      quoted(s);
    }
  }

  void string(std::string_view s, int depth) {
    if (!s.empty() && fits_block(s)) return block(s, depth);
    key(s);
  }

  void quoted(std::string_view s) { out_ += json::serialize(json::string(s.data(), s.size())); }

  void block(std::string_view s, int depth) {
    bool ends = s.back() == '\n';
    bool keeps = ends && s.size() > 1 && s[s.size() - 2] == '\n';
    out_ += keeps ? "|+" : ends ? "|" : "|-";
    if (ends) s.remove_suffix(1);
    while (true) {
      size_t end = s.find('\n');
      out_ += '\n';
      std::string_view line = s.substr(0, end);
      if (!line.empty()) indent(depth);
      out_ += line;
      if (end == std::string_view::npos) return;
      s.remove_prefix(end + 1);
    }
  }

  std::string out_;
};

}  // namespace

std::string to_yaml(const json::value& value) {
  Emitter e;
  e.document(value);
  return e.take();
}

}  // namespace kubus::codec
