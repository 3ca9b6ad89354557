// The pages, and clients of every temper while events go on being counted.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/text_checks.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

HttpAnswer ask(const Daemon& daemon, const std::string& request, bool has_body = true) {
  Result<HttpAnswer> answer = http_exchange(daemon.address(), request, has_body);
  CHECK_OK(answer.ok() ? Status() : std::move(answer.status()).in(request.substr(0, 60)));
  return answer.value();
}

void check_status(const HttpAnswer& answer, int want) {
  ck_assert_msg(answer.status == want, "want %d:\n%s", want, answer.head.c_str());
}

START_TEST(pages) {
  const Daemon& daemon = shared_daemon();
  check_status(daemon.get("/healthz"), 200);
  check_status(daemon.get("/readyz"), 200);
  check_status(daemon.get("/metrics"), 200);
  check_status(daemon.get("/metrics?name=x"), 200);
  check_status(daemon.get("/"), daemon.get("/").status == 200 ? 200 : 404);
  check_status(daemon.get("/nothing"), 404);
  check_status(daemon.get("/metrics/"), 404);
  check_status(daemon.get("/../../etc/passwd"), 404);
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    HttpAnswer answer = ask(daemon, std::string(method) +
                                        " /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                        "Content-Length: 0\r\n\r\n");
    check_status(answer, 405);
    ck_assert_msg(answer.header("allow").find("GET") != std::string::npos, "no Allow: GET");
  }
}
END_TEST

START_TEST(head_has_no_body) {
  for (const char* path : {"/metrics", "/healthz", "/nothing"}) {
    HttpAnswer answer = ask(
        shared_daemon(),
        "HEAD " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);
    check_status(answer, std::string(path) == "/nothing" ? 404 : 200);
  }
}
END_TEST

START_TEST(malformed_requests) {
  const Daemon& daemon = shared_daemon();
  const std::string end = "\r\nHost: x\r\nConnection: close\r\n\r\n";
  check_status(ask(daemon, "\x16\x03\x01 hello\r\n\r\n"), 400);
  check_status(ask(daemon, "GET\r\n\r\n"), 400);
  check_status(ask(daemon, "GET metrics HTTP/1.1" + end), 400);
  check_status(ask(daemon, "GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n"), 400);
  int status = ask(daemon, "GET /metrics HTTP/9.9" + end).status;
  ck_assert_msg(status == 400 || status == 505, "HTTP/9.9: %d", status);
  check_status(
      ask(daemon, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + std::string(9000, 'x') + end), 431);
  status = ask(daemon, "GET /" + std::string(9000, 'x') + " HTTP/1.1" + end).status;
  ck_assert_msg(status == 414 || status == 431, "a long path: %d", status);
  check_status(daemon.get("/healthz"), 200);
}
END_TEST

START_TEST(open_metrics) {
  const Daemon& daemon = shared_daemon();
  HttpAnswer answer = daemon.get(
      "/metrics", "Accept: application/openmetrics-text;version=1.0.0;q=0.75,text/plain;q=0.5\r\n");
  check_status(answer, 200);
  std::string type = answer.header("content-type");
  ck_assert_msg(type.find("application/openmetrics-text") == 0, "%s", type.c_str());
  ck_assert(answer.body.size() > 6 && answer.body.substr(answer.body.size() - 6) == "# EOF\n");
  Result<Page> page = Page::parse(answer.body, PageFormat::kOpenMetrics);
  CHECK_OK(page.ok() ? Status() : page.status());

  answer = daemon.get("/metrics");
  type = answer.header("content-type");
  ck_assert_msg(type.find("text/plain") == 0 && type.find("0.0.4") != std::string::npos, "%s",
                type.c_str());
}
END_TEST

START_TEST(gzip) {
  HttpAnswer answer = shared_daemon().get("/metrics", "Accept-Encoding: gzip, deflate\r\n");
  check_status(answer, 200);
  CHECK_TEXT(answer.header("content-encoding"), "gzip");
  Result<std::string> text = gunzip(answer.body);
  CHECK_OK(text.ok() ? Status() : text.status());
  Result<Page> page = Page::parse(text.value());
  CHECK_OK(page.ok() ? Status() : page.status());
  ck_assert(answer.body.size() < text.value().size() / 2);
  answer = shared_daemon().get("/metrics", "Accept-Encoding: gzip;q=0\r\n");
  CHECK_TEXT(answer.header("content-encoding"), "");
}
END_TEST

START_TEST(keep_alive) {
  Result<Fd> connection = http_dial(shared_daemon().address());
  CHECK_OK(connection.ok() ? Status() : connection.status());
  const std::string open = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  // Three requests in one go.
  std::string all = open + open + last;
  ck_assert(send(connection.value().get(), all.data(), all.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(all.size()));
  std::string answers = http_read_all(connection.value());
  int count = 0;
  for (size_t at = 0; (at = answers.find("HTTP/1.1 200", at)) != std::string::npos; at++)
    count++;
  ck_assert_msg(count == 3, "%s", answers.c_str());
}
END_TEST

// As Prometheus comes: by TCP, on a port that the daemon was given.
START_TEST(listens_on_tcp) {
  for (const char* host : {"127.0.0.1:0", "[::1]:0"}) {
    if (host[0] == '[' && access("/proc/net/if_inet6", R_OK) != 0) continue;
    Daemon daemon = Daemon::start({{std::string("--listen=") + host}});
    ck_assert(daemon.scrape().has("kubepulse_build_info"));
    daemon.stop();
  }
}
END_TEST

// Traffic for exact counts beside whatever `clients` do.
template <typename Clients>
void count_beside(const std::string& name, const Clients& clients) {
  constexpr uint64_t kTimes = 300;
  Cgroup server = make_unit(name + "-server"), client = make_unit(name + "-client");
  Child traffic = Child::in(client, [&] {
    for (uint64_t made = 0; made < kTimes; made++) {
      make_connection(client, server).close();
      sleep_ms(1);
    }
    return 0;
  });
  clients();
  traffic.finish();
  expect_tcp(shared_daemon(), client.owner,
             {{"out", kTimes}, {"handshakes", kTimes}, {"lifetimes", kTimes}});
  expect_tcp(shared_daemon(), server.owner, {{"in", kTimes}});
}

// Its other descriptors come and go with the cgroups of the machine.
size_t sockets_of(const Daemon& daemon) {
  size_t sockets = 0;
  std::string folder = "/proc/" + std::to_string(daemon.pid()) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::error_code gone;
    sockets += std::filesystem::read_symlink(entry.path(), gone).native().rfind("socket:", 0) == 0;
  }
  return sockets;
}

// More than are let in at once: each is answered, with a page or with 503.
START_TEST(two_hundred_clients) {
  const Daemon& daemon = shared_daemon();
  size_t sockets = sockets_of(daemon);
  count_beside("crowd-http", [&] {
    std::vector<Fd> clients;
    for (int number = 0; number < 200; number++) {
      Result<Fd> connection = http_dial(daemon.address(), 5000);
      CHECK_OK(connection.ok() ? Status() : connection.status());
      clients.push_back(std::move(connection.value()));
    }
    const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (const Fd& client : clients)
      send(client.get(), request.data(), request.size(), MSG_NOSIGNAL);
    int good = 0, refused = 0, closed = 0;
    for (const Fd& client : clients) {
      std::string bytes = http_read_all(client);
      Result<HttpAnswer> answer = parse_http_answer(bytes);
      if (bytes.empty())
        closed++;
      else if (answer.ok() && answer.value().status == 200)
        good += Page::parse(answer.value().body).ok() ? 1 : 0;
      else if (answer.ok() && answer.value().status == 503)
        refused++;
    }
    ck_assert_msg(good + refused + closed == 200, "%d good, %d refused, %d closed", good, refused,
                  closed);
    ck_assert_msg(good >= 60, "%d good, %d refused, %d closed", good, refused, closed);
  });
  for (int waits = 0; waits < 500 && sockets_of(daemon) != sockets; waits++)
    usleep(10000);
  ck_assert_uint_eq(sockets_of(daemon), sockets);
}
END_TEST

// Clients that come and say nothing keep nobody out.
START_TEST(silent_clients) {
  const Daemon& daemon = shared_daemon();
  std::vector<Fd> silent;
  for (int number = 0; number < 200; number++) {
    Result<Fd> connection = http_dial(daemon.address());
    if (connection.ok()) silent.push_back(std::move(connection.value()));
  }
  uint64_t start_ns = monotonic_ns();
  Result<HttpAnswer> answer = http_get(daemon.address(), "/healthz");
  ck_assert_msg(answer.ok() && answer.value().status == 200, "%s",
                answer.ok() ? answer.value().head.c_str() : answer.status().message().c_str());
  ck_assert(seconds_since(start_ns) < kPromptSeconds);
}
END_TEST

START_TEST(request_of_a_megabyte) {
  const Daemon& daemon = shared_daemon();
  count_beside("megabyte", [&] {
    for (const std::string& head :
         {std::string("GET /metrics HTTP/1.1\r\nHost: x\r\nX: "),
          std::string("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"),
          std::string("GET /"), std::string()}) {
      Result<HttpAnswer> answer =
          http_exchange(daemon.address(), head + std::string(1000 * 1000, 'x'));
      ck_assert_msg(answer.ok() && answer.value().status >= 400 && answer.value().status < 500,
                    "%s",
                    answer.ok() ? answer.value().head.c_str() : answer.status().message().c_str());
    }
  });
}
END_TEST

// One byte a second: others are served at once, and after a while the patience ends.
START_TEST(slow_client) {
  const Daemon& daemon = shared_daemon();
  Result<Fd> slow = http_dial(daemon.address());
  CHECK_OK(slow.ok() ? Status() : slow.status());
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: example\r\n\r\n";
  count_beside("slow-http", [&] {
    uint64_t start_ns = monotonic_ns();
    for (size_t sent = 0;; sent++) {
      ck_assert_msg(seconds_since(start_ns) < 15 && sent < request.size(), "served without end");
      if (send(slow.value().get(), request.data() + sent, 1, MSG_NOSIGNAL) != 1) break;
      uint64_t asked_ns = monotonic_ns();
      daemon.scrape();
      ck_assert_msg(seconds_since(asked_ns) < kPromptSeconds, "the page took %g s",
                    seconds_since(asked_ns));
      pollfd waited{slow.value().get(), POLLIN, 0};
      if (poll(&waited, 1, 1000) == 1) break;
    }
    ck_assert_msg(seconds_since(start_ns) > 2, "closed after %g s", seconds_since(start_ns));
    std::string bytes = http_read_all(slow.value());
    ck_assert_msg(bytes.empty() || bytes.compare(0, 12, "HTTP/1.1 408") == 0, "%s", bytes.c_str());
  });
}
END_TEST

// A client that asks and does not read.
START_TEST(client_that_does_not_read) {
  const Daemon& daemon = shared_daemon();
  std::vector<Fd> clients;
  std::string requests;
  for (int number = 0; number < 50; number++)
    requests += "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
  for (int number = 0; number < 10; number++) {
    Result<Fd> connection = http_dial(daemon.address());
    CHECK_OK(connection.ok() ? Status() : connection.status());
    send(connection.value().get(), requests.data(), requests.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    clients.push_back(std::move(connection.value()));
  }
  count_beside("unread-http", [&] {
    for (int number = 0; number < 20; number++) {
      uint64_t asked_ns = monotonic_ns();
      daemon.scrape();
      ck_assert_msg(seconds_since(asked_ns) < kPromptSeconds, "the page took %g s",
                    seconds_since(asked_ns));
    }
  });
}
END_TEST

}  // namespace

Case http_case() {
  return {"http",
          true,
          {pages, head_has_no_body, malformed_requests, open_metrics, gzip, keep_alive,
           listens_on_tcp, two_hundred_clients, silent_clients, request_of_a_megabyte, slow_client,
           client_that_does_not_read}};
}

}  // namespace kubepulse::live
