// Against kubelets of our own: child processes that answer what they are told to.
#include "identity/kubelet_client.h"

#include <algorithm>
#include <optional>

#include "tests/check.h"
#include "tests/folder.h"
#include "tests/kubelet_peer.h"
#include "tests/test_data.h"
#ifdef KUBEPULSE_TLS
#include "tests/tls_server.h"
#endif

using namespace kubepulse;  // NOLINT

namespace {

using Kind = ServerOutcome::Kind;
using Connection = KubeletPeer::Connection;

const char* const kUid = "aaaaaaaa-7a2d-4e7b-9f10-2b6c1d0e9a41";
const std::string kId(64, 'a');
const std::string kGood = http_answer(200, pod_list("web", kUid, kId));

class Asking {
 public:
  explicit Asking(KubeletSettings settings) : loop_(new_loop()) {
    if (settings.limits.idle_ns == HttpFetchLimits().idle_ns)
      settings.limits.connect_ns = settings.limits.idle_ns = 2 * kNsPerSecond;
    client.emplace(loop_, std::move(settings),
                   KubeletClient::Handlers{
                       [this] { pods.clear(); },
                       [this](const Pod& pod) { pods += std::string(pod.name.view()) + " "; },
                       [this](const ServerOutcome& outcome) { told_ = outcome; }});
  }

  const ServerOutcome& poll() {
    told_.reset();
    pods.clear();
    client->poll();
    ck_assert(!told_ && client->polling());
    for (int turns = 0; turns < kTurnsMax && !told_; turns++)
      CHECK_OK(loop_.turn(kTurnMs));
    ck_assert_msg(told_.has_value() && !client->polling(), "it did not end");
    return *told_;
  }
  void check_good() {
    const ServerOutcome& told = poll();
    ck_assert_msg(told.kind == Kind::good, "%s", told.reason.c_str());
    CHECK_TEXT(told.reason, "");
    CHECK_TEXT(pods, "web ");
  }
  void check(Kind kind, const std::string& reason) {
    const ServerOutcome& told = poll();
    CHECK_TEXT(server_outcome_text(told.kind), server_outcome_text(kind));
    ck_assert_msg(told.reason.find(reason) != told.reason.npos, "got \"%s\", want \"%s\"",
                  told.reason.c_str(), reason.c_str());
  }

  std::string pods;
  std::optional<KubeletClient> client;

 private:
  static Loop new_loop() {
    auto loop = Loop::create();
    ck_assert(loop.ok());
    return std::move(loop.value());
  }
  Loop loop_;
  std::optional<ServerOutcome> told_;
};

std::string kubeconfig(const std::string& cluster) {
  return R"({"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],)"
         R"("clusters":[{"name":"k","cluster":{)" +
         cluster + R"(}}],"users":[{"name":"u","user":{"token":"abc"}}]})";
}

KubeletSettings settings_of(const KubeletPeer& peer) {
  KubeletSettings settings;
  settings.url = peer.url();
  settings.service_account = "/nonexistent";
  settings.node_name = "node-1";
  return settings;
}

START_TEST(a_list) {
  KubeletPeer peer(answers_in_turn({kGood}));
  Asking asking(settings_of(peer));
  asking.check_good();
  CHECK_TEXT(asking.poll().url, peer.url());
  ck_assert_uint_eq(peer.requests().size(), 2);
  const std::string& head = peer.requests()[0];
  ck_assert_msg(head.find("GET /pods HTTP/1.1\r\n") == 0, "%s", head.c_str());
  CHECK_TEXT(field_of(head, "Host"), peer.url().substr(7));
  CHECK_TEXT(field_of(head, "Authorization"), "");
  KubeletSettings settings = settings_of(peer);
  settings.url = "http://localhost:" + std::to_string(peer.port()) + "/api/v1/nodes/n/proxy/";
  Asking(settings).check_good();
  ck_assert(peer.requests()[2].find("GET /api/v1/nodes/n/proxy/pods HTTP") == 0);
}
END_TEST

START_TEST(bad_answers) {
  std::string list = pod_list("web", kUid, kId), deep(100, '['), huge = list;
  huge.insert(huge.size() - 2, std::string(100000, ' '));
  struct {
    std::string answer;
    Kind kind;
    const char* reason;
  } cases[] = {
      {kGood.substr(0, kGood.size() - 1), Kind::bad_answer, "the answer was cut"},
      {http_answer(200, list.substr(0, list.size() - 1)), Kind::bad_answer, "the list of pods: "},
      {http_answer(200, ""), Kind::bad_answer, "an empty answer"},
      {http_answer(200, "no pods"), Kind::bad_answer, "the list of pods: "},
      {http_answer(200, "{\"items\":" + deep), Kind::bad_answer, "the list of pods: "},
      {http_answer(200, huge), Kind::bad_answer, "the answer is longer than any should be"},
      {http_answer(200, R"({"kind":"Status","apiVersion":"v1","message":"no"})"), Kind::bad_answer,
       "a \"Status\", not a PodList: no"},
      {http_answer(204, ""), Kind::http_status, "HTTP status 204"},
      {"SSH-2.0-x\r\n", Kind::bad_answer, "not an HTTP answer"},
      {"", Kind::bad_answer, "closed without an answer"},
      {http_answer(401, "Unauthorized"), Kind::unauthorized, "HTTP status 401, Unauthorized; "},
      {http_answer(403, "Forbidden (user=x)"), Kind::forbidden,
       "HTTP status 403, Forbidden (user=x); grant the verb get of nodes/pods"},
      {http_answer(500, std::string(1 << 20, 'x')), Kind::http_status, "HTTP status 500, xxx"},
      {"HTTP/1.1 503 X\r\nContent-Length: 9\r\n\r\nbusy", Kind::http_status,
       "HTTP status 503, busy"},
  };
  std::vector<std::string> answers;
  for (const auto& one : cases)
    answers.push_back(one.answer);
  KubeletPeer peer([&](const Connection& asked) {
    asked.hear();
    // A client that has had enough hangs up.
    const std::string& text = answers[asked.number];
    send(asked.fd, text.data(), text.size(), MSG_NOSIGNAL);
  });
  KubeletSettings settings = settings_of(peer);
  settings.limits.body_bytes = 50000;
  Asking asking(settings);
  for (const auto& one : cases)
    asking.check(one.kind, peer.url() + ": " + one.reason);
  ck_assert_uint_eq(peer.requests().size(), answers.size());
}
END_TEST

START_TEST(nobody_answers) {
  KubeletPeer peer([](const Connection& asked) {
    asked.hear();
    pause();
  });
  KubeletSettings settings = settings_of(peer);
  settings.limits.idle_ns = kNsPerSecond / 10;
  Asking(settings).check(Kind::bad_answer, "it hangs");
  KubeletPeer broken([](const Connection& asked) {
    asked.hear();
    say(asked.fd, kGood.substr(0, kGood.size() - 1));
    pause();
  });
  settings.url = broken.url();
  Asking(settings).check(Kind::bad_answer, broken.url() + ": it hangs");
  broken.stop();
  Asking(settings).check(Kind::unreachable, broken.url() + ": connecting: Connection refused");
}
END_TEST

START_TEST(host_names) {
  Folder folder;
  KubeletPeer peer(answers_in_turn({kGood}));
  KubeletSettings settings = settings_of(peer);
  std::string port = ":" + std::to_string(peer.port());
  settings.resolver.resolv_path = folder.write("resolv.conf", "nameserver 127.0.0.1\n");
  settings.resolver.dns_port = 1;  // nobody is there
  // The first two of its addresses are not the kubelet's.
  settings.resolver.hosts_path =
      folder.write("hosts", "127.0.0.2 node-1\n127.0.0.3 node-1\n127.0.0.1 node-1\n127.0.0.2 x\n");
  settings.url = "http://node-1" + port;
  Asking(settings).check_good();
  CHECK_TEXT(field_of(peer.requests().back(), "Host"), "node-1" + port);
  settings.url = "http://x" + port;
  Asking(settings).check(Kind::unreachable, settings.url + ": connecting: Connection refused");
  settings.url = "http://kubelet.example" + port;
  Asking(settings).check(Kind::unreachable,
                         settings.url + ": cannot resolve \"kubelet.example\": ");
  ck_assert_uint_eq(peer.requests().size(), 1);
}
END_TEST

START_TEST(tokens) {
  Folder folder;
  KubeletPeer peer(answers_in_turn({kGood}));
  KubeletSettings settings = settings_of(peer);
  auto shown = [&] { return field_of(peer.requests().back(), "Authorization"); };
  settings.token_file = folder.write("token", "first\n");
  Asking asking(settings);
  asking.check_good();
  CHECK_TEXT(shown(), "Bearer first");
  folder.write("token", "second\n");  // it is rotated
  asking.check_good();
  CHECK_TEXT(shown(), "Bearer second");
  unlink(settings.token_file.c_str());
  asking.check(Kind::credentials, settings.token_file + ": No such file or directory");
  folder.write("token", "third");
  asking.check_good();
  CHECK_TEXT(shown(), "Bearer third");
  ck_assert_uint_eq(peer.requests().size(), 3);

  // That of the service account is not sent where everybody can read it.
  settings.token_file.clear();
  folder.make_folder("account");
  folder.write("account/token", "secret");
  settings.service_account = folder.path("account");
  Asking(settings).check_good();
  CHECK_TEXT(shown(), "");
}
END_TEST

START_TEST(by_kubeconfig) {
  Folder folder;
  std::string forbidden = http_answer(403, R"({"kind":"Status","message":"pods is forbidden"})");
  KubeletPeer peer(answers_in_turn({kGood, forbidden, kGood}));
  KubeletSettings settings = settings_of(peer);
  settings.url.clear();
  settings.node_name = "Node-1.Example";
  settings.kubeconfig =
      folder.write("config", kubeconfig(R"("server":")" + peer.url() + R"(/k8s")"));
  Asking(settings).check_good();
  const std::string& head = peer.requests().back();
  std::string wanted =
      "GET /k8s/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1.example&resourceVersion=0 "
      "HTTP/1.1\r\n";
  ck_assert_msg(head.find(wanted) == 0, "%s", head.c_str());
  CHECK_TEXT(field_of(head, "Authorization"), "Bearer abc");
  Asking(settings).check(Kind::forbidden,
                         "/k8s: HTTP status 403, pods is forbidden; grant the verb list of pods");
  // Its credentials, for the kubelet.
  settings.url = peer.url();
  Asking(settings).check_good();
  ck_assert(peer.requests().back().find("GET /pods HTTP") == 0);
  CHECK_TEXT(field_of(peer.requests().back(), "Authorization"), "Bearer abc");
  settings.url.clear();
  settings.node_name = "a&b";
  Asking(settings).check(Kind::credentials, "\"a&b\" is no name of a node: give --node-name");
  folder.write("config", "{}");
  Asking(settings).check(Kind::credentials, settings.kubeconfig + ": no current-context");
  ck_assert_uint_eq(peer.requests().size(), 3);
}
END_TEST

START_TEST(the_read_only_port) {
  Folder folder;
  KubeletPeer peer(answers_in_turn({kGood}));
  KubeletPeer no_kubelet([](const Connection& asked) {
    char bytes[16];
    ck_assert_int_gt(recv(asked.fd, bytes, sizeof bytes, 0), 0);
    say(asked.fd, http_answer(400, "what?"));
  });
  KubeletSettings settings = settings_of(peer);
  settings.url.clear();
  settings.insecure = true;
  settings.secure_url = no_kubelet.url("https");
  settings.read_only_url = peer.url();
  settings.token_file = folder.write("token", "secret");
  Asking asking(settings);
  asking.check_good();
  CHECK_TEXT(field_of(peer.requests().back(), "Authorization"), "");
  asking.check_good();
  asking.client->forget_choice();
  asking.check_good();
  ck_assert_uint_eq(peer.requests().size(), 3);
  no_kubelet.stop();
  peer.stop();
  // Who was asked alone is who is told of.
  asking.check(Kind::unreachable, peer.url() + ": connecting: Connection refused");
  asking.client->forget_choice();
  asking.check(Kind::unreachable, tls_is_built_in() ? settings.secure_url : peer.url());
}
END_TEST

START_TEST(nobody_to_ask) {
  KubeletSettings settings;
  settings.service_account = "/nonexistent";
  settings.secure_url.clear();
  settings.read_only_url.clear();
  Asking(settings).check(Kind::credentials, "there is nobody to ask");
}
END_TEST

START_TEST(real_lists) {
  KubeletPeer peer([](const Connection& asked) {
    asked.hear();
    std::string list = test_data("kubelet/systemd/pods.json");
    // In chunks, as kubelets send long answers.
    std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    char size[16];
    for (size_t at = 0; at < list.size(); at += 4096) {
      std::string piece = list.substr(at, 4096);
      snprintf(size, sizeof size, "%zx\r\n", piece.size());
      text += size + piece + "\r\n";
    }
    say(asked.fd, text + "0\r\n\r\n");
  });
  Asking asking(settings_of(peer));
  ck_assert(asking.poll().kind == Kind::good);
  CHECK_TEXT(asking.pods, "crash-rig-node db-rig-node host-rig-node web-rig-node ");
}
END_TEST

#ifdef KUBEPULSE_TLS

// Serves with the nth certificate, and from the last one on with that.
KubeletPeer::Serve by_tls(std::vector<TestCertificate> certificates, std::string clients_pem = "") {
  return [certificates, clients_pem](const Connection& asked) {
    TlsServer server(certificates[std::min(asked.number, certificates.size() - 1)], clients_pem);
    bool shaken = server.shake_hands(asked.fd);
    asked.tell(shaken ? server.hear() : "no handshake");
    server.say(kGood);
    server.end();
  };
}

START_TEST(tls_names) {
  Folder folder;
  TestAuthority authority;
  KubeletPeer peer(by_tls({authority.issue({"127.0.0.1"}), authority.issue({"node-1"}),
                           authority.issue({"node-2"}), authority.issue({"other.example"})}));
  KubeletSettings settings = settings_of(peer);
  settings.url = peer.url("https");
  settings.ca_file = folder.write("ca", authority.certificate_pem());
  settings.token_file = folder.write("token", "abc");
  Asking asking(settings);
  asking.check_good();
  CHECK_TEXT(field_of(peer.requests().back(), "Authorization"), "Bearer abc");
  asking.check_good();
  asking.check(Kind::tls, settings.url +
                              ": the peer's certificate is not to be trusted: it is not for "
                              "127.0.0.1 or node-1; give the node's name as --node-name");
  settings.kubeconfig = folder.write(
      "config", kubeconfig(R"("server":"https://x","tls-server-name":"other.example")"));
  Asking(settings).check_good();
  ck_assert_uint_eq(peer.requests().size(), 4);
}
END_TEST

START_TEST(tls_trust) {
  Folder folder;
  TestAuthority authority, stranger;
  TestCertificate good = authority.issue({"node-1"});
  KubeletPeer peer(
      by_tls({good, stranger.issue({"node-1"}), authority.issue({"node-1"}, "20210101000000"),
              stranger.issue({"x"}), stranger.issue({"node-1"})}));
  KubeletSettings settings = settings_of(peer);
  settings.url = peer.url("https");
  folder.make_folder("account");
  folder.write("account/token", "of-the-account");
  std::string ca = folder.write("account/ca.crt", authority.certificate_pem());
  settings.service_account = folder.path("account");
  Asking asking(settings);
  asking.check_good();
  CHECK_TEXT(field_of(peer.requests().back(), "Authorization"), "Bearer of-the-account");
  asking.check(Kind::tls,
               "the CA has not signed it; a kubelet without serverTLSBootstrap signs its "
               "own: give --kubelet-ca-file=/var/lib/kubelet/pki/kubelet.crt");
  asking.check(Kind::tls, "it has expired");
  KubeletSettings insecure = settings;
  insecure.insecure = true;
  insecure.ca_file.clear();
  Asking(insecure).check_good();
  // The CA is another one from now on.
  asking.check(Kind::tls, "the CA has not signed it");
  folder.write("account/ca.crt", stranger.certificate_pem());
  asking.check_good();
  folder.write("account/ca.crt", "nonsense");
  asking.check(Kind::credentials, ": the CA certificate: ");
  asking.check(Kind::credentials, "(CA " + ca + ")");
  unlink(ca.c_str());
  asking.check(Kind::credentials,
               "no CA certificate to hold its own against: give --kubelet-ca-file");
  ck_assert_uint_eq(peer.requests().size(), 6);
}
END_TEST

START_TEST(tls_client_certificate) {
  Folder folder;
  TestAuthority authority, stranger;
  KubeletPeer peer(by_tls({authority.issue({"127.0.0.1"})}, authority.certificate_pem()));
  KubeletSettings settings = settings_of(peer);
  settings.url = peer.url("https");
  settings.ca_file = folder.write("ca", authority.certificate_pem());
  Asking(settings).check(Kind::tls, "");
  for (TestAuthority* from : {&authority, &stranger}) {
    TestCertificate own = from->issue({"client"});
    settings.certificate_file = folder.write("cert", own.certificate_pem);
    settings.key_file = folder.write("key", own.key_pem);
    Asking asking(settings);
    if (from == &authority)
      asking.check_good();
    else
      ck_assert(asking.poll().kind != Kind::good);
  }
}
END_TEST

START_TEST(the_one_that_answers_is_kept) {
  Folder folder;
  TestAuthority authority;
  KubeletPeer plain(answers_in_turn({kGood}));
  KubeletPeer secure(by_tls({authority.issue({"node-1"})}));
  KubeletSettings settings = settings_of(plain);
  settings.url.clear();
  settings.secure_url = secure.url("https");
  settings.read_only_url = plain.url();
  settings.ca_file = folder.write("ca", authority.certificate_pem());
  settings.token_file = folder.write("token", "secret");
  Asking asking(settings);
  asking.check_good();
  CHECK_TEXT(field_of(secure.requests().back(), "Authorization"), "Bearer secret");
  uint16_t port = secure.port();
  secure.stop();
  // Nobody else is believed in its place.
  asking.check(Kind::unreachable, secure.url("https"));
  ck_assert_uint_eq(plain.requests().size(), 0);
  asking.client->forget_choice();
  asking.check_good();
  ck_assert_uint_eq(plain.requests().size(), 1);
  KubeletPeer again(by_tls({authority.issue({"node-1"})}), port);
  asking.check_good();
  ck_assert_uint_eq(plain.requests().size(), 2);
  ck_assert_uint_eq(again.requests().size(), 0);
}
END_TEST

#else

START_TEST(no_tls_here) {
  Folder folder;
  KubeletPeer peer(answers_in_turn({kGood}));
  KubeletSettings settings = settings_of(peer);
  settings.url = peer.url("https");
  settings.ca_file = folder.write("ca", "CA");
  Asking(settings).check(Kind::credentials, "make TLS=1");
  settings.secure_url = settings.url;
  settings.url.clear();
  settings.read_only_url = "http://127.0.0.1:1";
  Asking(settings).check(Kind::unreachable, "http://127.0.0.1:1: connecting: Connection refused; " +
                                                settings.secure_url +
                                                " is not asked: this build has no TLS");
  ck_assert_uint_eq(peer.requests().size(), 0);
}
END_TEST

#endif

}  // namespace

#ifdef KUBEPULSE_TLS
CHECK_MAIN("kubelet_client", a_list, bad_answers, nobody_answers, host_names, tokens, by_kubeconfig,
           the_read_only_port, nobody_to_ask, real_lists, tls_names, tls_trust,
           tls_client_certificate, the_one_that_answers_is_kept)
#else
CHECK_MAIN("kubelet_client", a_list, bad_answers, nobody_answers, host_names, tokens, by_kubeconfig,
           the_read_only_port, nobody_to_ask, real_lists, no_tls_here)
#endif
