#include "identity/server_refusal.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(messages) {
  CHECK_TEXT(error_body_message("Unauthorized"), "Unauthorized");
  CHECK_TEXT(error_body_message("404 page not found\n"), "404 page not found");
  CHECK_TEXT(error_body_message("a\nb\x01\x7F"
                                "c\r\n"),
             "a b  c");
  CHECK_TEXT(error_body_message(R"({"kind":"Status","metadata":{"message":"no"},)"
                                R"("message":"pods is \"forbidden\"","code":403})"),
             "pods is \"forbidden\"");
  for (const char* said_nothing :
       {"", " \n", "{}", R"({"message":1})", R"({"message":")", "{\"a\":", "<html></html>"})
    CHECK_TEXT(error_body_message(said_nothing), "");
  CHECK_TEXT(error_body_message(std::string(255, 'x') + "\xC3\xA4"), std::string(255, 'x'));
}
END_TEST

START_TEST(unauthorized) {
  ServerRefusal refusal;
  refusal.code = 401;
  refusal.body = "Unauthorized";
  CHECK_TEXT(refusal.text(),
             "HTTP status 401, Unauthorized; it wants to know who asks: give --kubelet-token-file, "
             "--kubelet-cert-file or --kubeconfig");
  refusal.has_certificate = true;
  CHECK_TEXT(refusal.text(), "HTTP status 401, Unauthorized; it does not take our certificate");
  refusal.token_from = "/token";
  CHECK_TEXT(refusal.text(),
             "HTTP status 401, Unauthorized; it does not take the token of /token; its "
             "authentication.webhook.enabled must be true");
  refusal.is_kubelet = false;
  refusal.body = "";
  CHECK_TEXT(refusal.text(), "HTTP status 401; it does not take the token of /token");
}
END_TEST

START_TEST(forbidden) {
  ServerRefusal refusal;
  refusal.code = 403;
  refusal.body =
      "Forbidden (user=system:anonymous, verb=get, resource=nodes, subresource(s)=[pods])";
  CHECK_TEXT(refusal.text(),
             "HTTP status 403, " + std::string(refusal.body) +
                 "; grant the verb get of nodes/pods (since Kubernetes 1.33; before, of "
                 "nodes/proxy) in a ClusterRole");
  refusal.is_kubelet = false;
  refusal.body = "";
  CHECK_TEXT(refusal.text(),
             "HTTP status 403; grant the verb list of pods, or give the kubeconfig of the node's "
             "kubelet");
}
END_TEST

START_TEST(others) {
  ServerRefusal refusal;
  refusal.code = 500;
  refusal.body = "oops";
  CHECK_TEXT(refusal.text(), "HTTP status 500, oops");
}
END_TEST

START_TEST(certificates) {
  std::string why = "the peer's certificate is not to be trusted:";
  ck_assert(kubelet_tls_advice(why + " the CA has not signed it").find("kubelet.crt") !=
            std::string::npos);
  ck_assert(kubelet_tls_advice(why + " it is not for 127.0.0.1").find("--node-name") !=
            std::string::npos);
  CHECK_TEXT(kubelet_tls_advice(why + " it has expired"), "");
  std::string alert = kubelet_tls_advice("TLS handshake: SSL - A fatal alert message was received");
  ck_assert(alert.find("TLS 1.3") != std::string::npos);
  ck_assert(alert.find("--kubelet-cert-file") != std::string::npos);
}
END_TEST

}  // namespace

CHECK_MAIN("server_refusal", messages, unauthorized, forbidden, others, certificates)
