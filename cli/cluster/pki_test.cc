#include "cli/cluster/pki.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace kubus::cli {
namespace {

constexpr int64_t kNow = 1'700'000'000;

std::shared_ptr<X509> certificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* c = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return {c, X509_free};
}

TEST(Pki, AnIssuedCertificateVerifiesAgainstItsAuthorityOnly) {
  auto a = make_authority("a", kNow);
  auto b = make_authority("b", kNow);
  ASSERT_TRUE(a && b);
  auto leaf = issue(
      *a, {.common_name = "admin", .organizations = {"system:masters"}, .now_unix_seconds = kNow});
  ASSERT_TRUE(leaf);
  auto cert = certificate(leaf->certificate_pem);
  EXPECT_EQ(X509_verify(cert.get(), X509_get0_pubkey(certificate(a->certificate_pem).get())), 1);
  EXPECT_EQ(X509_verify(cert.get(), X509_get0_pubkey(certificate(b->certificate_pem).get())), 0);
}

TEST(Pki, AServerCertificateNamesItsHosts) {
  auto ca = make_authority("ca", kNow);
  ASSERT_TRUE(ca);
  auto leaf = issue(*ca, {.common_name = "gateway",
                          .dns_names = {"localhost"},
                          .ip_addresses = {"127.0.0.1"},
                          .server = true,
                          .now_unix_seconds = kNow});
  ASSERT_TRUE(leaf);
  auto cert = certificate(leaf->certificate_pem);
  EXPECT_EQ(X509_check_host(cert.get(), "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(cert.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_host(cert.get(), "elsewhere", 0, 0, nullptr), 0);
}

TEST(Pki, AMalformedAddressIsRefused) {
  auto ca = make_authority("ca", kNow);
  ASSERT_TRUE(ca);
  auto leaf = issue(*ca, {.common_name = "gateway",
                          .ip_addresses = {"not-an-address"},
                          .server = true,
                          .now_unix_seconds = kNow});
  EXPECT_FALSE(leaf.ok());
}

TEST(Pki, ACertificateCoversTheNamesThatItWasMadeFor) {
  auto ca = make_authority("ca", kNow);
  CertificateRequest request{.common_name = "gateway",
                             .dns_names = {"localhost", "kubernetes.default.svc"},
                             .ip_addresses = {"127.0.0.1", "192.0.2.7"},
                             .server = true,
                             .now_unix_seconds = kNow};
  std::string pem = issue(*ca, request)->certificate_pem;
  EXPECT_TRUE(covers(pem, request));
  request.ip_addresses.push_back("192.0.2.8");
  EXPECT_FALSE(covers(pem, request));
  request.ip_addresses = {};
  request.dns_names = {"kubernetes"};
  EXPECT_FALSE(covers(pem, request));
  EXPECT_FALSE(covers("rubbish", {}));
}

TEST(Pki, ASigningKeyIsAnRsaPair) {
  auto pair = make_signing_key();
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->certificate_pem.rfind("-----BEGIN PUBLIC KEY-----", 0), 0u);
  EXPECT_EQ(pair->key_pem.rfind("-----BEGIN PRIVATE KEY-----", 0), 0u);
}

TEST(Pki, AnUnreadableAuthorityIsAnError) {
  EXPECT_FALSE(issue({"garbage", "garbage"}, {.common_name = "x", .now_unix_seconds = kNow}).ok());
}

}  // namespace
}  // namespace kubus::cli
