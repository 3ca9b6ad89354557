#include "identity/server_refusal.h"

#include <algorithm>

#include "base/json_reader.h"
#include "base/text.h"

namespace kubepulse {

namespace {

constexpr size_t kMessageBytesMax = 256;

std::string json_message(std::string_view body) {
  JsonReader reader;
  reader.feed(body);
  if (reader.next() != JsonToken::object) return {};
  for (JsonToken token = reader.next(); token == JsonToken::key; token = reader.next()) {
    bool is_message = reader.text() == "message";
    if (!is_message) {
      reader.skip();
      continue;
    }
    return reader.next() == JsonToken::string ? std::string(reader.text()) : std::string();
  }
  return {};
}

std::string unauthorized_advice(const ServerRefusal& refusal) {
  if (!refusal.token_from.empty())
    return "it does not take the token of " + refusal.token_from +
           (refusal.is_kubelet ? "; its authentication.webhook.enabled must be true" : "");
  if (refusal.has_certificate) return "it does not take our certificate";
  if (!refusal.is_kubelet)
    return "it wants to know who asks: give --apiserver-token-file or --kubeconfig";
  return "it wants to know who asks: give --kubelet-token-file, --kubelet-cert-file or "
         "--kubeconfig";
}

// KubeletFineGrainedAuthz (KEP-2862): alpha in 1.32, on by default since 1.33. Before, and still
// where nodes/pods is not granted, it is nodes/proxy, which permits to run commands in pods, too.
std::string forbidden_advice(const ServerRefusal& refusal) {
  if (!refusal.grant.empty()) return "grant " + refusal.grant + " in a ClusterRole";
  if (!refusal.is_kubelet)
    return "grant the verb list of pods, or give the kubeconfig of the node's kubelet";
  return "grant the verb get of nodes/pods (since Kubernetes 1.33; before, of nodes/proxy) in a "
         "ClusterRole";
}

}  // namespace

ServerOutcome::Kind kind_of_refusal(int code) {
  using Kind = ServerOutcome::Kind;
  return code == 401 ? Kind::unauthorized : code == 403 ? Kind::forbidden : Kind::http_status;
}

std::string error_body_message(std::string_view body) {
  std::string message = json_message(body);
  if (message.empty() && body.substr(0, 1) != "{" && body.substr(0, 1) != "<") message = body;
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; }, ' ');
  message.erase(message.find_last_not_of(' ') + 1);
  return std::string(cut_text(message, kMessageBytesMax));
}

std::string ServerRefusal::text() const {
  std::string text = "HTTP status " + std::to_string(code);
  std::string message = error_body_message(body);
  if (!message.empty()) text += ", " + message;
  if (code == 401) text += "; " + unauthorized_advice(*this);
  if (code == 403) text += "; " + forbidden_advice(*this);
  return text;
}

std::string kubelet_tls_advice(std::string_view why) {
  if (why.find("the CA has not signed it") != why.npos)
    return "; a kubelet without serverTLSBootstrap signs its own: give "
           "--kubelet-ca-file=/var/lib/kubelet/pki/kubelet.crt, or --kubelet-insecure";
  if (why.find("it is not for ") != why.npos)
    return "; give the node's name as --node-name, or --kubelet-insecure";
  // An alert is all that a kubelet says of either.
  if (why.find("fatal alert") != why.npos)
    return "; it may demand TLS 1.3, where this speaks 1.2, or a certificate of ours: "
           "--kubelet-cert-file";
  return {};
}

}  // namespace kubepulse
