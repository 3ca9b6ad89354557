// What is told of a kubelet, or an API server, that answers no to the question for pods: what it
// said, and what helps. Pure.
#ifndef KUBEPULSE_IDENTITY_SERVER_REFUSAL_H
#define KUBEPULSE_IDENTITY_SERVER_REFUSAL_H

#include <string>
#include <string_view>

#include "identity/server_outcome.h"

namespace kubepulse {

struct ServerRefusal {
  int code = 0;           // of HTTP
  std::string_view body;  // the beginning of it
  bool is_kubelet = true;
  // Of an API server: what the account must be granted, "the verbs list and watch of services"; "":
  // to list pods.
  std::string grant;
  std::string token_from;  // the path of the token that was shown; "": none was
  bool has_certificate = false;

  std::string text() const;
};

// Of a code that is not 200.
ServerOutcome::Kind kind_of_refusal(int code);

// The message of a Status in JSON, else the text itself; its beginning, on one line.
std::string error_body_message(std::string_view body);

// Behind why a handshake with a kubelet failed; "" where nothing is known to help.
std::string kubelet_tls_advice(std::string_view why);

}  // namespace kubepulse

#endif
