// Errors are values. Every fallible call returns Result<T>; no exception crosses a component's
// boundary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kubus {

// What went wrong, in the vocabulary of the Kubernetes API. error_codes.h maps each to its HTTP
// status and reason.
enum class Code : uint8_t {
  kBadRequest,    // malformed input, strict decoding errors
  kUnauthorized,  // who are you
  kForbidden,     // you may not
  kNotFound,
  kMethodNotAllowed,
  kNotAcceptable,
  kAlreadyExists,
  kConflict,  // a precondition did not hold, a fenced leader, an apply conflict
  kExpired,   // the revision asked for is compacted (410)
  kTooLarge,
  kUnsupportedMediaType,
  kInvalid,  // the object breaks its kind's rules (422)
  kTooManyRequests,
  kInternal,
  kUnavailable,  // nobody serves this now; try again
  kTimeout,      // the deadline passed; the outcome may be unknown
};

// One reason of an Error, as in Status.details.causes.
struct Cause {
  std::string reason;  // "FieldValueRequired", "FieldManagerConflict", …
  std::string message;
  std::string field;  // "spec.containers[0].image"

  friend bool operator==(const Cause&, const Cause&) = default;
};

struct Error {
  Code code = Code::kInternal;
  std::string message;
  std::vector<Cause> causes;
  std::optional<int> retry_after_seconds;

  Error() = default;
  Error(Code c, std::string m) : code(c), message(std::move(m)) {}
  Error(Code c, std::string m, std::vector<Cause> why)
      : code(c), message(std::move(m)), causes(std::move(why)) {}
};

// Either a T or an Error. Asking for the one that is not there is a broken invariant and aborts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return v_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(v_); }
  const T& value() const& { return std::get<0>(v_); }
  T&& value() && { return std::get<0>(std::move(v_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return std::get<1>(v_); }
  const Error& error() const& { return std::get<1>(v_); }
  Error&& error() && { return std::get<1>(std::move(v_)); }

 private:
  std::variant<T, Error> v_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace kubus
