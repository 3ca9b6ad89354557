// Against an API server of our own.
#include "identity/node_conditions.h"

#include <optional>
#include <string>

#include "tests/captured_log.h"
#include "tests/check.h"
#include "tests/kubelet_peer.h"

using namespace kubepulse;  // NOLINT

namespace {

using Connection = KubeletPeer::Connection;
using Kind = NodeCondition::Kind;
using Said = NodeCondition::Status;

std::string node(const std::string& memory, const char* version) {
  return R"({"kind":"Node","metadata":{"name":"node-1","resourceVersion":")" +
         std::string(version) +
         R"("},"status":{"conditions":[{"type":"MemoryPressure","status":")" + memory +
         R"(","reason":"why"},{"type":"Ready","status":"True"}]}})";
}

std::string list(const std::string& nodes) {
  return http_answer(200, R"({"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":)"
                          R"("5"},"items":[)" +
                              nodes + "]}");
}

// The nth connection gets the nth text; what is behind the last one hangs as a watch does.
KubeletPeer::Serve answers_then_hangs(const std::vector<std::string>& texts) {
  return [texts](const Connection& asked) {
    asked.hear();
    say(asked.fd, asked.number < texts.size() ? texts[asked.number] : "HTTP/1.1 200 OK\r\n\r\n");
    if (asked.number + 1 >= texts.size()) pause();
  };
}

struct Watching {
  explicit Watching(const std::string& url, const char* name = "Node-1") : loop(new_loop()) {
    settings.url = url;
    settings.node_name = name;
    settings.service_account = "/nonexistent";
    settings.retry_ns = kNsPerMs;
    settings.pause_ns = 10 * kNsPerMs;
    settings.watch_ns_min = 0;
    conditions.emplace(loop, settings);
  }
  static Loop new_loop() {
    auto loop = Loop::create();
    ck_assert(loop.ok());
    return std::move(loop.value());
  }
  Said said(Kind kind, uint64_t later_ns = 0) const {
    return conditions->of(kind, monotonic_ns() + later_ns).status;
  }
  template <typename Good>
  void wait_for(Good&& good) {
    for (int turns = 0; turns < kTurnsMax && !good(); turns++)
      CHECK_OK(loop.turn(kTurnMs));
    ck_assert(good());
  }

  Loop loop;
  ApiServerSettings settings;
  std::optional<NodeConditions> conditions;
};

START_TEST(lists_and_watches) {
  CapturedLog log;
  KubeletPeer peer(answers_then_hangs({list(node("False", "4")),
                                       "HTTP/1.1 200 OK\r\n\r\n"
                                       R"({"type":"MODIFIED","object":)" +
                                           node("True", "6") + "}"}));
  Watching watching(peer.url());
  CHECK_OK(watching.conditions->start());
  ck_assert(watching.said(Kind::ready) == Said::untold);
  watching.wait_for([&] { return watching.said(Kind::memory_pressure) == Said::yes; });
  ck_assert(watching.said(Kind::ready) == Said::yes);
  ck_assert(watching.said(Kind::disk_pressure) == Said::untold);
  // However long nothing changes.
  ck_assert(watching.said(Kind::ready, 10 * NodeConditions::kStaleNs) == Said::yes);
  CHECK_TEXT(watching.conditions->of(Kind::memory_pressure, 0).reason.view(), "why");
  const std::string path = "GET /api/v1/nodes?fieldSelector=metadata.name%3Dnode-1&";
  ck_assert_uint_eq(peer.requests().size(), 2);
  CHECK_TEXT(peer.requests()[0].substr(0, path.size() + 28), path + "limit=500&resourceVersion=0 ");
  CHECK_TEXT(peer.requests()[1].substr(0, path.size() + 8), path + "watch=1&");
  CHECK_TEXT(log.text(),
             R"({"level":"info","msg":"the API server tells this node's conditions","url":")" +
                 peer.url() + "\"}\n");
}
END_TEST

START_TEST(stays_for_a_while) {
  std::optional<Watching> watching;
  {
    KubeletPeer peer(answers_then_hangs({list(node("True", "4")), "HTTP/1.1 200 OK\r\n\r\n"}));
    watching.emplace(peer.url());
    CHECK_OK(watching->conditions->start());
    watching->wait_for([&] { return watching->said(Kind::memory_pressure) == Said::yes; });
  }
  uint64_t later = NodeConditions::kStaleNs;
  watching->wait_for([&] { return watching->said(Kind::memory_pressure, later) == Said::untold; });
  ck_assert(watching->said(Kind::memory_pressure) == Said::yes);
}
END_TEST

START_TEST(of_another_name) {
  CapturedLog log;
  KubeletPeer peer(answers_then_hangs({list(""), "HTTP/1.1 200 OK\r\n\r\n"}));
  Watching watching(peer.url());
  CHECK_OK(watching.conditions->start());
  watching.wait_for([&] { return peer.requests().size() == 2; });
  ck_assert(watching.said(Kind::ready) == Said::untold);
  ck_assert(log.text().find(R"("the API server knows no node of that name, and so no conditions",)"
                            R"("node":"node-1")") != std::string::npos);
}
END_TEST

START_TEST(deleted) {
  KubeletPeer peer(answers_then_hangs({list(node("True", "4")),
                                       "HTTP/1.1 200 OK\r\n\r\n"
                                       R"({"type":"DELETED","object":)" +
                                           node("True", "6") + "}"}));
  Watching watching(peer.url());
  CHECK_OK(watching.conditions->start());
  watching.wait_for([&] { return peer.requests().size() == 2; });
  watching.wait_for([&] { return watching.said(Kind::memory_pressure) == Said::untold; });
}
END_TEST

START_TEST(forbidden) {
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({http_answer(403, R"({"message":"nodes is forbidden"})")}));
  Watching watching(peer.url());
  CHECK_OK(watching.conditions->start());
  watching.wait_for([&] { return peer.requests().size() >= 3; });
  const std::string want = R"("kind":"forbidden","reason":")" + peer.url() +
                           ": HTTP status 403, nodes is forbidden; grant the verbs list and watch "
                           "of nodes in a ClusterRole\"";
  std::string text = log.text();
  size_t at = text.find(want);
  ck_assert_msg(at != text.npos && text.find(want, at + 1) == text.npos, "%s", text.c_str());
}
END_TEST

START_TEST(nobody_to_ask) {
  Watching none("");
  CHECK_OK(none.conditions->start());
  ck_assert(none.said(Kind::ready) == Said::untold);
  Watching wrong("http://127.0.0.1:1", "not a name");
  CHECK_TEXT(wrong.conditions->start().message(),
             "\"not a name\" is no name of a node: give --node-name");
  Watching nonsense("nonsense");
  ck_assert(!nonsense.conditions->start().ok());
}
END_TEST

}  // namespace

CHECK_MAIN("node_conditions", lists_and_watches, stays_for_a_while, of_another_name, deleted,
           forbidden, nobody_to_ask)
