// What is told of a kubelet, or an API server, that answers no to the question for pods: what it
// said, and what helps. Pure.
#ifndef KUBEPULSE_IDENTITY_KUBELET_REFUSAL_H
#define KUBEPULSE_IDENTITY_KUBELET_REFUSAL_H

#include <string>
#include <string_view>

namespace kubepulse {

struct KubeletRefusal {
  int code = 0;           // of HTTP
  std::string_view body;  // the beginning of it
  bool is_kubelet = true;
  std::string token_from;  // the path of the token that was shown; "": none was
  bool has_certificate = false;

  std::string text() const;
};

// The message of a Status in JSON, else the text itself; its beginning, on one line.
std::string error_body_message(std::string_view body);

// Behind why a handshake with a kubelet failed; "" where nothing is known to help.
std::string kubelet_tls_advice(std::string_view why);

}  // namespace kubepulse

#endif
