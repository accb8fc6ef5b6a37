// JSON web tokens signed with RS256: those of service accounts, made by the store and verified by
// gateways. Pure; no exception leaves.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "schemas/lib/base/result.h"

struct evp_pkey_st;

namespace kubus::token {

constexpr size_t kMostTokenBytes = 16 << 10;

// Where the tokens of a cluster come from, and whom they convince if nobody else is named.
constexpr const char* kIssuer = "https://kubernetes.default.svc.cluster.local";

class Signer {
 public:
  // kBadRequest: no RSA key in PEM.
  static Result<Signer> from_pem(std::string_view pem);
  Result<std::string> sign(const boost::json::object& claims) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::string id_;
};

class Verifier {
 public:
  // Takes the public key, or the private one. kBadRequest as above.
  static Result<Verifier> from_pem(std::string_view pem);
  // The claims of a token whose signature is good and whose time it is, with a minute's patience
  // for clocks that are ahead. kUnauthorized says what is wrong. Audience and issuer are the
  // caller's to look at.
  Result<boost::json::object> verify(std::string_view token, int64_t now_unix_seconds) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace kubus::token
