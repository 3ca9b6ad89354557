#include "identity/api_question.h"

#include <utility>

#include "identity/credentials.h"
#include "identity/http_url.h"
#include "identity/server_refusal.h"

namespace kubepulse {

namespace {

using Kind = ServerOutcome::Kind;

Result<HttpUrl> url_of(const std::string& text) {
  auto url = HttpUrl::parse(text);
  if (!url.ok()) return std::move(url.status()).in(text);
  if (url.value().tls && !tls_is_built_in())
    return Status::error(text + ": this build has no TLS; take one made with `make TLS=1`");
  return url;
}

}  // namespace

ServerOutcome ApiAsker::told(Kind kind, const std::string& reason) const {
  return {kind, url, url.empty() || kind == Kind::credentials ? reason : url + ": " + reason};
}

Status check_api_server(const ApiServerSettings& settings) {
  std::string url = settings.url;
  if (url == ApiServerSettings::kKubeconfigUrl) {
    // One that cannot be read yet may be written later.
    auto credentials = read_credentials(settings);
    if (!credentials.ok()) return {};
    url = credentials.value().server;
  }
  auto parsed = url_of(url);
  return parsed.ok() ? Status() : std::move(parsed.status());
}

Result<HttpClient::Question> api_question(const ApiServerSettings& settings, ApiAsker& asker) {
  auto read = read_credentials(settings);
  if (!read.ok()) return std::move(read.status());
  Credentials& credentials = read.value();
  bool by_kubeconfig = settings.url == ApiServerSettings::kKubeconfigUrl;
  auto url = url_of(by_kubeconfig ? credentials.server : settings.url);
  if (!url.ok()) return std::move(url.status());
  HttpClient::Question question;
  question.url = std::move(url.value());
  question.limits = settings.limits;
  bool may_have_token = question.url.tls || credentials.token_was_named;
  if (may_have_token) question.bearer = credentials.token;
  asker.url = question.url.text();
  asker.token_from = question.bearer.empty() ? "" : credentials.token_from;
  asker.has_certificate = question.url.tls && !credentials.tls.certificate_pem.empty();
  if (!question.url.tls) return question;
  question.tls = credentials.tls;
  question.tls_from = credentials.tls_from;
  question.tls.names = {credentials.tls_server_name.empty() ? question.url.host
                                                            : credentials.tls_server_name};
  if (question.tls.ca_pem.empty() && !question.tls.insecure)
    return Status::error(asker.url +
                         ": no CA certificate to hold its own against: give --apiserver-ca-file, "
                         "or --kubeconfig");
  return question;
}

ServerOutcome api_refusal(const HttpClient::Answer& answer, const ApiAsker& asker,
                          const std::string& grant) {
  ServerRefusal refusal;
  refusal.code = answer.code;
  refusal.body = answer.refusal;
  refusal.is_kubelet = false;
  refusal.grant = grant;
  refusal.token_from = asker.token_from;
  refusal.has_certificate = asker.has_certificate;
  return {kind_of_refusal(answer.code), asker.url, refusal.text()};
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (char c : text) {
    bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

}  // namespace kubepulse
