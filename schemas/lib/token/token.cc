#include "schemas/lib/token/token.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "schemas/lib/codec/scalars.h"

namespace kubus::token {
namespace {

namespace json = boost::json;

constexpr int64_t kPatience = 60;

using Key = std::shared_ptr<EVP_PKEY>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

std::string encoded(std::string_view bytes) {
  std::string out = codec::base64(as_bytes(bytes));
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  out.erase(std::find(out.begin(), out.end(), '='), out.end());
  return out;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string padded(text);
  for (char& c : padded) {
    if (c == '+' || c == '/' || c == '=' || c == '\n') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  padded.resize((padded.size() + 3) / 4 * 4, '=');
  auto bytes = codec::from_base64(padded);
  if (!bytes) return std::nullopt;
  return std::string(bytes->begin(), bytes->end());
}

Result<Key> parse_key(std::string_view pem, bool secret) {
  auto read = [&](auto* function) {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    return function(bio.get(), nullptr, nullptr, nullptr);
  };
  EVP_PKEY* key = read(&PEM_read_bio_PrivateKey);
  if (!key && !secret) key = read(&PEM_read_bio_PUBKEY);
  ERR_clear_error();
  Key out(key, &EVP_PKEY_free);
  if (key && EVP_PKEY_base_id(key) == EVP_PKEY_RSA) return out;
  return Error(Code::kBadRequest, "the key of tokens is no RSA key in PEM");
}

std::string id_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return "";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(der, static_cast<size_t>(size), digest, &length, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  return encoded({reinterpret_cast<char*>(digest), length});
}

Error refused(const std::string& why) {
  return Error(Code::kUnauthorized, "the bearer token " + why);
}

std::optional<json::object> object_in(std::string_view text) {
  auto bytes = decoded(text);
  if (!bytes) return std::nullopt;
  boost::system::error_code code;
  json::value v = json::parse(*bytes, code);
  if (code || !v.is_object()) return std::nullopt;
  return std::move(v.as_object());
}

std::optional<int64_t> time_in(const json::object& claims, std::string_view name) {
  const json::value* v = claims.if_contains(name);
  if (v && v->is_int64()) return v->as_int64();
  return std::nullopt;
}

bool signed_by(EVP_PKEY* key, std::string_view text, std::string_view signature) {
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                       signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                       text.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

Result<Signer> Signer::from_pem(std::string_view pem) {
  auto key = parse_key(pem, true);
  if (!key) return key.error();
  Signer out;
  out.key_ = *key;
  out.id_ = id_of(key->get());
  return out;
}

Result<std::string> Signer::sign(const json::object& claims) const {
  json::object header{{"alg", "RS256"}, {"kid", id_}, {"typ", "JWT"}};
  std::string text = encoded(json::serialize(header)) + "." + encoded(json::serialize(claims));
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  std::vector<unsigned char> signature;
  bool good = EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) == 1;
  signature.resize(size);
  if (!good || EVP_DigestSign(context.get(), signature.data(), &size, data, text.size()) != 1) {
    ERR_clear_error();
    return Error(Code::kInternal, "the token could not be signed");
  }
  return text + "." + encoded({reinterpret_cast<char*>(signature.data()), size});
}

Result<Verifier> Verifier::from_pem(std::string_view pem) {
  auto key = parse_key(pem, false);
  if (!key) return key.error();
  Verifier out;
  out.key_ = *key;
  return out;
}

Result<json::object> Verifier::verify(std::string_view token, int64_t now) const {
  size_t first = token.find('.'), second = token.rfind('.');
  if (token.size() > kMostTokenBytes || first == std::string_view::npos || first == second)
    return refused("is no token of a service account");
  auto header = object_in(token.substr(0, first));
  const json::value* algorithm = header ? header->if_contains("alg") : nullptr;
  if (!algorithm || *algorithm != "RS256") return refused("is no token of a service account");
  auto signature = decoded(token.substr(second + 1));
  if (!signature || !signed_by(key_.get(), token.substr(0, second), *signature))
    return refused("was not signed by this cluster");
  auto claims = object_in(token.substr(first + 1, second - first - 1));
  if (!claims) return refused("is malformed");
  auto ends = time_in(*claims, "exp"), begins = time_in(*claims, "nbf");
  if (!ends || *ends <= now) return refused("has expired");
  if (begins && *begins > now + kPatience) return refused("is not valid yet");
  return *std::move(claims);
}

}  // namespace kubus::token
