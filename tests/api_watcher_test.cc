// Against an API server of our own, a child process that answers what it is told to.
#include "identity/api_watcher.h"

#include <optional>

#include "identity/service_reader.h"
#include "tests/check.h"
#include "tests/folder.h"
#include "tests/kubelet_peer.h"

using namespace kubepulse;  // NOLINT

namespace {

using Kind = ServerOutcome::Kind;
using Connection = KubeletPeer::Connection;

std::string list(const std::string& names, const char* version, const char* rest = "") {
  std::string text = R"({"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":")";
  text += version;
  text += std::string(R"(","continue":")") + rest + R"("},"items":[)";
  for (char name : names)
    text += std::string(R"({"metadata":{"namespace":"shop","name":")") + name + "\"}},";
  if (!names.empty()) text.pop_back();
  return http_answer(200, text + "]}");
}

std::string event(const char* type, const char* name, const char* version) {
  return std::string(R"({"type":")") + type +
         R"(","object":{"kind":"Service","metadata":{"namespace":"shop","name":")" + name +
         R"(","resourceVersion":")" + version + "\"}}}\n";
}
const std::string kGone =
    R"({"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}})";
const std::string kStream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(const std::string& text) {
  char size[20];
  snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}
// A watch that ends in order.
std::string watch(const std::string& events) {
  return kStream + (events.empty() ? "" : chunk(events)) + "0\r\n\r\n";
}

ApiServerSettings settings_of(const KubeletPeer& peer) {
  ApiServerSettings settings;
  settings.url = peer.url();
  settings.service_account = "/nonexistent";
  settings.retry_ns = kNsPerMs;
  settings.pause_ns = 10 * kNsPerMs;
  settings.watch_ns_min = 0;
  return settings;
}

// What was told, in words: begin "[", items by name, commit "]", drop "!", changes "+" and "-".
class Watching {
  Loop loop_;
  ServiceReader reader_;

 public:
  explicit Watching(ApiServerSettings settings) : loop_(new_loop()) {
    ApiWatcher::Handlers handlers;
    handlers.begin = [this] { text += "["; };
    handlers.item = [this] { text += name(); };
    handlers.commit = [this] { text += "]"; };
    handlers.drop = [this] { text += "!"; };
    handlers.changed = [this] { text += "+" + name(); };
    handlers.deleted = [this] { text += "-" + name(); };
    handlers.told = [this](const ServerOutcome& outcome) {
      if (outcome.kind == Kind::good)
        goods++;
      else
        failures.push_back(outcome);
    };
    watcher.emplace(loop_, std::move(settings),
                    ApiWatcher::Resource{{"ServiceList", "v1", "the list"},
                                         "/api/v1/services",
                                         "fieldSelector=a%3Db",
                                         "the verb list of services"},
                    reader_, handlers);
    watcher->start();
  }
  // Until so much was told.
  void wait_for(const std::string& want) {
    for (int turns = 0; turns < kTurnsMax && text.size() < want.size(); turns++)
      turn();
    CHECK_TEXT(text, want);
  }
  void wait_for_failures(size_t count) {
    for (int turns = 0; turns < kTurnsMax && failures.size() < count; turns++)
      turn();
    ck_assert_uint_ge(failures.size(), count);
  }
  void wait_for_requests(KubeletPeer& peer, size_t count) {
    for (int turns = 0; turns < kTurnsMax && peer.requests().size() < count; turns++)
      turn();
    ck_assert_uint_ge(peer.requests().size(), count);
  }
  void turn() { CHECK_OK(loop_.turn(kTurnMs)); }

  std::string text;
  size_t goods = 0;
  std::vector<ServerOutcome> failures;
  std::optional<ApiWatcher> watcher;

 private:
  static Loop new_loop() {
    auto loop = Loop::create();
    ck_assert(loop.ok());
    return std::move(loop.value());
  }
  std::string name() const { return std::string(reader_.service().name.view()); }
};

// The nth connection gets the nth text; what is behind the last one hangs.
KubeletPeer::Serve answers_then_hangs(const std::vector<std::string>& texts) {
  return [texts](const Connection& asked) {
    asked.hear();
    if (asked.number >= texts.size()) {
      say(asked.fd, kStream);
      pause();
    }
    say(asked.fd, texts[asked.number]);
  };
}

// "GET /path?a&b HTTP" is "/path?a&b", but for the seconds.
std::string target_of(const std::string& head) {
  std::string target = head.substr(4, head.find(" HTTP") - 4);
  return target.substr(0, target.find("&timeoutSeconds="));
}

const char* const kListTarget = "/api/v1/services?fieldSelector=a%3Db&limit=500&resourceVersion=0";
std::string watch_target(const char* version) {
  return std::string("/api/v1/services?fieldSelector=a%3Db&watch=1&allowWatchBookmarks=true&") +
         "resourceVersion=" + version;
}

void check_targets(KubeletPeer& peer, const std::vector<std::string>& wanted) {
  ck_assert_uint_ge(peer.requests().size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); i++)
    CHECK_TEXT(target_of(peer.requests()[i]), wanted[i]);
}

START_TEST(list_and_watch) {
  KubeletPeer peer(answers_then_hangs(
      {list("ab", "10"),
       watch(event("ADDED", "c", "11") + event("MODIFIED", "a", "12") +
             event("DELETED", "b", "13")),
       watch(event("BOOKMARK", "", "20") + event("LATER", "x", "21")), watch("")}));
  Watching watching(settings_of(peer));
  watching.wait_for("[ab]+c+a-b");
  watching.wait_for_requests(peer, 5);
  check_targets(peer, {kListTarget, watch_target("10"), watch_target("13"), watch_target("21"),
                       watch_target("21")});
  ck_assert(watching.failures.empty() && watching.watcher->is_good());
  ck_assert_uint_eq(watching.goods, 1);
  const std::string& head = peer.requests()[1];
  size_t at = head.find("&timeoutSeconds=");
  ck_assert(at != head.npos);
  long seconds = strtol(head.c_str() + at + 16, nullptr, 10);
  ck_assert(seconds >= 300 && seconds <= 600);
}
END_TEST

START_TEST(pages) {
  KubeletPeer peer(
      answers_then_hangs({list("ab", "10", "next/=1"), list("c", "10", "last"), list("d", "10")}));
  Watching watching(settings_of(peer));
  watching.wait_for("[abcd]");
  watching.wait_for_requests(peer, 4);
  std::string page = "/api/v1/services?fieldSelector=a%3Db&limit=500&continue=";
  check_targets(peer, {kListTarget, page + "next%2F%3D1", page + "last", watch_target("10")});
}
END_TEST

// A token of `continue` that has expired: all of it anew.
START_TEST(expired_pages) {
  KubeletPeer peer(answers_then_hangs(
      {list("ab", "10", "next"), http_answer(410, R"({"message":"expired"})"), list("b", "11")}));
  Watching watching(settings_of(peer));
  watching.wait_for("[ab![b]");
  watching.wait_for_requests(peer, 4);
  ck_assert_uint_eq(watching.failures.size(), 1);
  CHECK_TEXT(watching.failures[0].reason, peer.url() + ": HTTP status 410, expired");
  check_targets(peer, {kListTarget, "/api/v1/services?fieldSelector=a%3Db&limit=500&continue=next",
                       kListTarget, watch_target("11")});
}
END_TEST

// As events of the watch or as its answer: all is listed again.
START_TEST(gone) {
  KubeletPeer peer(
      answers_then_hangs({list("a", "10"), watch(event("ADDED", "b", "11") + kGone),
                          list("b", "20"), watch(event("BOOKMARK", "", "21")),
                          http_answer(410, R"({"message":"too old"})"), list("c", "30")}));
  Watching watching(settings_of(peer));
  watching.wait_for("[a]+b[b][c]");
  watching.wait_for_requests(peer, 7);
  check_targets(peer, {kListTarget, watch_target("10"), kListTarget, watch_target("20"),
                       watch_target("21"), kListTarget, watch_target("30")});
  ck_assert(watching.failures.empty());
}
END_TEST

// What a list has just told is too old, again and again: the breaker sees to it.
START_TEST(always_gone) {
  KubeletPeer peer([](const Connection& asked) {
    asked.hear();
    say(asked.fd, asked.number % 2 == 0 ? list("a", "10") : watch(kGone));
  });
  ApiServerSettings settings = settings_of(peer);
  settings.pause_ns = 1000 * kNsPerSecond;
  Watching watching(settings);
  watching.wait_for_failures(Breaker::kFailuresMax);
  for (int turns = 0; turns < 5; turns++)
    watching.turn();
  ck_assert_uint_eq(peer.requests().size(), 2 * Breaker::kFailuresMax);
  ck_assert_uint_eq(watching.failures.size(), Breaker::kFailuresMax);
  CHECK_TEXT(watching.failures[1].reason,
             peer.url() + ": too old, says the watch of what the list has just told");
  ck_assert_uint_eq(watching.goods, 1);  // after the first list, and not after the others
}
END_TEST

// Cut within an event, and with a reset: from where it was.
START_TEST(broken_connections) {
  KubeletPeer peer([](const Connection& asked) {
    asked.hear();
    linger hard{1, 0};
    switch (asked.number) {
      case 0:
        return say(asked.fd, list("a", "10"));
      case 1:
        return say(asked.fd, kStream + chunk(event("ADDED", "b", "11") + R"({"type":"ADD)"));
      case 2:
        say(asked.fd, kStream + chunk(event("ADDED", "c", "12")));
        usleep(50000);
        setsockopt(asked.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        return;
      default:
        say(asked.fd, kStream + chunk(event("ADDED", "d", "13")));
        pause();
    }
  });
  Watching watching(settings_of(peer));
  watching.wait_for("[a]+b+c+d");
  check_targets(peer, {kListTarget, watch_target("10"), watch_target("11"), watch_target("12")});
  ck_assert(watching.failures.empty());
}
END_TEST

START_TEST(junk) {
  struct {
    std::string answer;
    Kind kind;
    const char* reason;
  } const kCases[] = {
      {http_answer(200, "[]"), Kind::bad_answer, "not an object, so not a ServiceList"},
      {http_answer(200, ""), Kind::bad_answer, "an empty answer"},
      {http_answer(200, R"({"kind":"Status","message":"no"})"), Kind::bad_answer,
       "a \"Status\", not a ServiceList: no"},
      {http_answer(200, R"({"kind":"ServiceList","apiVersion":"v1","items":[]})"), Kind::bad_answer,
       "a list without a resource version"},
      {list("ab", "9").substr(0, 200), Kind::bad_answer, "the answer was cut"},
      {"SSH-2.0-x\r\n", Kind::bad_answer, "not an HTTP answer"},
      {http_answer(500, "oops"), Kind::http_status, "HTTP status 500, oops"},
      {http_answer(429, ""), Kind::http_status, "HTTP status 429"},
      {http_answer(401, "Unauthorized"), Kind::unauthorized,
       "HTTP status 401, Unauthorized; it wants to know who asks: give --apiserver-token-file"},
      {http_answer(403, "no"), Kind::forbidden,
       "HTTP status 403, no; grant the verb list of services in a ClusterRole"},
  };
  std::vector<std::string> answers;
  for (const auto& each : kCases)
    answers.push_back(each.answer);
  answers.push_back(list("a", "10"));
  answers.push_back(watch("<html>"));
  answers.push_back(list("b", "11"));
  answers.push_back(watch(event("ADDED", "c", "12")));
  KubeletPeer peer(answers_then_hangs(answers));
  ApiServerSettings settings = settings_of(peer);
  settings.pause_ns = kNsPerMs;
  Watching watching(settings);
  watching.wait_for_failures(std::size(kCases) + 1);
  for (size_t i = 0; i < std::size(kCases); i++) {
    const ServerOutcome& told = watching.failures[i];
    CHECK_TEXT(server_outcome_text(told.kind), server_outcome_text(kCases[i].kind));
    ck_assert_msg(told.reason.find(peer.url() + ": " + kCases[i].reason) == 0, "%s",
                  told.reason.c_str());
  }
  CHECK_TEXT(watching.failures.back().reason,
             peer.url() + ": the watch: byte 0: a value was expected");
  // Good after the list; and again once a watch has told something.
  watching.wait_for("[![![![a![a][b]+c");
  ck_assert_uint_eq(watching.goods, 2);
  ck_assert_uint_eq(watching.failures.size(), std::size(kCases) + 1);
}
END_TEST

START_TEST(hanging) {
  KubeletPeer peer([](const Connection& asked) {
    asked.hear();
    if (asked.number == 0) say(asked.fd, list("ab", "9").substr(0, 100));
    if (asked.number == 0) pause();
  });
  ApiServerSettings settings = settings_of(peer);
  settings.limits.idle_ns = 50 * kNsPerMs;
  Watching watching(settings);
  watching.wait_for_failures(1);
  ck_assert_msg(watching.failures[0].reason.find("it hangs") != std::string::npos, "%s",
                watching.failures[0].reason.c_str());
  CHECK_TEXT(watching.text, "[!");
}
END_TEST

// A quiet watch is a good one as soon as it is answered.
START_TEST(nobody_there) {
  uint16_t port = 0;
  ApiServerSettings settings;
  std::optional<Watching> watching;
  {
    KubeletPeer peer([](const Connection& asked) {
      asked.hear();
      if (asked.number == 0) return say(asked.fd, list("a", "10"));
      say(asked.fd, kStream + chunk(event("ADDED", "b", "11")));
      usleep(20000);
    });
    port = peer.port();
    settings = settings_of(peer);
    watching.emplace(settings);
    watching->wait_for("[a]+b");
  }
  watching->wait_for_failures(5);
  ck_assert(!watching->watcher->is_good());
  ck_assert(watching->failures.back().kind == Kind::unreachable);
  ck_assert_uint_eq(watching->goods, 1);
  KubeletPeer back(
      [](const Connection& asked) {
        asked.hear();
        say(asked.fd, kStream);
        pause();
      },
      port);
  for (int turns = 0; turns < kTurnsMax && watching->goods < 2; turns++)
    watching->turn();
  ck_assert_uint_eq(watching->goods, 2);
  ck_assert(watching->watcher->is_good());
  check_targets(back, {watch_target("11")});
  CHECK_TEXT(watching->text, "[a]+b");
}
END_TEST

START_TEST(credentials) {
  Folder folder;
  KubeletPeer peer(answers_then_hangs({list("a", "10")}));
  ApiServerSettings settings = settings_of(peer);
  settings.token_file = folder.write("token", "first\n");
  {
    Watching watching(settings);
    watching.wait_for_requests(peer, 2);
    CHECK_TEXT(field_of(peer.requests()[1], "Authorization"), "Bearer first");
  }
  settings.token_file = folder.path("none");
  Watching watching(settings);
  watching.wait_for_failures(1);
  ck_assert(watching.failures[0].kind == Kind::credentials);
  CHECK_TEXT(watching.failures[0].reason, settings.token_file + ": No such file or directory");

  // Those of a kubeconfig, and its server.
  KubeletPeer other(answers_then_hangs({list("a", "10")}));
  ApiServerSettings by_config = settings_of(other);
  by_config.url = ApiServerSettings::kKubeconfigUrl;
  by_config.kubeconfig = folder.write(
      "config", R"({"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k",)"
                R"("user":"u"}}],"clusters":[{"name":"k","cluster":{"server":")" +
                    other.url() + R"("}}],"users":[{"name":"u","user":{"token":"abc"}}]})");
  CHECK_OK(check_api_server(by_config));
  Watching configured(by_config);
  configured.wait_for_requests(other, 1);
  CHECK_TEXT(field_of(other.requests()[0], "Authorization"), "Bearer abc");
}
END_TEST

}  // namespace

CHECK_MAIN("api_watcher", list_and_watch, pages, expired_pages, gone, always_gone,
           broken_connections, junk, hanging, nobody_there, credentials)
