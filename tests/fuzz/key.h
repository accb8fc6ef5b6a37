// An RSA key of this process, in PEM. Nothing depends on which it is.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <string>

namespace kubus::fuzz {

inline const std::string& key() {
  static const std::string kPem = [] {
    EVP_PKEY* key = EVP_RSA_gen(2048);
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<size_t>(size));
    BIO_free(bio);
    EVP_PKEY_free(key);
    return out;
  }();
  return kPem;
}

}  // namespace kubus::fuzz
