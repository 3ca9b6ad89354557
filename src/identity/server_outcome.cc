#include "identity/server_outcome.h"

namespace kubepulse {

const char* server_outcome_text(ServerOutcome::Kind kind) {
  using Kind = ServerOutcome::Kind;
  switch (kind) {
    case Kind::good:
      return "good";
    case Kind::unreachable:
      return "unreachable";
    case Kind::credentials:
      return "credentials";
    case Kind::tls:
      return "tls";
    case Kind::bad_answer:
      return "bad answer";
    case Kind::http_status:
      return "http status";
    case Kind::unauthorized:
      return "unauthorized";
    case Kind::forbidden:
      return "forbidden";
  }
  return "";
}

}  // namespace kubepulse
