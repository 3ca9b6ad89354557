// TLS as a client, by mbedTLS. Only `make TLS=1` builds have it: in the others make() says so.
#ifndef KUBEPULSE_IDENTITY_TLS_H
#define KUBEPULSE_IDENTITY_TLS_H

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "identity/stream.h"

namespace kubepulse {

struct TlsSettings {
  std::string ca_pem;           // who may sign the peer's certificate
  std::string certificate_pem;  // our own, with what signs it; "": none
  std::string key_pem;          // of that
  // One of these, a DNS name or an IP address each, must stand in the peer's certificate
  // (subjectAltName). The first, if it is a name, is what we ask for (SNI).
  std::vector<std::string> names;
  bool insecure = false;  // whoever answers is believed
};

class Tls {
 public:
  // What is wrong with the settings, by name. TLS 1.2: mbedTLS 2.28 has no later one.
  static Result<std::unique_ptr<Tls>> make(const TlsSettings& settings);
  virtual ~Tls() = default;
  // `fd` is not owned; this outlives the stream.
  virtual std::unique_ptr<Stream> stream(int fd) = 0;
};

bool tls_is_built_in();

}  // namespace kubepulse

#endif
