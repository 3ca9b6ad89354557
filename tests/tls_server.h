// A TLS server for tests: one connection at a time, blocking. Only in TLS=1 builds.
#ifndef KUBEPULSE_TESTS_TLS_SERVER_H
#define KUBEPULSE_TESTS_TLS_SERVER_H

#include <mbedtls/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "tests/certificates.h"

namespace kubepulse {

class TlsServer {
 public:
  // `clients_pem`: who must have signed the certificate of a client; "": none is asked for.
  TlsServer(const TestCertificate& own, const std::string& clients_pem) {
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&random_);
    mbedtls_ssl_config_init(&config_);
    mbedtls_ssl_init(&ssl_);
    mbedtls_x509_crt_init(&own_);
    mbedtls_x509_crt_init(&clients_);
    mbedtls_pk_init(&key_);
    bool ok =
        mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0) == 0 &&
        mbedtls_x509_crt_parse(&own_, bytes(own.certificate_pem), own.certificate_pem.size() + 1) ==
            0 &&
        mbedtls_pk_parse_key(&key_, bytes(own.key_pem), own.key_pem.size() + 1, nullptr, 0) == 0 &&
        mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) == 0 &&
        mbedtls_ssl_conf_own_cert(&config_, &own_, &key_) == 0;
    mbedtls_ssl_conf_rng(&config_, mbedtls_ctr_drbg_random, &random_);
    if (!clients_pem.empty()) {
      ok = ok && mbedtls_x509_crt_parse(&clients_, bytes(clients_pem), clients_pem.size() + 1) == 0;
      mbedtls_ssl_conf_ca_chain(&config_, &clients_, nullptr);
      mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
    ck_assert_msg(ok && mbedtls_ssl_setup(&ssl_, &config_) == 0, "no TLS server can be made");
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  bool shake_hands(int fd) {
    fd_ = fd;
    mbedtls_ssl_set_bio(&ssl_, this, send_bytes, receive_bytes, nullptr);
    return mbedtls_ssl_handshake(&ssl_) == 0;
  }
  bool say(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
      int sent = mbedtls_ssl_write(&ssl_, bytes(text) + at, text.size() - at);
      if (sent <= 0) return false;
      at += static_cast<size_t>(sent);
    }
    return true;
  }
  // Until an empty line.
  std::string hear() {
    std::string text;
    unsigned char piece[4096];
    while (text.find("\r\n\r\n") == text.npos) {
      int size = mbedtls_ssl_read(&ssl_, piece, sizeof piece);
      if (size <= 0) break;
      text.append(reinterpret_cast<char*>(piece), static_cast<size_t>(size));
    }
    return text;
  }
  void end() { mbedtls_ssl_close_notify(&ssl_); }

 private:
  static const unsigned char* bytes(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.c_str());
  }
  static int send_bytes(void* self, const unsigned char* from, size_t size) {
    return static_cast<int>(send(static_cast<TlsServer*>(self)->fd_, from, size, MSG_NOSIGNAL));
  }
  static int receive_bytes(void* self, unsigned char* into, size_t size) {
    return static_cast<int>(recv(static_cast<TlsServer*>(self)->fd_, into, size, 0));
  }

  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context random_;
  mbedtls_ssl_config config_;
  mbedtls_ssl_context ssl_;
  mbedtls_x509_crt own_, clients_;
  mbedtls_pk_context key_;
  int fd_ = -1;
};

}  // namespace kubepulse

#endif
