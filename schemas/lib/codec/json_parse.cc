#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_stack.hpp>
#include <memory>
#include <set>
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
    frames_.push_back({false, 0, keys_.size(), nullptr});
    return true;
  }
  bool on_object_end(size_t n, error&) {
    size_t first = frames_.back().first_key;
    if (first < keys_.size()) chars_.resize(keys_[first].begin);
    keys_.resize(first);
    frames_.pop_back();
    stack_.push_object(n);
    return next();
  }
  bool on_array_begin(error&) {
    frames_.push_back({true, 0, keys_.size(), nullptr});
    return true;
  }
  bool on_array_end(size_t n, error&) {
    frames_.pop_back();
    stack_.push_array(n);
    return next();
  }
  bool on_key_part(json::string_view s, size_t, error&) {
    chars_.append(s.data(), s.size());
    stack_.push_chars(s);
    return true;
  }
  bool on_key(json::string_view s, size_t n, error&) {
    chars_.append(s.data(), s.size());
    stack_.push_key(s);
    note_key({chars_.size() - n, n});
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
  // A key of an object that is still open, as a part of chars_.
  struct Key {
    size_t begin, size;
  };
  struct Frame {
    bool array;
    size_t index;                                 // of the element, in an array
    size_t first_key;                             // in keys_
    std::unique_ptr<std::set<std::string>> many;  // the keys of an object that has many
  };

  bool next() {
    if (!frames_.empty()) ++frames_.back().index;
    return true;
  }

  std::string_view text(const Key& k) const {
    return std::string_view(chars_).substr(k.begin, k.size);
  }

  void note_key(const Key& key) {
    bool twice = seen(frames_.back(), text(key));
    keys_.push_back(key);
    if (twice) problems_->push_back({"duplicate field \"" + path() + "\"", ""});
  }

  // Few keys are compared one by one; an object made to be costly meets the set.
  bool seen(Frame& f, std::string_view key) {
    constexpr size_t kFew = 32;
    if (!f.many && keys_.size() - f.first_key >= kFew) {
      f.many = std::make_unique<std::set<std::string>>();
      for (size_t i = f.first_key; i < keys_.size(); ++i) f.many->emplace(text(keys_[i]));
    }
    if (f.many) return !f.many->emplace(key).second;
    for (size_t i = f.first_key; i < keys_.size(); ++i) {
      if (text(keys_[i]) == key) return true;
    }
    return false;
  }

  std::string path() const {
    std::string out;
    for (size_t i = 0; i < frames_.size(); ++i) {
      if (frames_[i].array) {
        out += "[" + std::to_string(frames_[i].index) + "]";
        continue;
      }
      size_t end = i + 1 < frames_.size() ? frames_[i + 1].first_key : keys_.size();
      if (!out.empty()) out += '.';
      out += text(keys_[end - 1]);
    }
    return out;
  }

  json::value_stack stack_;
  std::vector<Problem>* problems_;
  std::vector<Frame> frames_;
  std::vector<Key> keys_;
  std::string chars_;
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
