#include "services/gateway/api/answers.h"

#include <openssl/evp.h>

#include <boost/json.hpp>

#include "schemas/lib/base/error_codes.h"

namespace kubus::gateway {
namespace {

namespace json = boost::json;

std::string entity_tag(const std::string& body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(body.data(), body.size(), digest, &size, EVP_sha256(), nullptr);
  static const char* kHex = "0123456789ABCDEF";
  std::string out = "\"";
  for (unsigned i = 0; i < size; ++i) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  return out + "\"";
}

}  // namespace

json::object status_of(const Error& error, const ResourcePath& path) {
  json::object details;
  if (path.kind) {
    if (!path.name.empty()) details["name"] = path.name;
    if (!path.kind->group.empty()) details["group"] = path.kind->group;
    details["kind"] = error.code == Code::kInvalid ? path.kind->kind : path.kind->resource;
  }
  json::array causes;
  for (const Cause& c : error.causes) {
    json::object cause{{"reason", c.reason}, {"message", c.message}};
    if (!c.field.empty()) cause["field"] = c.field;
    causes.push_back(std::move(cause));
  }
  if (!causes.empty()) details["causes"] = std::move(causes);
  if (error.retry_after_seconds) details["retryAfterSeconds"] = *error.retry_after_seconds;
  json::object status{{"kind", "Status"},           {"apiVersion", "v1"},
                      {"metadata", json::object()}, {"status", "Failure"},
                      {"message", error.message},   {"reason", status_reason(error.code)}};
  if (!details.empty()) status["details"] = std::move(details);
  status["code"] = http_status(error.code);
  return status;
}

void answer_error(Exchange& exchange, const Error& error, const ResourcePath& path) {
  Headers headers;
  if (error.retry_after_seconds)
    headers.emplace_back("Retry-After", std::to_string(*error.retry_after_seconds));
  answer_json(exchange, http_status(error.code), json::serialize(status_of(error, path)),
              std::move(headers));
}

void answer_json(Exchange& exchange, int status, std::string body, Headers headers) {
  exchange.respond(status, "application/json", std::move(body), std::move(headers));
}

void answer_text(Exchange& exchange, int status, std::string text) {
  exchange.respond(status, "text/plain; charset=utf-8", std::move(text), {});
}

void answer_cacheable(Exchange& exchange, std::string_view content_type, const std::string& body) {
  std::string tag = entity_tag(body);
  Headers headers{{"ETag", tag}, {"Vary", "Accept"}, {"Cache-Control", "public"}};
  if (exchange.request().header("if-none-match") == tag)
    return exchange.respond(304, "", "", std::move(headers));
  exchange.respond(200, content_type, body, std::move(headers));
}

}  // namespace kubus::gateway
