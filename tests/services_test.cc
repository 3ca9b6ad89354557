// Against an API server of our own.
#include "identity/services.h"

#include <sys/prctl.h>

#include <optional>
#include <string>

#include "tests/captured_log.h"
#include "tests/check.h"
#include "tests/kubelet_peer.h"

using namespace kubepulse;  // NOLINT

namespace {

using Connection = KubeletPeer::Connection;

const std::string kServices =
    R"({"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"5"},"items":[)"
    R"({"metadata":{"name":"web","namespace":"shop"},"spec":{"clusterIP":"10.96.0.2"}},)"
    R"({"metadata":{"name":"old","namespace":"shop"},"spec":{"clusterIP":"10.96.0.3"}}]})";
const std::string kSlices =
    R"({"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","metadata":)"
    R"({"resourceVersion":"6"},"items":[{"metadata":{"name":"web-1","namespace":"shop"},)"
    R"("endpoints":[{"addresses":["10.244.1.5"],"targetRef":{"kind":"Pod","name":"web-a"}}]}]})";
const std::string kServiceEvents =
    R"({"type":"DELETED","object":{"metadata":{"name":"old","namespace":"shop"}}})"
    R"({"type":"ADDED","object":{"metadata":{"name":"new","namespace":"bank"},)"
    R"("spec":{"clusterIP":"10.96.0.4"}}})";
const std::string kSliceEvents =
    R"({"type":"MODIFIED","object":{"metadata":{"name":"web-1","namespace":"shop"},)"
    R"("endpoints":[{"addresses":["10.244.1.6"],"targetRef":{"kind":"Pod","name":"web-b"}}]}})";

// Each connection in a process of its own, as two watches hang at a time.
void serve(const Connection& asked, bool forbidden) {
  pid_t parent = getpid();
  if (fork() != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  std::string head = hear(asked.fd);
  asked.tell(head);
  bool slices = head.find("/endpointslices") != head.npos;
  if (slices && forbidden) {
    say(asked.fd, http_answer(403, "no"));
  } else if (head.find("watch=1") == head.npos) {
    say(asked.fd, http_answer(200, slices ? kSlices : kServices));
  } else {
    // Without a length: until it ends.
    say(asked.fd, "HTTP/1.1 200 OK\r\n\r\n" + (slices ? kSliceEvents : kServiceEvents));
    pause();
  }
  _exit(0);
}

struct Watching {
  explicit Watching(const KubeletPeer& peer) : loop(new_loop()) {
    ApiServerSettings settings;
    settings.url = peer.url();
    settings.service_account = "/nonexistent";
    settings.retry_ns = kNsPerMs;
    services.emplace(loop, settings);
    CHECK_OK(services->start());
  }
  static Loop new_loop() {
    auto loop = Loop::create();
    ck_assert(loop.ok());
    return std::move(loop.value());
  }
  std::string whose(const char* address) const {
    std::optional<Peer> peer = services->table().find(*Address::parse(address));
    return peer ? std::string(peer->ns) + "/" + std::string(peer->name) : "-";
  }
  template <typename Good>
  void wait_for(Good&& good) {
    for (int turns = 0; turns < kTurnsMax && !good(); turns++)
      CHECK_OK(loop.turn(kTurnMs));
    ck_assert(good());
  }

  Loop loop;
  std::optional<Services> services;
};

START_TEST(lists_and_watches) {
  CapturedLog log;
  KubeletPeer peer([](const Connection& asked) { serve(asked, false); });
  Watching watching(peer);
  watching.wait_for([&] {
    return watching.whose("10.96.0.4") == "bank/new" &&
           watching.whose("10.244.1.6") == "shop/web-b";
  });
  CHECK_TEXT(watching.whose("10.96.0.2"), "shop/web");
  CHECK_TEXT(watching.whose("10.96.0.3"), "-");
  CHECK_TEXT(watching.whose("10.244.1.5"), "-");
  ck_assert_uint_eq(watching.services->table().services(), 2);
  std::string text = log.text();
  for (const char* resource : {"services", "endpointslices"}) {
    std::string line = R"({"level":"info","msg":"the API server tells its objects","resource":")" +
                       std::string(resource) + R"(","url":")" + peer.url() + "\"}\n";
    size_t at = text.find(line);
    ck_assert_msg(at != text.npos, "%s", text.c_str());
    text.erase(at, line.size());
  }
  CHECK_TEXT(text, "");
}
END_TEST

START_TEST(half_is_forbidden) {
  CapturedLog log;
  KubeletPeer peer([](const Connection& asked) { serve(asked, true); });
  Watching watching(peer);
  watching.wait_for([&] { return watching.whose("10.96.0.4") == "bank/new"; });
  watching.wait_for([&] { return peer.requests().size() >= 5; });
  CHECK_TEXT(watching.whose("10.244.1.5"), "-");
  const std::string
      text = log.text(),
      want =
          R"("resource":"endpointslices","kind":"forbidden","reason":")" + peer.url() +
          R"(: HTTP status 403, no; grant the verbs list and watch of services, and of endpointslices )"
          R"(in discovery.k8s.io, in a ClusterRole","meanwhile":")";
  size_t at = text.find(want);
  ck_assert_msg(at != text.npos && text.find(want, at + 1) == text.npos, "%s", text.c_str());
}
END_TEST

}  // namespace

CHECK_MAIN("services", lists_and_watches, half_is_forbidden)
