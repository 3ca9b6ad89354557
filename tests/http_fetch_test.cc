// Against peers of our own: child processes that do what they are told with one connection.
#include "identity/http_fetch.h"

#include "identity/http_url.h"
#include "tests/check.h"
#include "tests/peer.h"

using namespace kubepulse;  // NOLINT

namespace {

std::function<void(int)> answers(const std::string& text) {
  return [text](int fd) {
    hear(fd);
    say(fd, text);
  };
}

HttpFetchLimits short_limits() {
  HttpFetchLimits limits;
  limits.connect_ns = limits.idle_ns = kNsPerSecond;
  limits.whole_ns = 3 * kNsPerSecond;
  return limits;
}

START_TEST(an_answer) {
  HttpPeer peer(answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
  Got got = fetch(peer.get);
  CHECK_OK(got.status);
  ck_assert_int_eq(got.code, 200);
  CHECK_TEXT(got.body, "hello");
}
END_TEST

START_TEST(the_request) {
  HttpPeer peer([](int fd) {
    std::string heard = hear(fd);
    say(fd, "HTTP/1.0 200 OK\r\n\r\n" + heard);
  });
  peer.get.bearer = "secret";
  Got got = fetch(peer.get);
  CHECK_OK(got.status);
  CHECK_TEXT(got.body,
             "GET /pods HTTP/1.1\r\nHost: 127.0.0.1:1\r\nUser-Agent: kubepulse\r\n"
             "Accept: application/json\r\nAuthorization: Bearer secret\r\n"
             "Connection: close\r\n\r\n");
}
END_TEST

START_TEST(byte_by_byte) {
  HttpPeer peer([](int fd) {
    hear(fd);
    for (char c : std::string("HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nnot\r\n4\r\n you\r\n0\r\n\r\n")) {
      say(fd, std::string(1, c));
      usleep(500);
    }
    pause();
  });
  Got got = fetch(peer.get);
  CHECK_OK(got.status);
  ck_assert_int_eq(got.code, 403);
  CHECK_TEXT(got.body, "not you");
}
END_TEST

START_TEST(a_long_one) {
  constexpr uint64_t kBytes = 20 << 20;
  HttpPeer peer([](int fd) {
    hear(fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kBytes) + "\r\n\r\n");
    for (uint64_t sent = 0; sent < kBytes; sent += 1 << 16)
      say(fd, std::string(1 << 16, 'x'));
  });
  Got got = fetch(peer.get);
  CHECK_OK(got.status);
  ck_assert_uint_eq(got.bytes, kBytes);
}
END_TEST

START_TEST(without_end) {
  auto forever = [](int fd) {
    hear(fd);
    say(fd, "HTTP/1.1 200 OK\r\n\r\n");
    for (;;)
      say(fd, std::string(1 << 16, 'x'));
  };
  {
    HttpPeer peer(forever);
    HttpFetchLimits limits;
    limits.body_bytes = 1 << 20;
    Got got = fetch(peer.get, limits);
    check_error(got, "longer than any should be", 200);
    ck_assert_uint_lt(got.bytes, (1 << 20) + (1 << 16));
  }
  HttpPeer peer(forever);
  check_error(fetch(peer.get, {}, 1000), "not wanted", 200);
}
END_TEST

START_TEST(nobody_there) {
  HttpPeer peer(nullptr);
  HttpGet get;
  {
    HttpPeer gone(nullptr);
    get = gone.get;
  }
  check_error(fetch(get), "Connection refused", 0);
}
END_TEST

START_TEST(silent) {
  HttpPeer peer([](int) { pause(); });
  check_error(fetch(peer.get, short_limits()), "it hangs", 0);
}
END_TEST

START_TEST(hangs_in_the_middle) {
  HttpPeer peer([](int fd) {
    hear(fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    pause();
  });
  check_error(fetch(peer.get, short_limits()), "it hangs", 200);
}
END_TEST

START_TEST(trickles) {
  HttpPeer peer([](int fd) {
    hear(fd);
    say(fd, "HTTP/1.1 200 OK\r\n\r\n");
    for (;;) {
      say(fd, "x");
      usleep(20000);
    }
  });
  check_error(fetch(peer.get, short_limits()), "the whole takes too long", 200);
}
END_TEST

START_TEST(no_answer) {
  HttpPeer closes([](int fd) { hear(fd); });
  check_error(fetch(closes.get), "closed without an answer", 0);
  HttpPeer cuts(answers("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"));
  check_error(fetch(cuts.get), "was cut", 200);
  HttpPeer babbles(answers("SSH-2.0-OpenSSH\r\n"));
  check_error(fetch(babbles.get), "not an HTTP answer", 0);
}
END_TEST

START_TEST(given_up) {
  HttpPeer peer([](int) { pause(); });
  Result<Loop> loop = Loop::create();
  HttpFetch fetch(
      loop.value(), peer.get, {}, [](int, std::string_view) { return true; },
      [](Status, int) { ck_abort_msg("done was called"); });
  fetch.start();
  CHECK_OK(loop.value().turn(10));
}
END_TEST

START_TEST(urls) {
  auto url = HttpUrl::parse("https://127.0.0.1:10250");
  ck_assert(url.ok() && url.value().tls && url.value().port == 10250);
  CHECK_TEXT(url.value().text(), "https://127.0.0.1:10250");
  CHECK_TEXT(HttpUrl::parse("http://[::1]/x/y/").value().text(), "http://[::1]:80/x/y");
  CHECK_TEXT(HttpUrl::parse("https://api.example.com").value().authority(), "api.example.com:443");
  CHECK_TEXT(HttpUrl::parse("https://fd00::a:10250").value().text(), "https://[fd00::a]:10250");
  for (const char* bad :
       {"", "127.0.0.1", "ftp://a", "http://", "http://:80", "http://a:", "http://a:0",
        "http://a:65536", "http://a:+1", "http://u@a", "http://a/?q", "http://a/#f", "http://[::1",
        "http://[a]", "http://[::1]80", "http://a b", "http://a/b c", "http://a:1:2", "http://a\n"})
    ck_assert_msg(!HttpUrl::parse(bad).ok(), "%s", bad);
  for (const char* bad : {"http://::1", "http://fd00::", "http://[10.0.0.1]:80"})
    ck_assert_msg(!HttpUrl::parse(bad).ok(), "%s", bad);
}
END_TEST

}  // namespace

CHECK_MAIN("http_fetch", an_answer, the_request, byte_by_byte, a_long_one, without_end,
           nobody_there, silent, hangs_in_the_middle, trickles, no_answer, given_up, urls)
