#include "schemas/lib/token/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace kubus::token {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

std::string key_pem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return out;
}

const std::string& key() {
  static const std::string kKey = key_pem(EVP_RSA_gen(2048));
  return kKey;
}

std::string signed_token(const json::object& claims) {
  return *Signer::from_pem(key())->sign(claims);
}

constexpr int64_t kNow = 1'790'000'000;

TEST(Token, WhatWasSignedIsReadBack) {
  auto claims = Verifier::from_pem(key())->verify(
      signed_token({{"sub", "system:serviceaccount:a:b"}, {"exp", kNow + 1}, {"nbf", kNow}}), kNow);
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(claims->at("sub"), "system:serviceaccount:a:b");
}

TEST(Token, ItsTimeEnds) {
  Verifier v = *Verifier::from_pem(key());
  std::string t = signed_token({{"exp", kNow}});
  EXPECT_TRUE(v.verify(t, kNow - 1));
  EXPECT_THAT(v.verify(t, kNow).error().message, HasSubstr("expired"));
  EXPECT_FALSE(v.verify(signed_token({{"sub", "no end"}}), kNow));
  EXPECT_THAT(
      v.verify(signed_token({{"exp", kNow + 900}, {"nbf", kNow + 61}}), kNow).error().message,
      HasSubstr("not valid yet"));
  EXPECT_TRUE(v.verify(signed_token({{"exp", kNow + 900}, {"nbf", kNow + 60}}), kNow));
}

TEST(Token, WhatWasChangedOrSignedByAnotherIsRefused) {
  Verifier v = *Verifier::from_pem(key());
  std::string t = signed_token({{"exp", kNow + 1}});
  for (size_t at : {size_t{0}, t.find('.') + 1, t.rfind('.') + 1, t.rfind('.') + 100}) {
    std::string changed = t;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(v.verify(changed, kNow)) << at;
  }
  Signer other = *Signer::from_pem(key_pem(EVP_RSA_gen(2048)));
  auto refused = v.verify(*other.sign({{"exp", kNow + 1}}), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnauthorized);
}

TEST(Token, OtherAlgorithmsAreRefused) {
  Verifier v = *Verifier::from_pem(key());
  // {"alg":"none"} and {"alg":"HS256"}
  EXPECT_FALSE(v.verify("eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.", kNow));
  EXPECT_FALSE(v.verify("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjk5OTk5OTk5OTl9.AAAA", kNow));
}

TEST(Token, RubbishIsRefused) {
  Verifier v = *Verifier::from_pem(key());
  for (const char* t : {"", ".", "..", "a.b", "a.b.c", "\xff.\xff.\xff", "....", "=.=.="})
    EXPECT_FALSE(v.verify(t, kNow)) << t;
  EXPECT_FALSE(v.verify(std::string(1 << 20, 'a') + ".a.a", kNow));
}

TEST(Token, OnlyAnRsaKeyServes) {
  EXPECT_FALSE(Signer::from_pem("rubbish"));
  EXPECT_FALSE(Verifier::from_pem(""));
  EXPECT_FALSE(Signer::from_pem(key_pem(EVP_EC_gen("P-256"))));
}

}  // namespace
}  // namespace kubus::token
