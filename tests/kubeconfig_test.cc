#include "identity/kubeconfig.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string described(const Kubeconfig& config) {
  std::string out = config.context + "/" + config.cluster + "/" + config.user;
  auto put = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out += std::string(" ") + name + "=" + value;
  };
  put("ns", config.ns);
  put("server", config.server);
  put("tls_server_name", config.tls_server_name);
  if (config.insecure_skip_tls_verify) out += " insecure";
  put("authority", config.authority);
  put("authority_file", config.authority_file);
  put("certificate", config.certificate);
  put("certificate_file", config.certificate_file);
  put("key", config.key);
  put("key_file", config.key_file);
  put("token", config.token);
  put("token_file", config.token_file);
  return out;
}

std::string parsed(const std::string& text, const char* context = "",
                   const char* folder = "/etc/k") {
  Result<Kubeconfig> config = parse_kubeconfig(text, folder, context);
  return config.ok() ? described(config.value()) : "! " + config.status().message();
}

// As `kubeadm init` writes admin.conf.
START_TEST(kubeadm) {
  CHECK_TEXT(parsed("apiVersion: v1\n"
                    "clusters:\n"
                    "- cluster:\n"
                    "    certificate-authority-data: Q0E=\n"
                    "    server: https://10.0.0.10:6443\n"
                    "  name: kubernetes\n"
                    "contexts:\n"
                    "- context:\n"
                    "    cluster: kubernetes\n"
                    "    user: kubernetes-admin\n"
                    "  name: kubernetes-admin@kubernetes\n"
                    "current-context: kubernetes-admin@kubernetes\n"
                    "kind: Config\n"
                    "preferences: {}\n"
                    "users:\n"
                    "- name: kubernetes-admin\n"
                    "  user:\n"
                    "    client-certificate-data: Q0VSVA==\n"
                    "    client-key-data: S0VZ\n"),
             "kubernetes-admin@kubernetes/kubernetes/kubernetes-admin server=https://10.0.0.10:6443"
             " authority=CA certificate=CERT key=KEY");
}
END_TEST

// As a kubelet's bootstrap leaves kubelet.conf.
START_TEST(kubelet) {
  CHECK_TEXT(parsed("apiVersion: v1\n"
                    "clusters:\n"
                    "- cluster:\n"
                    "    certificate-authority: pki/ca.crt\n"
                    "    server: https://10.0.0.10:6443\n"
                    "  name: default-cluster\n"
                    "contexts:\n"
                    "- context:\n"
                    "    cluster: default-cluster\n"
                    "    namespace: default\n"
                    "    user: default-auth\n"
                    "  name: default-context\n"
                    "current-context: default-context\n"
                    "kind: Config\n"
                    "preferences: {}\n"
                    "users:\n"
                    "- name: default-auth\n"
                    "  user:\n"
                    "    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n"
                    "    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem\n"),
             "default-context/default-cluster/default-auth ns=default server=https://10.0.0.10:6443"
             " authority_file=/etc/k/pki/ca.crt"
             " certificate_file=/var/lib/kubelet/pki/kubelet-client-current.pem"
             " key_file=/var/lib/kubelet/pki/kubelet-client-current.pem");
}
END_TEST

const char* const kMany =
    "# by hand\n"
    "---\n"
    "kind: Config\n"
    "current-context: 'one'\n"
    "contexts:\n"
    "  - name: one\n"
    "    context: {\"cluster\": \"c1\", \"user\": \"u1\"}\n"
    "  - name: \"two\"\n"
    "    context:\n"
    "      cluster: c2\n"
    "      user: u2\n"
    "  - name: three\n"
    "    context:\n"
    "      cluster: c1\n"
    "  - name: four\n"
    "    context:\n"
    "      cluster: c3\n"
    "      user: u1\n"
    "  - {\"name\": \"five\", \"context\": {\"cluster\": \"c1\", \"user\": \"nobody\"}}\n"
    "  - {\"name\": \"six\", \"context\": {\"cluster\": \"none\"}}\n"
    "clusters:\n"
    "  - name: c1\n"
    "    cluster:\n"
    "      server: http://127.0.0.1:8080 # plain\n"
    "      extensions:\n"
    "      - name: x\n"
    "        extension:\n"
    "          server: no\n"
    "  - name: c2\n"
    "    cluster:\n"
    "      server: https://k:6443\n"
    "      insecure-skip-tls-verify: true\n"
    "      tls-server-name: kubernetes\n"
    "  - name: c3\n"
    "    cluster:\n"
    "      server: https://k:6443\n"
    "      proxy-url: socks5://x\n"
    "users:\n"
    "  - name: u1\n"
    "    user:\n"
    "      token: abc.def\n"
    "      tokenFile: run/token\n"
    "  - name: u2\n"
    "    user:\n"
    "      exec:\n"
    "        apiVersion: client.authentication.k8s.io/v1\n"
    "        args:\n"
    "        - get-token\n"
    "        command: aws\n";

START_TEST(contexts) {
  CHECK_TEXT(parsed(kMany),
             "one/c1/u1 server=http://127.0.0.1:8080 token=abc.def token_file=/etc/k/run/token");
  CHECK_TEXT(parsed(kMany, "one", ""),
             "one/c1/u1 server=http://127.0.0.1:8080 token=abc.def token_file=run/token");
  CHECK_TEXT(parsed(kMany, "one", "k/"),
             "one/c1/u1 server=http://127.0.0.1:8080 token=abc.def token_file=k/run/token");
  CHECK_TEXT(parsed(kMany, "two"), "! line 46: an exec plugin is not taken");
  CHECK_TEXT(parsed(kMany, "three"), "three/c1/ server=http://127.0.0.1:8080");
  CHECK_TEXT(parsed(kMany, "four"), "! line 37: a proxy is not taken");
  CHECK_TEXT(parsed(kMany, "five"), "! no user \"nobody\"");
  CHECK_TEXT(parsed(kMany, "six"), "! no cluster \"none\"");
  CHECK_TEXT(parsed(kMany, "seven"), "! no context \"seven\"");
}
END_TEST

std::string one(const std::string& cluster, const std::string& user, const std::string& top = "") {
  return R"({"kind":"Config","current-context":"x",)" + top +
         R"("contexts":[{"name":"x","context":{"cluster":"x","user":"x"}}],"clusters":[{"name":"x","cluster":{)" +
         cluster + R"(}}],"users":[{"name":"x","user":{)" + user + "}}]}";
}

START_TEST(json) {
  std::string server = R"("server":"https://k")";
  CHECK_TEXT(
      parsed(one(
          server +
              R"(,"insecure-skip-tls-verify":true,"certificate-authority":"ca","certificate-authority-data":"Q0E=")",
          "")),
      "x/x/x server=https://k insecure authority=CA");
  CHECK_TEXT(parsed(one(server + R"(,"certificate-authority":"ca","certificate-authority-data":"")",
                        R"("tokenFile":"/t")")),
             "x/x/x server=https://k authority_file=/etc/k/ca token_file=/t");
  std::string large(30000, 'Q');  // a chain of certificates
  Result<Kubeconfig> config =
      parse_kubeconfig(one(server + R"(,"certificate-authority-data":")" + large + "\"", ""), "");
  ck_assert(config.ok() && config.value().authority.size() == 22500);
}
END_TEST

START_TEST(errors) {
  std::string server = R"("server":"https://k")";
  CHECK_TEXT(parsed(""), "! no current-context");
  CHECK_TEXT(parsed("current-context: a\n"), "! no context \"a\"");
  CHECK_TEXT(parsed("kind: Pod\n"), "! line 1: this is a \"Pod\", not a Config");
  CHECK_TEXT(parsed("kind: Config\napiVersion: v2\n"),
             "! line 2: a Config of version \"v2\", not v1");
  CHECK_TEXT(parsed("a: &x b\n"), "! line 1: an anchor or alias is not taken");
  CHECK_TEXT(parsed(one("", "")), "! cluster \"x\" has no server of http or https");
  CHECK_TEXT(parsed(one(R"("server":"k:6443")", "")),
             "! cluster \"x\" has no server of http or https");
  CHECK_TEXT(parsed(one(R"("server":"https://k\r\nX: y")", "")),
             "! cluster \"x\" has no server of http or https");
  CHECK_TEXT(parsed(one(server + R"(,"insecure-skip-tls-verify":"yes")", "")),
             "! line 1: true or false was expected, not \"yes\"");
  CHECK_TEXT(parsed(one(server + R"(,"certificate-authority-data":"Q0E")", "")),
             "! line 1: certificate-authority-data is no base64");
  CHECK_TEXT(parsed(one(server, R"("client-key-data":"*")")),
             "! line 1: client-key-data is no base64");
  CHECK_TEXT(parsed(one(server, R"("client-certificate":"c")")),
             "! user \"x\" has a client-certificate or a client-key without the other");
  CHECK_TEXT(parsed(one(server, R"("token":"a\nb")")),
             "! line 1: the token has characters that HTTP cannot carry");
  CHECK_TEXT(parsed(one(server, R"("auth-provider":{"name":"gcp"})")),
             "! line 1: an auth-provider plugin is not taken");
  CHECK_TEXT(parsed(one(server, R"("username":"u","password":"p")")),
             "! line 1: a user name or password is not taken");
  CHECK_TEXT(parsed(one(server, R"("as":"root")")), "! line 1: impersonation is not taken");
  CHECK_TEXT(parsed(one(server, R"("as-groups":["system:masters"])")),
             "! line 1: impersonation is not taken");
  CHECK_TEXT(parsed(one(server, R"("username":"","as":null)")), "x/x/x server=https://k");
}
END_TEST

}  // namespace

CHECK_MAIN("kubeconfig", kubeadm, kubelet, contexts, json, errors)
