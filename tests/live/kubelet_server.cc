#include "tests/live/kubelet_server.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/clock.h"
#include "tests/check.h"
#include "tests/live/files.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

// One writer a field: the test, or one connection after the other (a daemon has one at a time).
struct KubeletServer::Shared {
  std::atomic<int> wanted;  // Behaviour
  std::atomic<int> shown;   // which the server has taken up
  std::atomic<uint64_t> requests;
  std::atomic<uint64_t> failures;
  char target[256];
  char authorization[4096];
  // The test writes the one that is not shown.
  std::atomic<int> list;
  size_t list_size[2];
  char list_bytes[2][kListBytesMax];
};

namespace {

constexpr size_t kChunk = 4096;
constexpr unsigned kSlowPieces = 20;

void put(char* field, size_t size, const std::string& text) {
  snprintf(field, size, "%s", text.c_str());
}

// The value of a field of a request; `name` as it is written.
std::string field_of(const std::string& request, const std::string& name) {
  size_t at = request.find("\r\n" + name + ": ");
  if (at == request.npos) return "";
  at += name.size() + 4;
  return request.substr(at, request.find("\r\n", at) - at);
}

std::string head_of(const std::string& status, const std::string& type, const std::string& more) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\n" + more + "\r\n";
}

std::string length_field(size_t size) {
  return "Content-Length: " + std::to_string(size) + "\r\n";
}

const std::string kChunked = "Transfer-Encoding: chunked\r\n";

std::string chunk(std::string_view text) {
  char size[20];
  snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}

std::string refusal(const std::string& status, const std::string& text) {
  return head_of(status, "text/plain; charset=utf-8", length_field(text.size())) + text;
}

// Until the peer has had enough.
void wait_for_end(KubeletServer::Wire& wire) {
  while (!wire.hear().empty()) {
  }
}

void say_chunks(KubeletServer::Wire& wire, std::string_view text, size_t piece, unsigned pause_ms) {
  while (!text.empty()) {
    if (!wire.say(chunk(text.substr(0, piece)))) return;
    text.remove_prefix(std::min(piece, text.size()));
    if (pause_ms > 0) sleep_ms(pause_ms);
  }
  wire.say("0\r\n\r\n");
}

void say_endlessly(KubeletServer::Wire& wire) {
  std::string pods;
  for (int number = 0; number < 1000; number++)
    pods += R"({"metadata":{"name":"endless","namespace":"default","uid":"e"}},)";
  wire.say(chunk(R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)"));
  for (std::string piece = chunk(pods); wire.say(piece);) {
  }
}

}  // namespace

bool KubeletServer::Wire::begin(int fd) {
  fd_ = fd;
  return true;
}

bool KubeletServer::Wire::say(std::string_view text) {
  while (!text.empty()) {
    ssize_t sent = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string KubeletServer::Wire::hear() {
  char bytes[4096];
  ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
  return {bytes, got > 0 ? static_cast<size_t>(got) : 0};
}

KubeletServer KubeletServer::start(const MakeWire& make_wire) {
  KubeletServer server;
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ck_assert(memory != MAP_FAILED);
  server.shared_ = static_cast<Shared*>(memory);  // all zeros is what it begins with
  server.list(R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":null})");
  Fd listener = listen_at(node_address());
  server.port_ = local_address(listener).port();
  pid_t parent = getpid(), pid = fork();
  ck_assert(pid >= 0);
  if (pid == 0) {
    die_with(parent);
    server.serve(std::move(listener), make_wire);
  }
  return server;
}

std::string KubeletServer::address() const {
  return node_address() + ":" + std::to_string(port_);
}

void KubeletServer::list(std::string_view pods) {
  ck_assert_msg(pods.size() <= kListBytesMax, "a list of %zu bytes", pods.size());
  int next = 1 - shared_->list;
  memcpy(shared_->list_bytes[next], pods.data(), pods.size());
  shared_->list_size[next] = pods.size();
  shared_->list = next;
}

void KubeletServer::behave(Behaviour behaviour) {
  shared_->wanted = behaviour;
  for (int tries = 0; shared_->shown != behaviour; tries++) {
    ck_assert_msg(tries < 2000, "the tests' own kubelet is stuck");
    sleep_ms(5);
  }
}

uint64_t KubeletServer::requests() const {
  return shared_->requests;
}
uint64_t KubeletServer::failures() const {
  return shared_->failures;
}
std::string KubeletServer::last_target() const {
  return shared_->target;
}
std::string KubeletServer::last_authorization() const {
  return shared_->authorization;
}

void KubeletServer::serve(Fd listener, const MakeWire& make_wire) {
  signal(SIGCHLD, SIG_IGN);
  pid_t self = getpid();
  while (true) {
    int wanted = shared_->wanted;
    if (wanted == kDead) listener.reset();
    if (wanted != kDead && !listener) listener = listen_at("127.0.0.1", port_);
    shared_->shown = wanted;
    pollfd waited{listener.get(), POLLIN, 0};  // -1 is passed over
    if (poll(&waited, 1, 5) <= 0) continue;
    Fd connection = accept_from(listener);
    timeval limit{60, 0};  // what hangs is the peer's to give up
    setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (fork() != 0) continue;
    die_with(self);
    listener.reset();
    std::unique_ptr<Wire> wire = make_wire();
    if (wire->begin(connection.get())) {
      answer(*wire);
      wire->end();
      // Or what the peer said last would make of the end a reset.
      shutdown(connection.get(), SHUT_WR);
    } else {
      shared_->failures++;
    }
    _exit(0);
  }
}

void KubeletServer::answer(Wire& wire) const {
  std::string request;
  while (request.find("\r\n\r\n") == request.npos) {
    std::string piece = wire.hear();
    if (piece.empty()) {
      shared_->failures++;
      return;
    }
    request += piece;
  }
  size_t target = request.find(' ') + 1;
  put(shared_->target, sizeof shared_->target,
      request.substr(target, request.find(' ', target) - target));
  put(shared_->authorization, sizeof shared_->authorization, field_of(request, "Authorization"));
  Behaviour behaviour = static_cast<Behaviour>(shared_->shown.load());
  shared_->requests++;

  int shown = shared_->list;
  std::string_view pods(shared_->list_bytes[shown], shared_->list_size[shown]);
  const std::string kJson = "application/json";
  switch (behaviour) {
    case kWell:
    case kDead:  // which came too late for it
      wire.say(head_of("200 OK", kJson, kChunked));
      return say_chunks(wire, pods, kChunk, 0);
    case kSlowly:
      wire.say(head_of("200 OK", kJson, kChunked));
      return say_chunks(wire, pods, pods.size() / kSlowPieces + 1, 1000 / kSlowPieces);
    case kHanging:
      wire.say(head_of("200 OK", kJson, kChunked) + chunk(pods.substr(0, pods.size() / 2)));
      return wait_for_end(wire);
    case kUnauthorized:
      wire.say(refusal("401 Unauthorized", "Unauthorized"));
      return;
    case kForbidden:
      wire.say(refusal("403 Forbidden",
                       "Forbidden (user=system:serviceaccount:monitoring:kubepulse, verb=get, "
                       "resource=nodes, subresource(s)=[pods proxy])"));
      return;
    case kBroken:
      wire.say(refusal("500 Internal Server Error", "runtime is down\n"));
      return;
    case kCut:
      wire.say(head_of("200 OK", kJson, length_field(pods.size())));
      wire.say(pods.substr(0, pods.size() / 2));
      return;
    case kEndless:
      wire.say(head_of("200 OK", kJson, kChunked));
      return say_endlessly(wire);
    case kNested: {
      std::string deep = R"({"kind":"PodList","apiVersion":"v1","items":)";
      deep.append(1 << 20, '[');
      wire.say(head_of("200 OK", kJson, length_field(deep.size())) + deep);
      return;
    }
    case kNotJson: {
      std::string page = "<!doctype html><title>It works</title>\n";
      wire.say(head_of("200 OK", "text/html", length_field(page.size())) + page);
      return;
    }
  }
}

}  // namespace kubepulse::live
