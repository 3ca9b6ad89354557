// How it went to ask a kubelet or an API server.
#ifndef KUBEPULSE_IDENTITY_SERVER_OUTCOME_H
#define KUBEPULSE_IDENTITY_SERVER_OUTCOME_H

#include <cstdint>
#include <string>

namespace kubepulse {

// Of several who were asked in vain the one that came furthest is told: the last of these.
struct ServerOutcome {
  enum class Kind : uint8_t {
    good,
    unreachable,  // no address, no connection
    credentials,  // a file cannot be read, or what is in it is not to be used
    tls,          // no handshake, or a certificate that is not to be trusted
    bad_answer,   // broken off, hanging, too long, not what was asked for
    http_status,  // any but those below
    unauthorized,
    forbidden,
  };
  Kind kind = Kind::good;
  std::string url;     // who was asked; "": nobody
  std::string reason;  // where not good: what is wrong and, where that is known, what helps
};

const char* server_outcome_text(ServerOutcome::Kind kind);  // "forbidden"

}  // namespace kubepulse

#endif
