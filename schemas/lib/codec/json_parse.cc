#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_stack.hpp>
#include <string>
#include <vector>

#include "schemas/lib/codec/codec.h"

namespace kubus::codec {
namespace {

constexpr size_t kMostDepth = 200;

// Builds the value and notices keys that an object has twice.
class Handler {
 public:
  static constexpr size_t max_object_size = SIZE_MAX;
  static constexpr size_t max_array_size = SIZE_MAX;
  static constexpr size_t max_key_size = SIZE_MAX;
  static constexpr size_t max_string_size = SIZE_MAX;

  Handler(json::storage_ptr sp, std::vector<Problem>* problems) : problems_(problems) {
    stack_.reset(std::move(sp));
  }

  json::value release() { return stack_.release(); }

  using error = boost::system::error_code;
  bool on_document_begin(error&) { return true; }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) {
    frames_.push_back({false, 0, {}});
    return true;
  }
  bool on_object_end(size_t n, error&) {
    frames_.pop_back();
    stack_.push_object(n);
    return next();
  }
  bool on_array_begin(error&) {
    frames_.push_back({true, 0, {}});
    return true;
  }
  bool on_array_end(size_t n, error&) {
    frames_.pop_back();
    stack_.push_array(n);
    return next();
  }
  bool on_key_part(json::string_view s, size_t, error&) {
    key_.append(s.data(), s.size());
    stack_.push_chars(s);
    return true;
  }
  bool on_key(json::string_view s, size_t, error&) {
    key_.append(s.data(), s.size());
    stack_.push_key(s);
    note_key();
    key_.clear();
    return true;
  }
  bool on_string_part(json::string_view s, size_t, error&) {
    stack_.push_chars(s);
    return true;
  }
  bool on_string(json::string_view s, size_t, error&) {
    stack_.push_string(s);
    return next();
  }
  bool on_number_part(json::string_view, error&) { return true; }
  bool on_int64(int64_t i, json::string_view, error&) {
    stack_.push_int64(i);
    return next();
  }
  bool on_uint64(uint64_t u, json::string_view, error&) {
    stack_.push_uint64(u);
    return next();
  }
  bool on_double(double d, json::string_view, error&) {
    stack_.push_double(d);
    return next();
  }
  bool on_bool(bool b, error&) {
    stack_.push_bool(b);
    return next();
  }
  bool on_null(error&) {
    stack_.push_null();
    return next();
  }
  bool on_comment_part(json::string_view, error&) { return true; }
  bool on_comment(json::string_view, error&) { return true; }

 private:
  struct Frame {
    bool array;
    size_t index;
    std::vector<std::string> keys;
  };

  bool next() {
    if (!frames_.empty()) ++frames_.back().index;
    return true;
  }

  void note_key() {
    std::vector<std::string>& keys = frames_.back().keys;
    bool twice = false;
    for (const std::string& k : keys) twice = twice || k == key_;
    keys.push_back(key_);
    if (twice) problems_->push_back({"duplicate field \"" + path() + "\"", ""});
  }

  std::string path() const {
    std::string out;
    for (const Frame& f : frames_) {
      if (f.array) {
        out += "[" + std::to_string(f.index) + "]";
      } else {
        out += (out.empty() ? "" : ".") + f.keys.back();
      }
    }
    return out;
  }

  json::value_stack stack_;
  std::vector<Problem>* problems_;
  std::vector<Frame> frames_;
  std::string key_;
};

Error syntax_error(const boost::system::error_code& code, size_t offset) {
  return Error(Code::kBadRequest,
               "malformed JSON at byte " + std::to_string(offset) + ": " + code.message());
}

}  // namespace

Result<json::value> parse_json(std::string_view text, std::vector<Problem>* problems,
                               json::storage_ptr sp) {
  std::vector<Problem> ignored;
  json::parse_options options;
  options.max_depth = kMostDepth;
  boost::system::error_code code;
  json::basic_parser<Handler> parser(options, std::move(sp), problems ? problems : &ignored);
  size_t read = parser.write_some(false, text.data(), text.size(), code);
  if (code) return syntax_error(code, read);
  size_t rest = text.find_first_not_of(" \t\r\n", read);
  if (rest != std::string_view::npos)
    return syntax_error(json::make_error_code(json::error::extra_data), rest);
  return parser.handler().release();
}

}  // namespace kubus::codec
