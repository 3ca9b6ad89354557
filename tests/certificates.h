// A certificate authority for tests: certificates for any name and time, with keys of their own.
// Only in TLS=1 builds.
#ifndef KUBEPULSE_TESTS_CERTIFICATES_H
#define KUBEPULSE_TESTS_CERTIFICATES_H

#include <arpa/inet.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include <string>
#include <vector>

#include "tests/check.h"

namespace kubepulse {

struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

class TestAuthority {
 public:
  TestAuthority() {
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&random_);
    ck_assert_int_eq(mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0),
                     0);
    mbedtls_pk_init(&key_);
    make_key(key_);
    certificate_ = sign(key_, {}, "20200101000000", "20991231235959", true);
  }
  ~TestAuthority() {
    mbedtls_pk_free(&key_);
    mbedtls_ctr_drbg_free(&random_);
    mbedtls_entropy_free(&entropy_);
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& certificate_pem() const { return certificate_; }

  // For these DNS names and addresses; the times as in "20991231235959".
  TestCertificate issue(const std::vector<std::string>& names,
                        const char* until = "20991231235959") {
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    make_key(key);
    TestCertificate issued{sign(key, names, "20200101000000", until, false), pem_of(key)};
    mbedtls_pk_free(&key);
    return issued;
  }

 private:
  void make_key(mbedtls_pk_context& key) {
    ck_assert_int_eq(mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
    ck_assert_int_eq(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key),
                                         mbedtls_ctr_drbg_random, &random_),
                     0);
  }

  static std::string pem_of(mbedtls_pk_context& key) {
    unsigned char text[2048];
    ck_assert_int_eq(mbedtls_pk_write_key_pem(&key, text, sizeof text), 0);
    return reinterpret_cast<char*>(text);
  }

  // DER of subjectAltName; all lengths are below 128.
  static std::string alternative_names(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) {
      unsigned char address[16];
      std::string value = name;
      char tag = '\x82';
      for (int family : {AF_INET, AF_INET6})
        if (inet_pton(family, name.c_str(), address) == 1) {
          value.assign(reinterpret_cast<char*>(address), family == AF_INET ? 4 : 16);
          tag = '\x87';
        }
      all += std::string{tag, static_cast<char>(value.size())} + value;
    }
    ck_assert(all.size() < 128);
    return std::string{'\x30', static_cast<char>(all.size())} + all;
  }

  std::string sign(mbedtls_pk_context& subject, const std::vector<std::string>& names,
                   const char* from, const char* until, bool authority) {
    mbedtls_x509write_cert made;
    mbedtls_x509write_crt_init(&made);
    mbedtls_mpi serial;
    mbedtls_mpi_init(&serial);
    mbedtls_mpi_lset(&serial, ++serial_);
    mbedtls_x509write_crt_set_version(&made, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&made, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_serial(&made, &serial);
    mbedtls_x509write_crt_set_subject_key(&made, &subject);
    mbedtls_x509write_crt_set_issuer_key(&made, &key_);
    bool ok = mbedtls_x509write_crt_set_issuer_name(&made, "CN=test authority") == 0 &&
              mbedtls_x509write_crt_set_subject_name(
                  &made, authority ? "CN=test authority" : "CN=test") == 0 &&
              mbedtls_x509write_crt_set_validity(&made, from, until) == 0 &&
              mbedtls_x509write_crt_set_basic_constraints(&made, authority ? 1 : 0, -1) == 0;
    std::string extension = alternative_names(names);
    if (!names.empty())
      ok = ok &&
           mbedtls_x509write_crt_set_extension(
               &made, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME),
               0, reinterpret_cast<const unsigned char*>(extension.data()), extension.size()) == 0;
    unsigned char pem[4096];
    ok = ok &&
         mbedtls_x509write_crt_pem(&made, pem, sizeof pem, mbedtls_ctr_drbg_random, &random_) == 0;
    ck_assert_msg(ok, "no certificate can be made");
    mbedtls_mpi_free(&serial);
    mbedtls_x509write_crt_free(&made);
    return reinterpret_cast<char*>(pem);
  }

  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context random_;
  mbedtls_pk_context key_;
  std::string certificate_;
  int serial_ = 0;
};

}  // namespace kubepulse

#endif
