#include "identity/tls.h"

#include "tests/check.h"
#include "tests/peer.h"

#ifdef KUBEPULSE_TLS

#include "tests/tls_server.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

struct Trial {
  TestCertificate server;
  std::string clients_pem;
  TlsSettings client;
  std::string answer = kAnswer;
  bool ends = true;  // with close_notify
};

Got fetch_by_tls(const Trial& trial) {
  HttpPeer peer([&trial](int fd) {
    TlsServer server(trial.server, trial.clients_pem);
    if (!server.shake_hands(fd) || server.hear().empty()) return;
    server.say(trial.answer);
    if (trial.ends) server.end();
  });
  auto tls = Tls::make(trial.client);
  CHECK_OK(tls.ok() ? Status() : tls.status());
  peer.get.tls = tls.value().get();
  return fetch(peer.get);
}

TlsSettings trusting(const TestAuthority& authority, const std::vector<std::string>& names) {
  TlsSettings settings;
  settings.ca_pem = authority.certificate_pem();
  settings.names = names;
  return settings;
}

START_TEST(names) {
  TestAuthority authority;
  struct {
    std::vector<std::string> in_certificate, wanted;
    bool good;
  } cases[] = {
      {{"127.0.0.1"}, {"127.0.0.1"}, true},
      {{"node-1", "::1"}, {"0:0::1"}, true},
      {{"node-1", "10.0.0.1"}, {"127.0.0.1", "node-1"}, true},
      {{"NODE-1.example.com"}, {"node-1.Example.com"}, true},
      {{"*.example.com"}, {"a.example.com"}, true},
      {{"*.example.com"}, {"a.b.example.com"}, false},
      {{"*.example.com"}, {"example.com"}, false},
      {{"*.example.com"}, {".example.com"}, false},
      {{"node-2"}, {"127.0.0.1", "node-1"}, false},
      {{"127.0.0.2"}, {"127.0.0.1"}, false},
      {{}, {"127.0.0.1"}, false},
      {{}, {"test"}, false},  // the subject's common name is no name
      {{"node-1"}, {}, false},
  };
  for (const auto& one : cases) {
    Got got =
        fetch_by_tls({authority.issue(one.in_certificate), "", trusting(authority, one.wanted)});
    if (one.good) {
      CHECK_OK(got.status);
      CHECK_TEXT(got.body, "hello");
    } else {
      check_error(got, "not to be trusted: it is not for", 0);
    }
  }
}
END_TEST

START_TEST(trust) {
  TestAuthority authority, stranger;
  std::vector<std::string> names = {"127.0.0.1"};
  check_error(fetch_by_tls({stranger.issue(names), "", trusting(authority, names)}),
              "not to be trusted: the CA has not signed it", 0);
  check_error(
      fetch_by_tls({authority.issue(names, "20210101000000"), "", trusting(authority, names)}),
      "not to be trusted: it has expired", 0);
  TlsSettings insecure;
  insecure.insecure = true;
  CHECK_OK(fetch_by_tls({stranger.issue({"x"}, "20210101000000"), "", insecure}).status);
}
END_TEST

START_TEST(our_certificate) {
  TestAuthority authority, stranger;
  std::vector<std::string> names = {"127.0.0.1"};
  TlsSettings client = trusting(authority, names);
  check_error(fetch_by_tls({authority.issue(names), authority.certificate_pem(), client}), "", 0);
  for (TestAuthority* from : {&authority, &stranger}) {
    TestCertificate own = from->issue({"client"});
    client.certificate_pem = own.certificate_pem;
    client.key_pem = own.key_pem;
    Got got = fetch_by_tls({authority.issue(names), authority.certificate_pem(), client});
    ck_assert(got.status.ok() == (from == &authority));
  }
}
END_TEST

START_TEST(long_answers) {
  TestAuthority authority;
  std::vector<std::string> names = {"127.0.0.1"};
  std::string body(3 << 20, 'x');
  Trial trial{authority.issue(names), "", trusting(authority, names)};
  trial.answer =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  Got got = fetch_by_tls(trial);
  CHECK_OK(got.status);
  ck_assert_uint_eq(got.bytes, body.size());
  trial.answer.pop_back();
  check_error(fetch_by_tls(trial), "was cut", 200);
  trial.ends = false;
  ck_assert(!fetch_by_tls(trial).status.ok());
}
END_TEST

START_TEST(no_tls_there) {
  TestAuthority authority;
  auto tls = Tls::make(trusting(authority, {"127.0.0.1"}));
  ck_assert(tls.ok());
  HttpPeer plain([](int fd) { say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n"); });
  plain.get.tls = tls.value().get();
  check_error(fetch(plain.get), "TLS handshake", 0);
  HttpPeer silent([](int) { pause(); });
  silent.get.tls = tls.value().get();
  HttpFetchLimits limits;
  limits.connect_ns = kNsPerSecond / 5;
  check_error(fetch(silent.get, limits), "no TLS handshake in time", 0);
}
END_TEST

START_TEST(wrong_settings) {
  TestAuthority authority;
  TestCertificate one = authority.issue({"a"}), other = authority.issue({"a"});
  auto error = [](const TlsSettings& settings) {
    auto tls = Tls::make(settings);
    return tls.ok() ? std::string() : tls.status().message();
  };
  TlsSettings settings;
  ck_assert(error(settings).find("no CA") != std::string::npos);
  settings.ca_pem = "nonsense";
  ck_assert(error(settings).find("the CA certificate: ") != std::string::npos);
  settings.ca_pem = authority.certificate_pem();
  CHECK_TEXT(error(settings), "");
  settings.certificate_pem = one.certificate_pem;
  ck_assert(error(settings).find("the key of our certificate: ") != std::string::npos);
  settings.key_pem = other.key_pem;
  CHECK_TEXT(error(settings), "the key is not that of our certificate");
  settings.key_pem = one.key_pem;
  CHECK_TEXT(error(settings), "");
  settings.certificate_pem = "nonsense";
  ck_assert(error(settings).find("our certificate: ") == 0);
}
END_TEST

}  // namespace

CHECK_MAIN("tls", names, trust, our_certificate, long_answers, no_tls_there, wrong_settings)

#else

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(says_so) {
  ck_assert(!tls_is_built_in());
  auto tls = Tls::make({});
  ck_assert(!tls.ok());
  ck_assert(tls.status().message().find("make TLS=1") != std::string::npos);
}
END_TEST

}  // namespace

CHECK_MAIN("tls", says_so)

#endif
