// A kubelet that speaks HTTPS: whom it believes, and who is believed. Only in TLS=1 builds.
#ifdef KUBEPULSE_TLS

#include "tests/certificates.h"
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/pods.h"
#include "tests/tls_server.h"

namespace kubepulse::live {

namespace {

class TlsWire : public KubeletServer::Wire {
 public:
  TlsWire(const TestCertificate& own, const std::string& clients_pem) : tls_(own, clients_pem) {}

  bool begin(int fd) override { return tls_.shake_hands(fd); }
  bool say(std::string_view text) override { return tls_.say(std::string(text)); }
  std::string hear() override { return tls_.hear(); }
  void end() override { tls_.end(); }

 private:
  TlsServer tls_;
};

KubeletServer start_kubelet(const TestCertificate& own, const std::string& clients_pem = "") {
  return KubeletServer::start([=] { return std::make_unique<TlsWire>(own, clients_pem); });
}

std::string url_of(const KubeletServer& kubelet) {
  return "https://" + kubelet.address();
}

std::string file_of(const std::string& name, const std::string& text) {
  std::string path = scratch_path(name);
  ck_assert(write_file(path, text));
  return path;
}

Daemon start_asking(Words flags) {
  flags.push_back("--pods=kubelet");
  flags.push_back("--kubelet-poll=1s");
  return Daemon::start({flags});
}

void await_authorization(const KubeletServer& kubelet, const std::string& wanted) {
  for (int tries = 0; kubelet.last_authorization() != wanted; tries++) {
    ck_assert_msg(tries < 1000, "shown is \"%s\", not \"%s\"", kubelet.last_authorization().c_str(),
                  wanted.c_str());
    sleep_ms(10);
  }
}

// It names a pod.
void check_names(KubeletServer& kubelet, const Words& flags) {
  LivePod pod({"tls", "web-0"});
  Cgroup cgroup = pod.container();
  kubelet.list(pod_list({pod}));
  Daemon daemon = start_asking(flags);
  await_polls(daemon, "ok", 1);
  OtherEnd other("tls-server");
  other.connect(cgroup, 2);
  other.ask(cgroup);
  expect_traffic(daemon, pod.owner(), 2, 1);
  ck_assert(polls(daemon.scrape(), "error") == 0);
  daemon.stop();
}

// No request comes through, and one warning says why.
void check_distrust(KubeletServer& kubelet, const Words& flags, const std::string& reason) {
  Daemon daemon = start_asking(flags);
  await_polls(daemon, "error", 2);
  ck_assert(polls(daemon.scrape(), "ok") == 0);
  ck_assert_int_eq(static_cast<int>(kubelet.requests()), 0);
  ck_assert_msg(kubelet.last_authorization().empty(), "the token went to a stranger");
  std::string log = daemon.err();
  size_t warning = log.find("\"level\":\"warn\"");
  ck_assert_msg(warning != log.npos && log.find("\"level\":\"warn\"", warning + 1) == log.npos,
                "not one warning: %s", log.c_str());
  ck_assert_msg(log.find(reason) != log.npos, "no \"%s\" in %s", reason.c_str(), log.c_str());
  daemon.stop();
}

START_TEST(tls_and_token) {
  TestAuthority authority;
  KubeletServer kubelet = start_kubelet(authority.issue({"127.0.0.1"}));
  std::string token = file_of("token", "one\n");
  Words flags = {"--kubelet-url=" + url_of(kubelet), "--kubelet-token-file=" + token,
                 "--kubelet-ca-file=" + file_of("ca.pem", authority.certificate_pem())};
  check_names(kubelet, flags);
  CHECK_TEXT(kubelet.last_target(), "/pods");
  CHECK_TEXT(kubelet.last_authorization(), "Bearer one");
  Daemon daemon = start_asking(flags);
  await_polls(daemon, "ok", 1);
  ck_assert(write_file(token, "two"));
  await_authorization(kubelet, "Bearer two");
  ck_assert(daemon.err().find("Bearer") == std::string::npos);
  daemon.stop();
}
END_TEST

// A kubelet that signs its own certificate, for its node.
START_TEST(tls_of_the_node) {
  TestAuthority authority;
  KubeletServer kubelet = start_kubelet(authority.issue({"live-node"}));
  check_names(kubelet, {"--kubelet-url=" + url_of(kubelet), "--node-name=live-node",
                        "--kubelet-ca-file=" + file_of("ca.pem", authority.certificate_pem())});
}
END_TEST

START_TEST(tls_strangers) {
  TestAuthority authority, stranger;
  Words flags = {"--node-name=live-node", "--kubelet-token-file=" + file_of("token", "one"),
                 "--kubelet-ca-file=" + file_of("ca.pem", authority.certificate_pem())};
  auto check = [&](const TestCertificate& own, const std::string& reason) {
    KubeletServer kubelet = start_kubelet(own);
    Words all = flags;
    all.push_back("--kubelet-url=" + url_of(kubelet));
    check_distrust(kubelet, all, reason);
    all.push_back("--kubelet-insecure");
    check_names(kubelet, all);
    CHECK_TEXT(kubelet.last_authorization(), "Bearer one");
  };
  check(stranger.issue({"127.0.0.1"}), "certificate");
  check(authority.issue({"127.0.0.1"}, "20201231235959"), "certificate");
  check(authority.issue({"127.0.0.2", "other-node"}), "certificate");
}
END_TEST

START_TEST(tls_client_certificate) {
  TestAuthority authority, clients;
  TestCertificate own = clients.issue({"kubepulse"});
  KubeletServer kubelet = start_kubelet(authority.issue({"127.0.0.1"}), clients.certificate_pem());
  Words flags = {"--kubelet-url=" + url_of(kubelet),
                 "--kubelet-ca-file=" + file_of("ca.pem", authority.certificate_pem())};
  check_distrust(kubelet, flags, "kubelet");
  ck_assert(kubelet.failures() > 0);
  flags.push_back("--kubelet-cert-file=" + file_of("own.pem", own.certificate_pem));
  flags.push_back("--kubelet-key-file=" + file_of("own.key", own.key_pem));
  check_names(kubelet, flags);
}
END_TEST

// With all that a kubelet's own has: a CA and a certificate.
START_TEST(tls_kubeconfig) {
  TestAuthority authority, clients;
  TestCertificate own = clients.issue({"live-node"});
  KubeletServer server = start_kubelet(authority.issue({"127.0.0.1"}), clients.certificate_pem());
  std::string ca = file_of("ca.pem", authority.certificate_pem());
  std::string path =
      file_of("kubeconfig",
              "apiVersion: v1\nkind: Config\ncurrent-context: live\n"
              "clusters:\n- name: live\n  cluster:\n    server: " +
                  url_of(server) + "\n    certificate-authority: " + ca.substr(ca.rfind('/') + 1) +
                  "\ncontexts:\n- name: live\n  context:\n    cluster: live\n    user: node\n"
                  "users:\n- name: node\n  user:\n    client-certificate: " +
                  file_of("own.pem", own.certificate_pem) +
                  "\n    client-key: " + file_of("own.key", own.key_pem) + "\n");
  check_names(server, {"--kubeconfig=" + path, "--node-name=live-node"});
  std::string target = server.last_target();
  ck_assert_msg(target.find("/api/v1/pods?") == 0 && target.find("live-node") != target.npos,
                "asked for %s", target.c_str());
}
END_TEST

}  // namespace

Case kubelet_tls_case() {
  return {"kubelet-tls",
          false,
          {tls_and_token, tls_of_the_node, tls_strangers, tls_client_certificate, tls_kubeconfig}};
}

}  // namespace kubepulse::live

#endif
