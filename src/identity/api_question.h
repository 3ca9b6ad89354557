// A question to an API server: where it is, and as whom it is asked. Reads files anew each time, as
// tokens and certificates rotate.
#ifndef KUBEPULSE_IDENTITY_API_QUESTION_H
#define KUBEPULSE_IDENTITY_API_QUESTION_H

#include <string>
#include <string_view>

#include "base/status.h"
#include "identity/http_client.h"
#include "identity/pods_settings.h"
#include "identity/server_outcome.h"

namespace kubepulse {

// As whom it was asked, for what is told where it is refused.
struct ApiAsker {
  std::string url;
  std::string token_from;  // "": no token was shown
  bool has_certificate = false;

  // How it went, with the URL before the reason where somebody was asked.
  ServerOutcome told(ServerOutcome::Kind kind, const std::string& reason) const;
};

// Without a target, which is to be put behind the URL's path, and with the settings' limits.
Result<HttpClient::Question> api_question(const ApiServerSettings& settings, ApiAsker& asker);

// Fails where it could never work: a wrong URL, https without TLS in this build.
Status check_api_server(const ApiServerSettings& settings);

// Of an answer whose code is not 200; `grant` as ServerRefusal has it. The reason is without the
// URL.
ServerOutcome api_refusal(const HttpClient::Answer& answer, const ApiAsker& asker,
                          const std::string& grant);

// `text` as the value of a query, or a part of a path, has it.
void append_escaped(std::string& out, std::string_view text);

}  // namespace kubepulse

#endif
