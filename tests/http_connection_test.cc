// What misbehaving and too many clients get: the bounds and the deadlines of the HTTP server.
#include "publish/http_connection.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/check.h"
#include "tests/http_client.h"

using namespace kubepulse;  // NOLINT

namespace {

using Clients = std::vector<std::unique_ptr<Client>>;

// Far more than socket buffers hold, so that whoever asks for it and does not read stays busy.
constexpr int kBigPieces = 100;
constexpr size_t kBigPieceBytes = 25000;

const char kGet[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const char kGetBig[] = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";

HttpResponse handle(const HttpRequest& request) {
  if (request.path == "/big") return stream_of(std::make_unique<Lines>(kBigPieces, kBigPieceBytes));
  return http_text(200);
}

HttpLimits quick() {
  HttpLimits limits;
  limits.head_ns = limits.idle_ns = limits.write_ns = limits.drain_ns = 100 * kNsPerMs;
  limits.pause_ns = 100 * kNsPerMs;
  limits.tick_ns = 10 * kNsPerMs;
  return limits;
}

// Sends all, or as much as the server takes, and returns the whole answer, which ends orderly.
Reply last_reply(Client& client, const std::string& request) {
  client.send(request);
  ck_assert(client.read_through("\r\n\r\n"));
  Reply reply = client.reply();
  ck_assert(client.read_to_end());
  ck_assert_int_ne(client.error, ECONNRESET);
  ck_assert(reply.has("Connection: close"));
  CHECK_TEXT(client.input, "");
  return reply;
}

START_TEST(refusals_are_readable) {
  Site site(handle);
  std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  std::string megabyte(1 << 20, 'x');
  Client malformed(site), body(site), chunked(site), long_head(site), long_line(site), tls(site);
  ck_assert_int_eq(last_reply(malformed, "GET /\r\n\r\n" + megabyte).status(), 400);
  ck_assert_int_eq(last_reply(body, head + "Content-Length: 1048576\r\n\r\n" + megabyte).status(),
                   413);
  ck_assert_int_eq(
      last_reply(chunked, head + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n").status(), 413);
  ck_assert_int_eq(last_reply(long_head, head + "A: " + megabyte + "\r\n\r\n").status(), 431);
  ck_assert_int_eq(last_reply(long_line, megabyte).status(), 431);
  ck_assert_int_eq(last_reply(tls, "\x16\x03\x01\x02").status(), 400);
  ck_assert_uint_eq(site.server->stats().malformed, 6);
  Client head_only(site);
  head_only.send("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
  ck_assert_int_eq(head_only.reply(true).status(), 413);
  ck_assert(head_only.read_to_end());
  CHECK_TEXT(head_only.input, "");
}
END_TEST

START_TEST(draining_is_bounded) {
  Site site(handle, quick());
  Client endless(site), silent(site);
  ck_assert(!endless.send("GET /\r\n\r\n" + std::string(kHttpDrainBytesMax * 8, 'x')));
  // One that never closes its side loses its place.
  ck_assert(silent.send("GET /\r\n\r\n"));
  ck_assert(silent.read_to_end());
  ck_assert(site.until([&] { return site.server->connections() == 0; }));
}
END_TEST

START_TEST(seventy_clients) {
  Site site(handle);
  Clients clients;
  for (int i = 0; i < 70; i++) {
    clients.push_back(std::make_unique<Client>(site));
    ck_assert(clients.back()->send(kGetBig));
  }
  site.turn_for(20);
  int refused = 0;
  for (auto& client : clients) {
    ck_assert(client->read_through("\r\n\r\n"));
    if (client->input.find("HTTP/1.1 503 ") != 0) continue;
    refused++;
    Reply reply = client->reply();
    ck_assert(reply.has("Retry-After: 1"));
    ck_assert(reply.has("Connection: close"));
    ck_assert(client->read_to_end());
    ck_assert_int_ne(client->error, ECONNRESET);
    client->close();
  }
  ck_assert_int_eq(refused, 70 - static_cast<int>(kHttpConnectionsMax));
  ck_assert_uint_eq(site.server->stats().refused, 6);
  ck_assert(site.until([&] { return site.server->connections() == kHttpConnectionsMax; }));
  for (size_t i = 0; i < 8; i++)
    ck_assert(clients[i]->reply().body == Lines(kBigPieces, kBigPieceBytes).whole());
}
END_TEST

// Refused ones that stay on do not add up either.
START_TEST(refused_clients_are_bounded) {
  Site site(handle);
  Clients clients;
  for (size_t i = 0; i < kHttpConnectionsMax + 100; i++) {
    clients.push_back(std::make_unique<Client>(site));
    ck_assert(clients.back()->send(kGetBig));
    CHECK_OK(site.loop->turn(0));
    CHECK_OK(site.loop->turn(0));
    ck_assert_uint_le(site.server->connections(), kHttpConnectionsMax + kHttpDrainingMax);
  }
  ck_assert_uint_eq(site.server->stats().refused, 100);
}
END_TEST

START_TEST(longest_idle_makes_room) {
  Site site(handle);
  Clients clients;
  for (size_t i = 0; i < kHttpConnectionsMax; i++) {
    clients.push_back(std::make_unique<Client>(site));
    ck_assert_int_eq(clients.back()->ask(kGet).status(), 200);
  }
  clients[0]->ask(kGet);  // now the second has waited longest
  Client newcomer(site);
  ck_assert_int_eq(newcomer.ask(kGet).status(), 200);
  ck_assert(clients[1]->read_to_end());
  ck_assert_uint_eq(site.server->stats().evicted, 1);
  ck_assert_uint_eq(site.server->connections(), kHttpConnectionsMax);
  for (size_t i : {size_t{0}, size_t{2}, kHttpConnectionsMax - 1})
    ck_assert_int_eq(clients[i]->ask(kGet).status(), 200);
}
END_TEST

// A connection whose request has come but was not read yet is not idle.
START_TEST(requests_on_their_way_are_kept) {
  Site site(handle);
  Clients clients;
  for (size_t i = 0; i < kHttpConnectionsMax; i++) {
    clients.push_back(std::make_unique<Client>(site));
    ck_assert_int_eq(clients.back()->ask(kGet).status(), 200);
  }
  Client newcomer(site);
  for (auto& client : clients)
    ck_assert_int_gt(send(client->fd(), kGet, strlen(kGet), 0), 0);
  ck_assert_int_eq(newcomer.reply().status(), 503);
  for (auto& client : clients)
    ck_assert_int_eq(client->reply().status(), 200);
}
END_TEST

START_TEST(slow_head_is_cut) {
  Site site(handle, quick());
  Client client(site);
  uint64_t start_ns = monotonic_ns();
  // A byte every few milliseconds would be a head that never ends.
  while (monotonic_ns() < start_ns + 3 * kNsPerSecond && client.take())
    if (site.turn_for(5); !client.input.empty() || !client.send("\n")) break;
  ck_assert(client.read_to_end());
  ck_assert(client.input.find("HTTP/1.1 408 Request Timeout\r\n") == 0);
  ck_assert_uint_ge(monotonic_ns() - start_ns, 100 * kNsPerMs);
  ck_assert_uint_le(monotonic_ns() - start_ns, 1000 * kNsPerMs);
  ck_assert_uint_eq(site.server->stats().timeouts, 1);
}
END_TEST

START_TEST(idle_is_closed) {
  Site site(handle, quick());
  Client silent(site), served(site);
  ck_assert_int_eq(served.ask(kGet).status(), 200);
  ck_assert(silent.read_to_end());
  ck_assert(served.read_to_end());
  CHECK_TEXT(silent.input + served.input, "");
  ck_assert_uint_eq(site.server->connections(), 0);
}
END_TEST

START_TEST(stalled_reader_is_reset) {
  HttpLimits limits = quick();
  limits.write_ns = 300 * kNsPerMs;
  Site site(handle, limits);
  Client stalled(site), slow(site);
  int small = 64 * 1024;
  setsockopt(slow.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  ck_assert(stalled.send(kGetBig));
  ck_assert(slow.send(kGetBig));
  site.turn_for(20);
  ck_assert_uint_eq(site.server->connections(), 2);
  // One that reads on, however slowly, is left alone.
  for (uint64_t end_ns = monotonic_ns() + 900 * kNsPerMs; monotonic_ns() < end_ns;) {
    site.turn_for(5);
    ck_assert(slow.take(8000));
  }
  ck_assert_uint_eq(site.server->connections(), 1);
  ck_assert(stalled.read_to_end());
  ck_assert_int_eq(stalled.error, ECONNRESET);
  ck_assert(slow.reply().body == Lines(kBigPieces, kBigPieceBytes).whole());
}
END_TEST

// With a timer the turn would end early: deadlines are 100 ms here.
START_TEST(idle_server_has_no_timer) {
  Site site(handle, quick());
  auto turn_ms = [&site] {
    uint64_t start_ns = monotonic_ns();
    CHECK_OK(site.loop->turn(400));
    return (monotonic_ns() - start_ns) / kNsPerMs;
  };
  ck_assert_uint_ge(turn_ms(), 399);
  Client client(site);
  client.ask(kGet);
  ck_assert_uint_le(turn_ms(), 300);
  client.close();
  ck_assert(site.until([&] { return site.server->connections() == 0; }));
  ck_assert_uint_ge(turn_ms(), 399);
}
END_TEST

START_TEST(pauses_without_descriptors) {
  Site site(handle, quick());
  Client client(site);
  int lowest = dup(0);  // the first that is free
  close(lowest);
  rlimit all{}, none{};
  getrlimit(RLIMIT_NOFILE, &all);
  none = all;
  none.rlim_cur = static_cast<rlim_t>(lowest);
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  int turns = 0;
  for (uint64_t end_ns = monotonic_ns() + 350 * kNsPerMs; monotonic_ns() < end_ns; turns++)
    CHECK_OK(site.loop->turn(50));
  ck_assert_int_le(turns, 20);
  ck_assert_uint_ge(site.server->stats().pauses, 2);
  ck_assert_uint_le(site.server->stats().pauses, 5);
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
  ck_assert_int_eq(client.ask(kGet).status(), 200);
}
END_TEST

}  // namespace

CHECK_MAIN("http_connection", refusals_are_readable, draining_is_bounded, seventy_clients,
           refused_clients_are_bounded, longest_idle_makes_room, requests_on_their_way_are_kept,
           slow_head_is_cut, idle_is_closed, stalled_reader_is_reset, idle_server_has_no_timer,
           pauses_without_descriptors)
