// Against an API server of our own. What is asked for and when is in pod_event_table_test.cc.
#include "identity/pod_events.h"

#include <optional>
#include <string>

#include "tests/captured_log.h"
#include "tests/check.h"
#include "tests/folder.h"
#include "tests/kubelet_peer.h"
#include "tests/test_data.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string event(const char* reason, const char* at, int count = 1, const char* words = "words") {
  return R"({"type":"Warning","reason":")" + std::string(reason) + R"(","message":")" + words +
         R"(","count":)" + std::to_string(count) + R"(,"lastTimestamp":")" + at + "\"}";
}

std::string list(const std::string& events) {
  return http_answer(200, R"({"kind":"EventList","apiVersion":"v1","metadata":{"continue":"more"},)"
                          R"("items":[)" +
                              events + "]}");
}

struct Asking {
  explicit Asking(const std::string& url) : loop(new_loop()) {
    settings.url = url;
    settings.service_account = "/nonexistent";
    settings.retry_ns = kNsPerMs;
    settings.pause_ns = 10 * kNsPerMs;
  }
  void start() {
    events.emplace(loop, settings);
    CHECK_OK(events->start());
  }
  static Loop new_loop() {
    auto loop = Loop::create();
    ck_assert(loop.ok());
    return std::move(loop.value());
  }
  std::string reason(const char* uid) const {
    const PodEvent* event = events->find(uid);
    return event != nullptr ? std::string(event->reason.view()) : "-";
  }
  template <typename Good>
  void wait_for(Good&& good) {
    for (int turns = 0; turns < kTurnsMax && !good(); turns++)
      CHECK_OK(loop.turn(kTurnMs));
    ck_assert(good());
  }

  Loop loop;
  ApiServerSettings settings;
  std::optional<PodEvents> events;
};

std::string line_of(const std::string& head) {
  return head.substr(0, head.find("\r\n"));
}

START_TEST(the_newest_of_each) {
  CapturedLog log;
  Folder folder;
  KubeletPeer peer(
      answers_in_turn({list(event("Failed", "2026-11-20T21:00:00Z") + "," +
                            event("BackOff", "2026-11-20T21:05:00Z", 9) + "," +
                            event("Failed", "2026-11-20T21:05:01Z", 9, "Error: ImagePullBackOff") +
                            "," + event("FailedMount", "2026-11-20T21:04:59Z")),
                       list("")}));
  Asking asking(peer.url() + "/prefix/");
  asking.settings.token_file = folder.write("token", "abc");
  asking.start();
  asking.events->want("shop", "uid-1");
  asking.events->want("my shop", "a/b");
  asking.events->want("shop", "uid-1");
  CHECK_TEXT(asking.reason("uid-1"), "-");
  asking.wait_for([&] { return peer.requests().size() == 2; });
  const std::string path = "GET /prefix/api/v1/namespaces/",
                    rest = "%2Ctype%3DWarning&limit=100 HTTP/1.1";
  CHECK_TEXT(line_of(peer.requests()[0]),
             path + "shop/events?fieldSelector=involvedObject.uid%3Duid-1" + rest);
  CHECK_TEXT(line_of(peer.requests()[1]),
             path + "my%20shop/events?fieldSelector=involvedObject.uid%3Da%2Fb" + rest);
  CHECK_TEXT(field_of(peer.requests()[0], "Authorization"), "Bearer abc");
  CHECK_TEXT(asking.reason("uid-1"), "BackOff");
  ck_assert_uint_eq(asking.events->find("uid-1")->count, 9);
  ck_assert_uint_eq(asking.events->find("uid-1")->at_s, 1795208700);
  CHECK_TEXT(asking.reason("a/b"), "-");
  ck_assert_uint_eq(asking.events->overflow(), 0);
  CHECK_TEXT(log.text(), R"({"level":"info","msg":"the API server tells pods' events","url":")" +
                             peer.url() + "/prefix\"}\n");
}
END_TEST

// A kubelet's, of an image that cannot be had: behind each failure it names the reason once more.
START_TEST(of_a_real_server) {
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({http_answer(200, test_data("troubles/events.json"))}));
  Asking asking(peer.url());
  asking.start();
  asking.events->want("shop", "uid");
  asking.wait_for([&] { return asking.events->find("uid") != nullptr; });
  const PodEvent& event = *asking.events->find("uid");
  CHECK_TEXT(std::string(event.reason.view()), "Failed");
  CHECK_TEXT(
      std::string(event.message.view()),
      "Failed to pull image \"registry.invalid/shop/app:1\": failed to pull and unpack image "
      "\"registry.invalid/shop/app:1\": failed to re.../app/manifests/1\": dial tcp: lookup "
      "registry.invalid on 192.0.2.53:53: read udp 192.168.77.1:41072->192.0.2.53:53: i/o "
      "timeout");
  ck_assert_uint_eq(event.at_s, 1795336667);
}
END_TEST

// The breaker opens with the third, lets one through after a while, and is closed by its success.
START_TEST(what_fails_is_left_alone) {
  CapturedLog log;
  const std::string no = http_answer(403, R"({"message":"events is forbidden"})");
  KubeletPeer peer(answers_in_turn({no, http_answer(200, "junk"), no,
                                    http_answer(200, R"({"kind":"EventList","items":[)"), no,
                                    list(event("BackOff", "2026-11-20T21:05:00Z"))}));
  Asking asking(peer.url());
  asking.start();
  for (const char* uid : {"1", "2", "3", "4", "5", "6", "7"})
    asking.events->want("shop", uid);
  asking.wait_for([&] { return asking.reason("7") == "BackOff"; });
  CHECK_TEXT(asking.reason("6"), "BackOff");
  for (const char* uid : {"1", "2", "3", "4", "5"})
    CHECK_TEXT(asking.reason(uid), "-");
  ck_assert_uint_eq(peer.requests().size(), 7);
  const std::string text = log.text(),
                    want = R"("kind":"forbidden","reason":")" + peer.url() +
                           ": HTTP status 403, events is forbidden; grant the verb "
                           "list of events in a ClusterRole\"}\n";
  ck_assert_msg(text.find(want) != text.npos, "%s", text.c_str());
}
END_TEST

START_TEST(what_was_known_stays) {
  KubeletPeer peer(answers_in_turn({list(event("BackOff", "2026-11-20T21:05:00Z"))}));
  Asking asking(peer.url());
  asking.start();
  asking.events->want("shop", "1");
  asking.wait_for([&] { return asking.reason("1") == "BackOff"; });
  CapturedLog log;
  peer.stop();
  asking.events->want("shop", "2");
  asking.wait_for([&] { return !log.text().empty(); });
  CHECK_TEXT(asking.reason("1"), "BackOff");
  CHECK_TEXT(asking.reason("2"), "-");
}
END_TEST

START_TEST(nobody_to_ask) {
  Asking none("");
  none.start();
  none.events->want("shop", "1");
  CHECK_TEXT(none.reason("1"), "-");
  ck_assert_uint_eq(none.events->overflow(), 0);
  Asking nonsense("nonsense");
  nonsense.events.emplace(nonsense.loop, nonsense.settings);
  ck_assert(!nonsense.events->start().ok());
  // Never started, or ended while it asks.
  nonsense.events->want("shop", "1");
  KubeletPeer peer([](const KubeletPeer::Connection& asked) {
    asked.hear();
    pause();
  });
  Asking ends(peer.url());
  ends.start();
  ends.events->want("shop", "1");
  ends.wait_for([&] { return peer.requests().size() == 1; });
  ends.events.reset();
  CHECK_OK(ends.loop.turn(0));
}
END_TEST

}  // namespace

CHECK_MAIN("pod_events", the_newest_of_each, of_a_real_server, what_fails_is_left_alone,
           what_was_known_stays, nobody_to_ask)
