// The cluster's own certificate authority: P-256 keys, X.509 v3, PEM. Pure but for OpenSSL's
// randomness and the time given.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"

namespace kubus::cli {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

struct CertificateRequest {
  std::string common_name;                 // the API's user name
  std::vector<std::string> organizations;  // its groups
  std::vector<std::string> dns_names;      // servers only
  std::vector<std::string> ip_addresses;
  bool server = false;  // serverAuth, else clientAuth
  int64_t now_unix_seconds = 0;
  int days = 3650;
};

Result<KeyPair> make_authority(const std::string& common_name, int64_t now_unix_seconds);
// Whether the certificate is good for every name and address that the request asks for.
bool covers(const std::string& certificate_pem, const CertificateRequest& request);
// A 2048 bit RSA key for signing tokens: the private key, and in certificate_pem the public one.
Result<KeyPair> make_signing_key();
// kInternal if OpenSSL refuses (a malformed CA, an address that is none).
Result<KeyPair> issue(const KeyPair& authority, const CertificateRequest& request);

}  // namespace kubus::cli
