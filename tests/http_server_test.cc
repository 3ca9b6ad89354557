#include "publish/http_server.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>
#include <string>

#include "tests/check.h"
#include "tests/gunzip.h"
#include "tests/http_client.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr int kBigPieces = 400;  // 400 x 25,000 bytes: a page of 10 MB
constexpr size_t kBigPieceBytes = 25000;

std::string folder;
int big_made = 0;
bool big_gone = false;

HttpResponse handle(const HttpRequest& request) {
  if (request.path == "/big") {
    big_made = 0;
    big_gone = false;
    return stream_of(std::make_unique<Lines>(kBigPieces, kBigPieceBytes, &big_made, &big_gone));
  }
  if (request.path == "/page") return stream_of(std::make_unique<Lines>(1, 5000));
  if (request.path == "/whole") {
    HttpResponse response;
    response.body = Lines(100, 20000).whole();
    return response;
  }
  if (request.path != "/") return http_text(404);
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = std::string(request.method) + " ?" + std::string(request.query) + "\n";
  return response;
}

std::string get(const std::string& target, const std::string& fields = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

START_TEST(answers_and_keeps_alive) {
  Site site(handle);
  Client client(site);
  for (int i = 0; i < 3; i++) {
    Reply reply = client.ask(get("/?" + std::to_string(i)));
    ck_assert_int_eq(reply.status(), 200);
    ck_assert(reply.has("Content-Type: text/plain"));
    ck_assert(!reply.has("Connection: close"));
    CHECK_TEXT(reply.body, "GET ?" + std::to_string(i) + "\n");
  }
  ck_assert_int_eq(client.ask(get("/none")).status(), 404);
  Reply reply = client.ask("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
  ck_assert_int_eq(reply.status(), 405);
  ck_assert(reply.has("Allow: GET, HEAD"));
  ck_assert_int_eq(client.ask(get("/")).status(), 200);
  ck_assert_uint_eq(site.server->connections(), 1);
  ck_assert_uint_eq(site.server->stats().requests, 6);

  reply = client.ask(get("/", "Connection: close\r\n"));
  ck_assert(reply.has("Connection: close"));
  ck_assert(client.read_to_end());
  ck_assert_int_ne(client.error, ECONNRESET);
  client.close();
  ck_assert(site.until([&] { return site.server->connections() == 0; }));
}
END_TEST

START_TEST(split_at_every_byte) {
  Site site(handle);
  Client client(site);
  std::string request = get("/?split");
  for (size_t at = 1; at < request.size(); at++) {
    ck_assert(client.send(request.substr(0, at)));
    CHECK_OK(site.loop->turn(0));
    CHECK_OK(site.loop->turn(0));
    CHECK_TEXT(client.ask(request.substr(at)).body, "GET ?split\n");
  }
  for (char byte : request) {
    ck_assert(client.send(std::string(1, byte)));
    CHECK_OK(site.loop->turn(0));
  }
  CHECK_TEXT(client.reply().body, "GET ?split\n");
}
END_TEST

START_TEST(pipelines_in_order) {
  Site site(handle);
  Client client(site);
  std::string requests;
  for (int i = 0; i < 500; i++)
    requests += get("/?" + std::to_string(i));
  requests += get("/page") + "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/last");
  ck_assert(client.send(requests));
  for (int i = 0; i < 500; i++)
    CHECK_TEXT(client.reply().body, "GET ?" + std::to_string(i) + "\n");
  ck_assert(client.reply().body == Lines(1, 5000).whole());
  ck_assert(client.reply(true).has("Content-Length: 7"));
  ck_assert_int_eq(client.reply().status(), 404);
  CHECK_TEXT(client.input, "");
}
END_TEST

START_TEST(head) {
  Site site(handle);
  Client client(site);
  for (const char* target : {"/", "/page", "/big", "/none", "/whole"}) {
    Reply reply = client.ask(std::string("HEAD ") + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(reply.status(), std::string(target) == "/none" ? 404 : 200);
    site.turn_for(5);
    client.take();
    CHECK_TEXT(client.input, "");
  }
}
END_TEST

START_TEST(http_1_0) {
  Site site(handle);
  Client plain(site), kept(site), big(site);
  Reply reply = plain.ask("GET / HTTP/1.0\r\n\r\n");
  ck_assert(reply.has("Connection: close"));
  ck_assert(plain.read_to_end());
  CHECK_TEXT(plain.input, "");
  for (int i = 0; i < 2; i++) {
    reply = kept.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    ck_assert(reply.has("Connection: keep-alive"));
    CHECK_TEXT(reply.body, "GET ?\n");
  }
  reply = big.ask("GET /big HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ck_assert(reply.has("Connection: close"));
  ck_assert(reply.body == Lines(kBigPieces, kBigPieceBytes).whole());
}
END_TEST

START_TEST(half_close) {
  Site site(handle);
  Client client(site), big(site), partial(site);
  ck_assert(client.send(get("/?half")));
  shutdown(client.fd(), SHUT_WR);
  CHECK_TEXT(client.reply().body, "GET ?half\n");
  ck_assert(client.read_to_end());
  ck_assert(big.send(get("/big")));
  shutdown(big.fd(), SHUT_WR);
  ck_assert(big.reply().body == Lines(kBigPieces, kBigPieceBytes).whole());
  ck_assert(big.read_to_end());
  ck_assert(partial.send("GET / HT"));
  shutdown(partial.fd(), SHUT_WR);
  ck_assert(partial.read_to_end());
  CHECK_TEXT(partial.input, "");
  ck_assert_uint_eq(site.server->connections(), 0);
}
END_TEST

START_TEST(compresses) {
  Site site(handle);
  Client client(site);
  for (const char* target : {"/page", "/whole", "/big"}) {
    Reply reply = client.ask(get(target, "Accept-Encoding: gzip\r\n"));
    ck_assert(reply.has("Content-Encoding: gzip"));
    ck_assert(reply.has("Vary: Accept, Accept-Encoding"));
    std::string want = std::string(target) == "/page" ? Lines(1, 5000).whole()
                       : std::string(target) == "/whole"
                           ? Lines(100, 20000).whole()
                           : Lines(kBigPieces, kBigPieceBytes).whole();
    ck_assert(gunzip(reply.body) == want);
  }
}
END_TEST

// The page is made as it is read: what has been made and not read fits into the socket buffers.
START_TEST(slow_reader_holds_a_cursor) {
  Site site(handle);
  Client slow(site), other(site);
  int small = 64 * 1024;
  setsockopt(slow.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  ck_assert(slow.send(get("/big")));
  site.turn_for(50);
  ck_assert_int_lt(big_made, kBigPieces / 4);
  // Others are served meanwhile.
  CHECK_TEXT(other.ask(get("/?other")).body, "GET ?other\n");
  size_t taken = 0, read_bytes = 0;
  while (read_bytes < size_t{1} << 20) {
    slow.take(3001);
    read_bytes = slow.input.size();
    CHECK_OK(site.loop->turn(0));
    if (++taken % 100 == 0)
      ck_assert_uint_lt(static_cast<size_t>(big_made) * kBigPieceBytes, read_bytes + 2500000);
  }
  ck_assert(!big_gone);
  ck_assert(slow.reply().body == Lines(kBigPieces, kBigPieceBytes).whole());
  ck_assert(big_gone);
  ck_assert_int_eq(slow.ask(get("/")).status(), 200);
}
END_TEST

START_TEST(reset_by_client) {
  Site site(handle);
  Client client(site), early(site), silent(site);
  ck_assert(client.send(get("/big")));
  ck_assert(client.read_size(100000));
  client.reset();
  ck_assert(site.until([&] { return big_gone && site.server->connections() == 2; }));
  ck_assert(early.send("GET / HT"));
  site.turn_for(5);
  early.reset();
  silent.reset();
  ck_assert(site.until([&] { return site.server->connections() == 0; }));
  Client next(site);
  ck_assert_int_eq(next.ask(get("/")).status(), 200);
}
END_TEST

START_TEST(unix_socket) {
  std::string path = folder + "/sock";
  {
    Site site(handle, {}, "unix:" + path);
    CHECK_TEXT(site.server->address(), "unix:" + path);
    Client client(site), gone(site);
    CHECK_TEXT(client.ask(get("/?unix")).body, "GET ?unix\n");
    ck_assert(client.ask(get("/big")).body == Lines(kBigPieces, kBigPieceBytes).whole());
    ck_assert(gone.send(get("/big")));
    ck_assert(gone.read_size(1000));
    gone.close();
    ck_assert(site.until([&] { return site.server->connections() == 1; }));
    ck_assert_int_eq(client.ask(get("/")).status(), 200);
  }
  ck_assert_int_ne(access(path.c_str(), F_OK), 0);
}
END_TEST

START_TEST(ends_with_open_connections) {
  Site site(handle);
  Client idle(site), busy(site);
  idle.ask(get("/"));
  ck_assert(busy.send(get("/big")));
  ck_assert(busy.read_size(1000));
  site.server.reset();
  ck_assert(big_gone);
  ck_assert(idle.read_to_end());
  ck_assert(busy.read_to_end());
}
END_TEST

std::set<int> open_fds() {
  std::set<int> fds;
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) fds.insert(fd);
  return fds;
}

START_TEST(closes_on_exec) {
  std::set<int> before = open_fds();
  {
    Site site(handle);
    Client client(site);
    client.ask(get("/"));
    int checked = 0;
    for (int fd : open_fds())
      if (before.count(fd) == 0) {
        ck_assert_msg((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "fd %d", fd);
        checked++;
      }
    ck_assert_int_eq(checked, 4);  // epoll, listener, connection; the client's own
  }
  ck_assert(open_fds() == before);
}
END_TEST

}  // namespace

int main() {
  char name[] = "/tmp/kubepulse-http-XXXXXX";
  if (mkdtemp(name) == nullptr) return EXIT_FAILURE;
  folder = name;
  int result = run_suite(
      "http_server", {answers_and_keeps_alive, split_at_every_byte, pipelines_in_order, head,
                      http_1_0, half_close, compresses, slow_reader_holds_a_cursor, reset_by_client,
                      unix_socket, ends_with_open_connections, closes_on_exec});
  unlink((folder + "/sock").c_str());
  rmdir(name);
  return result;
}
