#include "cli/cluster/pki.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

namespace kubus::cli {
namespace {

template <auto F>
struct Free {
  template <class T>
  void operator()(T* p) const {
    F(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;

Error openssl_error(const std::string& what) {
  char text[160] = "no detail";
  if (unsigned long e = ERR_get_error()) ERR_error_string_n(e, text, sizeof text);
  ERR_clear_error();
  return Error(Code::kInternal, what + ": " + text);
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string pem_of(X509* certificate) {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return text_of(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

// A certificate with serial, validity, subject and key set; not yet signed.
Certificate blank(const std::string& common_name, const std::vector<std::string>& organizations,
                  int64_t now, int days, EVP_PKEY* key) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  uint64_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), (serial >> 1) | 1);
  constexpr int64_t kClockSlack = 3600;  // other machines' clocks may be behind
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), now - kClockSlack);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), now + int64_t{days} * 86400);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  for (const std::string& o : organizations) add_name(name, "O", o);
  add_name(name, "CN", common_name);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

std::string alternative_names(const CertificateRequest& request) {
  std::string out;
  for (const std::string& d : request.dns_names) out += (out.empty() ? "DNS:" : ",DNS:") + d;
  for (const std::string& ip : request.ip_addresses) out += (out.empty() ? "IP:" : ",IP:") + ip;
  return out;
}

Certificate parse_certificate(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Key parse_key(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

Result<KeyPair> make_authority(const std::string& common_name, int64_t now) {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("cannot make a key for the cluster's CA");
  constexpr int kTenYears = 3650;
  Certificate certificate = blank(common_name, {}, now, kTenYears, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  if (!add_extension(certificate.get(), certificate.get(), NID_basic_constraints,
                     "critical,CA:TRUE") ||
      !add_extension(certificate.get(), certificate.get(), NID_key_usage,
                     "critical,digitalSignature,keyCertSign,cRLSign") ||
      !add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash") ||
      X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
    return openssl_error("cannot sign the cluster's CA certificate");
  }
  return KeyPair{pem_of(certificate.get()), pem_of(key.get())};
}

Result<KeyPair> issue(const KeyPair& authority, const CertificateRequest& request) {
  Certificate ca = parse_certificate(authority.certificate_pem);
  Key ca_key = parse_key(authority.key_pem);
  if (!ca || !ca_key) return openssl_error("the cluster's CA is unreadable");
  Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("cannot make a key for " + request.common_name);
  Certificate certificate = blank(request.common_name, request.organizations,
                                  request.now_unix_seconds, request.days, key.get());
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(ca.get()));
  std::string names = alternative_names(request);
  bool extended =
      add_extension(certificate.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(certificate.get(), ca.get(), NID_key_usage, "critical,digitalSignature") &&
      add_extension(certificate.get(), ca.get(), NID_ext_key_usage,
                    request.server ? "serverAuth" : "clientAuth") &&
      add_extension(certificate.get(), ca.get(), NID_authority_key_identifier, "keyid") &&
      (names.empty() || add_extension(certificate.get(), ca.get(), NID_subject_alt_name, names));
  if (!extended || X509_sign(certificate.get(), ca_key.get(), EVP_sha256()) == 0) {
    return openssl_error("cannot issue a certificate for " + request.common_name);
  }
  return KeyPair{pem_of(certificate.get()), pem_of(key.get())};
}

bool covers(const std::string& certificate_pem, const CertificateRequest& request) {
  Certificate c = parse_certificate(certificate_pem);
  if (!c) return false;
  auto named = [&](const std::string& d) {
    return X509_check_host(c.get(), d.data(), d.size(), 0, nullptr) == 1;
  };
  auto located = [&](const std::string& ip) {
    return X509_check_ip_asc(c.get(), ip.c_str(), 0) == 1;
  };
  return std::all_of(request.dns_names.begin(), request.dns_names.end(), named) &&
         std::all_of(request.ip_addresses.begin(), request.ip_addresses.end(), located);
}

Result<KeyPair> make_signing_key() {
  constexpr unsigned kBits = 2048;
  Key key(EVP_RSA_gen(kBits));
  if (!key) return openssl_error("cannot make a key for tokens");
  Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key.get());
  return KeyPair{text_of(bio.get()), pem_of(key.get())};
}

}  // namespace kubus::cli
