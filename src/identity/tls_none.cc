#ifndef KUBEPULSE_TLS
#include "identity/tls.h"

namespace kubepulse {

Result<std::unique_ptr<Tls>> Tls::make(const TlsSettings&) {
  return Status::error("this build has no TLS; take one made with `make TLS=1`");
}

bool tls_is_built_in() {
  return false;
}

}  // namespace kubepulse
#endif
