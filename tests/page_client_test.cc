#include "client/page_client.h"

#include <sys/un.h>

#include <cstdio>

#include "tests/check.h"
#include "tests/peer.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Page {
  Status status;
  int code = 0;
  std::string text;
};

Page ask(const std::string& url, const char* beside = "") {
  auto loop = Loop::create();
  ck_assert(loop.ok());
  PageClient client(loop.value(), url);
  Page page;
  bool done = false;
  client.ask(
      beside, [&page](std::string_view piece) { page.text += piece; },
      [&](Status status) {
        page.status = std::move(status);
        page.code = client.code();
        done = true;
      });
  ck_assert(!done);
  for (int turns = 0; turns < kTurnsMax && !done; turns++)
    CHECK_OK(loop.value().turn(kTurnMs));
  ck_assert_msg(done, "it did not end");
  return page;
}

std::string url_of(const HttpPeer& peer, const char* host) {
  auto port = reinterpret_cast<const sockaddr_in*>(&peer.get.address)->sin_port;
  return std::string("http://") + host + ":" + std::to_string(ntohs(port)) + "/page";
}

void serve(int fd, const char* status) {
  bool asked = hear(fd).compare(0, 20, "GET /page HTTP/1.1\r\n") == 0;
  std::string head = std::string("HTTP/1.1 ") + status + "\r\nContent-Length: 4\r\n\r\n";
  say(fd, head + (asked ? "a 1\n" : "b 2\n"));
}

START_TEST(of_a_port) {
  HttpPeer peer([](int fd) { serve(fd, "200 OK"); });
  Page page = ask(url_of(peer, "127.0.0.1"));
  CHECK_OK(page.status);
  CHECK_TEXT(page.text, "a 1\n");
}
END_TEST

// A name may have two addresses, of which nobody listens on the first.
START_TEST(of_a_name) {
  HttpPeer peer([](int fd) { serve(fd, "200 OK"); });
  Page page = ask(url_of(peer, "localhost"));
  CHECK_OK(page.status);
  CHECK_TEXT(page.text, "a 1\n");
}
END_TEST

START_TEST(of_a_socket_without_a_file) {
  std::string name = "kubepulse-test-" + std::to_string(getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", name.c_str());
  Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ck_assert(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  ck_assert(listen(listener.get(), 1) == 0);
  pid_t child = fork();
  if (child == 0) {
    Fd fd(accept(listener.get(), nullptr, nullptr));
    ck_assert(hear(fd.get()).compare(0, 13, "GET /metrics ") == 0);
    say(fd.get(), "HTTP/1.0 200 OK\r\n\r\nc 3\n");
    _exit(0);
  }
  Page page = ask("unix:@" + name);
  waitpid(child, nullptr, 0);
  CHECK_OK(page.status);
  CHECK_TEXT(page.text, "c 3\n");
}
END_TEST

START_TEST(beside) {
  HttpPeer peer([](int fd) {
    bool asked = hear(fd).compare(0, 18, "GET /other HTTP/1.") == 0;
    say(fd,
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n") + (asked ? "d 4\n" : "e 5\n"));
  });
  Page page = ask(url_of(peer, "127.0.0.1"), "other");
  CHECK_OK(page.status);
  CHECK_TEXT(page.text, "d 4\n");
  ck_assert_int_eq(page.code, 200);
}
END_TEST

START_TEST(no_page) {
  HttpPeer other([](int fd) { serve(fd, "404 Not Found"); });
  Page page = ask(url_of(other, "127.0.0.1"));
  CHECK_TEXT(page.status.message(), "it answers with HTTP status 404");
  ck_assert_int_eq(page.code, 404);
  CHECK_TEXT(page.text, "");
  CHECK_TEXT(ask("unix:/nonexistent/socket").status.message(),
             "connecting: No such file or directory");
  HttpPeer cut([](int fd) {
    hear(fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1\n");
  });
  page = ask(url_of(cut, "127.0.0.1"));
  ck_assert(!page.status.ok());
}
END_TEST

}  // namespace

CHECK_MAIN("page_client", of_a_port, of_a_name, of_a_socket_without_a_file, beside, no_page)
