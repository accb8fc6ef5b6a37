#include <boost/json/serialize.hpp>

#include "schemas/lib/validation/validation.h"

namespace kubus::validation {
namespace {

// Long values are cut: a message is for people.
std::string shown(const json::value& value) {
  constexpr size_t kMost = 200;
  std::string text = json::serialize(value);
  if (text.size() > kMost) text = text.substr(0, kMost) + "…";
  return text;
}

std::string with(std::string text, std::string_view detail) {
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

}  // namespace

void FieldErrors::required(std::string field, std::string_view detail) {
  causes_.push_back({"FieldValueRequired", with("Required value", detail), std::move(field)});
}

void FieldErrors::invalid(std::string field, const json::value& value, std::string_view detail) {
  causes_.push_back(
      {"FieldValueInvalid", with("Invalid value: " + shown(value), detail), std::move(field)});
}

void FieldErrors::not_supported(std::string field, const json::value& value,
                                const std::vector<std::string>& allowed) {
  std::string detail;
  for (const std::string& a : allowed)
    detail += (detail.empty() ? "supported values: \"" : ", \"") + a + '"';
  causes_.push_back({"FieldValueNotSupported", with("Unsupported value: " + shown(value), detail),
                     std::move(field)});
}

void FieldErrors::forbidden(std::string field, std::string_view detail) {
  causes_.push_back({"FieldValueForbidden", with("Forbidden", detail), std::move(field)});
}

void FieldErrors::duplicate(std::string field, const json::value& value) {
  causes_.push_back({"FieldValueDuplicate", "Duplicate value: " + shown(value), std::move(field)});
}

void FieldErrors::not_found(std::string field, const json::value& value) {
  causes_.push_back({"FieldValueNotFound", "Not found: " + shown(value), std::move(field)});
}

void FieldErrors::too_long(std::string field, size_t most) {
  causes_.push_back({"FieldValueTooLong",
                     "Too long: at most " + std::to_string(most) + " bytes are allowed",
                     std::move(field)});
}

void FieldErrors::too_many(std::string field, size_t have, size_t most) {
  causes_.push_back({"FieldValueTooMany",
                     "Too many: " + std::to_string(have) + ": at most " + std::to_string(most) +
                         " items are allowed",
                     std::move(field)});
}

void FieldErrors::type_invalid(std::string field, const json::value& value,
                               std::string_view detail) {
  causes_.push_back(
      {"FieldValueTypeInvalid", with("Invalid value: " + shown(value), detail), std::move(field)});
}

Error FieldErrors::error(std::string_view kind, std::string_view name) const {
  std::string message = std::string(kind) + " \"" + std::string(name) + "\" is invalid: ";
  if (causes_.size() > 1) message += '[';
  for (size_t i = 0; i < causes_.size(); ++i) {
    message += (i == 0 ? "" : ", ") + causes_[i].field + ": " + causes_[i].message;
  }
  if (causes_.size() > 1) message += ']';
  return Error(Code::kInvalid, std::move(message), causes_);
}

}  // namespace kubus::validation
