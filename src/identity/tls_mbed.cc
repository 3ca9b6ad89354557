#ifdef KUBEPULSE_TLS
#include <arpa/inet.h>
#include <mbedtls/asn1.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <strings.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "identity/tls.h"

namespace kubepulse {

namespace {

using Bytes = std::basic_string_view<unsigned char>;

std::string error_text(int error) {
  char text[160];
  mbedtls_strerror(error, text, sizeof text);
  return text;
}

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// A star stands for one whole label, the first (RFC 6125 section 6.4.3).
bool matches_dns(std::string_view in_certificate, std::string_view name) {
  if (same_name(in_certificate, name)) return true;
  size_t dot = name.find('.');
  return in_certificate.substr(0, 2) == "*." && dot != name.npos && dot != 0 &&
         same_name(in_certificate.substr(1), name.substr(dot));
}

// As it stands in a certificate: 4 or 16 bytes; empty where `name` is no address.
std::string address_bytes(const std::string& name) {
  unsigned char bytes[16];
  if (inet_pton(AF_INET, name.c_str(), bytes) == 1) return {reinterpret_cast<char*>(bytes), 4};
  if (inet_pton(AF_INET6, name.c_str(), bytes) == 1) return {reinterpret_cast<char*>(bytes), 16};
  return {};
}

// The next element of DER: its tag, and what it holds; false: there is none.
bool next_element(Bytes& rest, int& tag, Bytes& content) {
  if (rest.empty()) return false;
  auto* at = const_cast<unsigned char*>(rest.data());
  const unsigned char* end = at + rest.size();
  tag = *at;
  size_t size = 0;
  if (mbedtls_asn1_get_tag(&at, end, &size, tag) != 0) return false;
  content = {at, size};
  rest = {at + size, static_cast<size_t>(end - at) - size};
  return true;
}

// What stands in the extension subjectAltName (RFC 5280 section 4.2.1.6), a SEQUENCE of names;
// empty where there is none. mbedTLS 2.28 itself keeps no addresses.
Bytes alternative_names(const mbedtls_x509_crt* certificate) {
  constexpr std::string_view kOid = MBEDTLS_OID_SUBJECT_ALT_NAME;
  Bytes rest{certificate->v3_ext.p, certificate->v3_ext.len}, extensions, extension, oid, value;
  int tag = 0;
  if (!next_element(rest, tag, extensions)) return {};
  while (next_element(extensions, tag, extension)) {
    if (!next_element(extension, tag, oid) || as_text(oid) != kOid) continue;
    while (next_element(extension, tag, value)) {
      if (tag != MBEDTLS_ASN1_OCTET_STRING) continue;  // the flag "critical"
      Bytes names;
      return next_element(value, tag, names) ? names : Bytes{};
    }
  }
  return {};
}

bool has_name(const mbedtls_x509_crt* certificate, const std::string& name) {
  constexpr int kDns = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME;
  constexpr int kAddress = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS;
  std::string address = address_bytes(name);
  Bytes names = alternative_names(certificate), content;
  int tag = 0;
  while (next_element(names, tag, content)) {
    if (!address.empty() ? tag == kAddress && as_text(content) == address
                         : tag == kDns && matches_dns(as_text(content), name))
      return true;
  }
  return false;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : " or ") + name;
  return text;
}

class MbedStream;

class MbedTls : public Tls {
 public:
  explicit MbedTls(const TlsSettings& settings)
      : names_(settings.names), insecure_(settings.insecure) {
    mbedtls_ssl_config_init(&config_);
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&random_);
    mbedtls_x509_crt_init(&authorities_);
    mbedtls_x509_crt_init(&own_);
    mbedtls_pk_init(&key_);
  }
  ~MbedTls() override {
    mbedtls_ssl_config_free(&config_);
    mbedtls_pk_free(&key_);
    mbedtls_x509_crt_free(&own_);
    mbedtls_x509_crt_free(&authorities_);
    mbedtls_ctr_drbg_free(&random_);
    mbedtls_entropy_free(&entropy_);
  }
  MbedTls(const MbedTls&) = delete;
  MbedTls& operator=(const MbedTls&) = delete;

  Status set_up(const TlsSettings& settings) {
    int error = mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0);
    if (error == 0)
      error = mbedtls_ssl_config_defaults(&config_, MBEDTLS_SSL_IS_CLIENT,
                                          MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (error != 0) return Status::error("TLS: " + error_text(error));
    mbedtls_ssl_conf_rng(&config_, mbedtls_ctr_drbg_random, &random_);
    mbedtls_ssl_conf_min_version(&config_, MBEDTLS_SSL_MAJOR_VERSION_3,
                                 MBEDTLS_SSL_MINOR_VERSION_3);
    Status status = trust(settings);
    return status.ok() ? identify(settings) : std::move(status);
  }

  std::unique_ptr<Stream> stream(int fd) override;

 private:
  friend class MbedStream;

  // PEM is read with its terminating zero (mbedtls_x509_crt_parse).
  static int parse(mbedtls_x509_crt* into, const std::string& pem) {
    return mbedtls_x509_crt_parse(into, reinterpret_cast<const unsigned char*>(pem.c_str()),
                                  pem.size() + 1);
  }

  Status trust(const TlsSettings& settings) {
    if (settings.insecure) {
      mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_NONE);
      return {};
    }
    if (settings.ca_pem.empty()) return Status::error("no CA certificate to hold the peer against");
    // Above 0: so many of a bundle were not understood, the others are.
    if (int error = parse(&authorities_, settings.ca_pem); error < 0)
      return Status::error("the CA certificate: " + error_text(error));
    mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&config_, &authorities_, nullptr);
    mbedtls_ssl_conf_verify(&config_, check_names, this);
    return {};
  }

  Status identify(const TlsSettings& settings) {
    if (settings.certificate_pem.empty() && settings.key_pem.empty()) return {};
    if (int error = parse(&own_, settings.certificate_pem); error != 0)
      return Status::error("our certificate: " +
                           (error < 0 ? error_text(error) : "a part is malformed"));
    const auto* key = reinterpret_cast<const unsigned char*>(settings.key_pem.c_str());
    if (int error = mbedtls_pk_parse_key(&key_, key, settings.key_pem.size() + 1, nullptr, 0);
        error != 0)
      return Status::error("the key of our certificate: " + error_text(error));
    if (mbedtls_pk_check_pair(&own_.pk, &key_) != 0)
      return Status::error("the key is not that of our certificate");
    if (int error = mbedtls_ssl_conf_own_cert(&config_, &own_, &key_); error != 0)
      return Status::error("our certificate: " + error_text(error));
    return {};
  }

  // Called for each certificate of the chain, the peer's own with depth 0.
  static int check_names(void* self, mbedtls_x509_crt* certificate, int depth, uint32_t* flags) {
    if (depth != 0) return 0;
    *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    for (const std::string& name : static_cast<MbedTls*>(self)->names_)
      if (has_name(certificate, name)) *flags &= ~uint32_t{MBEDTLS_X509_BADCERT_CN_MISMATCH};
    return 0;
  }

  mbedtls_ssl_config config_;
  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context random_;
  mbedtls_x509_crt authorities_;
  mbedtls_x509_crt own_;
  mbedtls_pk_context key_;
  std::vector<std::string> names_;
  bool insecure_;
};

class MbedStream : public Stream {
 public:
  MbedStream(MbedTls& tls, int fd) : tls_(tls), fd_(fd) { mbedtls_ssl_init(&ssl_); }
  ~MbedStream() override {
    mbedtls_ssl_close_notify(&ssl_);  // once; nobody waits for it
    mbedtls_ssl_free(&ssl_);
  }
  MbedStream(const MbedStream&) = delete;
  MbedStream& operator=(const MbedStream&) = delete;

  StreamStep shake_hands() override {
    if (int error = begin(); error != 0) return failed("TLS", error);
    int result = mbedtls_ssl_handshake(&ssl_);
    if (result == 0) return {};
    if (is_wait(result)) return wait(result);
    if (result != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) return failed("TLS handshake", result);
    return {StreamStep::Kind::failed, 0, Status::error(distrust())};
  }

  StreamStep read(char* bytes, size_t size) override {
    return outcome(mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(bytes), size));
  }
  // After a wait, mbedTLS wants the same bytes again, which is what a writer has to send next.
  StreamStep write(const char* bytes, size_t size) override {
    return outcome(mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(bytes), size));
  }

 private:
  int begin() {
    if (begun_) return 0;
    begun_ = true;
    if (int error = mbedtls_ssl_setup(&ssl_, &tls_.config_); error != 0) return error;
    mbedtls_ssl_set_bio(&ssl_, this, send_bytes, receive_bytes, nullptr);
    bool has_name = !tls_.names_.empty() && address_bytes(tls_.names_.front()).empty();
    return has_name ? mbedtls_ssl_set_hostname(&ssl_, tls_.names_.front().c_str()) : 0;
  }

  static int send_bytes(void* self, const unsigned char* bytes, size_t size) {
    ssize_t sent =
        send(static_cast<MbedStream*>(self)->fd_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<int>(sent);
    return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE
                                             : MBEDTLS_ERR_NET_SEND_FAILED;
  }
  static int receive_bytes(void* self, unsigned char* bytes, size_t size) {
    ssize_t got = recv(static_cast<MbedStream*>(self)->fd_, bytes, size, MSG_DONTWAIT);
    if (got >= 0) return static_cast<int>(got);
    return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ
                                             : MBEDTLS_ERR_NET_RECV_FAILED;
  }

  static bool is_wait(int result) {
    return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE;
  }
  static StreamStep wait(int result) {
    bool reads = result == MBEDTLS_ERR_SSL_WANT_READ;
    return {reads ? StreamStep::Kind::wait_read : StreamStep::Kind::wait_write, 0, {}};
  }
  static StreamStep failed(const char* what, int error) {
    return {StreamStep::Kind::failed, 0, Status::error(what + (": " + error_text(error)))};
  }
  // An end without close_notify is one, too: whether the answer is whole is seen by its length.
  static StreamStep outcome(int result) {
    if (result > 0) return {StreamStep::Kind::moved, static_cast<size_t>(result), {}};
    if (is_wait(result)) return wait(result);
    bool closed = result == 0 || result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ||
                  result == MBEDTLS_ERR_SSL_CONN_EOF;
    return closed ? StreamStep{StreamStep::Kind::closed, 0, {}} : failed("TLS", result);
  }

  // "the peer's certificate is not to be trusted: it has expired; ..."
  std::string distrust() const {
    uint32_t flags = mbedtls_ssl_get_verify_result(&ssl_);
    std::string text = "the peer's certificate is not to be trusted:";
    if ((flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0) text += " it has expired;";
    if ((flags & MBEDTLS_X509_BADCERT_FUTURE) != 0) text += " it is not valid yet;";
    if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0)
      text += " it is not for " + joined(tls_.names_) + ";";
    if ((flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) text += " the CA has not signed it;";
    constexpr uint32_t kTold = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE |
                               MBEDTLS_X509_BADCERT_CN_MISMATCH | MBEDTLS_X509_BADCERT_NOT_TRUSTED;
    if ((flags & ~kTold) != 0) text += " its keys or signatures are too weak, or not for this use;";
    text.pop_back();
    return text;
  }

  MbedTls& tls_;
  int fd_;
  bool begun_ = false;
  mbedtls_ssl_context ssl_;
};

std::unique_ptr<Stream> MbedTls::stream(int fd) {
  return std::make_unique<MbedStream>(*this, fd);
}

}  // namespace

Result<std::unique_ptr<Tls>> Tls::make(const TlsSettings& settings) {
  auto tls = std::make_unique<MbedTls>(settings);
  if (Status status = tls->set_up(settings); !status.ok()) return status;
  return std::unique_ptr<Tls>(std::move(tls));
}

bool tls_is_built_in() {
  return true;
}

}  // namespace kubepulse
#endif
