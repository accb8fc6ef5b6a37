#include "schemas/lib/base/error_codes.h"

#include <array>

namespace kubus {
namespace {

struct Row {
  Code code;
  int http;
  std::string_view reason;
};

constexpr std::array kRows = {
    Row{Code::kBadRequest, 400, "BadRequest"},
    Row{Code::kUnauthorized, 401, "Unauthorized"},
    Row{Code::kForbidden, 403, "Forbidden"},
    Row{Code::kNotFound, 404, "NotFound"},
    Row{Code::kMethodNotAllowed, 405, "MethodNotAllowed"},
    Row{Code::kNotAcceptable, 406, "NotAcceptable"},
    Row{Code::kAlreadyExists, 409, "AlreadyExists"},
    Row{Code::kConflict, 409, "Conflict"},
    Row{Code::kExpired, 410, "Expired"},
    Row{Code::kTooLarge, 413, "RequestEntityTooLarge"},
    Row{Code::kUnsupportedMediaType, 415, "UnsupportedMediaType"},
    Row{Code::kInvalid, 422, "Invalid"},
    Row{Code::kTooManyRequests, 429, "TooManyRequests"},
    Row{Code::kInternal, 500, "InternalError"},
    Row{Code::kUnavailable, 503, "ServiceUnavailable"},
    Row{Code::kTimeout, 504, "Timeout"},
};

const Row& row(Code code) {
  return kRows[static_cast<size_t>(code)];
}

}  // namespace

int http_status(Code code) {
  return row(code).http;
}

std::string_view status_reason(Code code) {
  return row(code).reason;
}

Code code_of_reason(std::string_view reason) {
  for (const Row& r : kRows) {
    if (r.reason == reason) return r.code;
  }
  return Code::kInternal;
}

}  // namespace kubus
