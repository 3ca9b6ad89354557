// What a server is asked and how it fails; what comes of it, kubelet_client_test.cc and
// api_watcher_test.cc see.
#include "identity/http_client.h"

#include <optional>
#include <string>

#include "tests/check.h"
#include "tests/folder.h"
#include "tests/kubelet_peer.h"

using namespace kubepulse;  // NOLINT

namespace {

using Kind = ServerOutcome::Kind;

struct Asking {
  explicit Asking(const ResolverSettings& resolver = {}) : loop(new_loop()) {
    client.emplace(loop, resolver);
  }
  static Loop new_loop() {
    auto loop = Loop::create();
    ck_assert(loop.ok());
    return std::move(loop.value());
  }
  void ask(const std::string& url) {
    HttpClient::Question question;
    question.url = HttpUrl::parse(url).value();
    question.target = "/x?y";
    question.bearer = "secret";
    question.begun = [this] { begun++; };
    question.tls.names = {"localhost"};
    body.clear();
    told.reset();
    begun = 0;
    client->ask(
        question,
        [this](std::string_view piece) {
          body += piece;
          return true;
        },
        [this](const HttpClient::Answer& answer) {
          refusal = answer.refusal;
          told = answer;
        });
    ck_assert(!told);
    for (int turns = 0; turns < kTurnsMax && !told; turns++)
      CHECK_OK(loop.turn(kTurnMs));
    ck_assert(told.has_value());
  }

  Loop loop;
  std::optional<HttpClient> client;
  std::optional<HttpClient::Answer> told;
  std::string body, refusal;
  int begun = 0;
};

START_TEST(answers) {
  KubeletPeer peer(answers_in_turn({http_answer(200, "hello"), http_answer(404, "not here"),
                                    http_answer(200, "hello").substr(0, 40), "junk\r\n"}));
  Asking asking;
  asking.ask(peer.url());
  ck_assert(asking.told->kind == Kind::good && asking.told->status.ok());
  ck_assert_int_eq(asking.told->code, 200);
  ck_assert_int_eq(asking.begun, 1);
  CHECK_TEXT(asking.body, "hello");
  ck_assert(peer.requests()[0].find("GET /x?y HTTP/1.1\r\n") == 0);
  CHECK_TEXT(field_of(peer.requests()[0], "Authorization"), "Bearer secret");
  asking.ask(peer.url());
  ck_assert_int_eq(asking.told->code, 404);
  ck_assert_int_eq(asking.begun, 0);
  CHECK_TEXT(asking.refusal, "not here");
  CHECK_TEXT(asking.body, "");
  asking.ask(peer.url());
  ck_assert(asking.told->kind == Kind::good && !asking.told->status.ok());
  ck_assert_int_eq(asking.begun, 1);
  asking.ask(peer.url());
  ck_assert(asking.told->kind == Kind::bad_answer);
}
END_TEST

START_TEST(no_answers) {
  Folder folder;
  KubeletPeer peer(answers_in_turn({http_answer(200, "hello")}));
  std::string port = ":" + std::to_string(peer.port());
  ResolverSettings resolver;
  resolver.hosts_path = folder.write("hosts", "127.0.0.2 both\n127.0.0.1 both\n127.0.0.2 wrong\n");
  resolver.resolv_path = folder.write("resolv.conf", "nameserver 127.0.0.1\n");
  resolver.dns_port = 1;  // nobody is there
  Asking asking(resolver);
  asking.ask("http://both" + port);
  ck_assert(asking.told->kind == Kind::good);
  asking.ask("http://wrong" + port);
  ck_assert(asking.told->kind == Kind::unreachable);
  CHECK_TEXT(asking.told->status.message(), "connecting: Connection refused");
  asking.ask("http://nowhere.example" + port);
  ck_assert(asking.told->kind == Kind::unreachable);
  // Without a CA, or without TLS in this build.
  asking.ask("https://both" + port);
  ck_assert(asking.told->kind == Kind::credentials);
}
END_TEST

}  // namespace

CHECK_MAIN("http_client", answers, no_answers)
