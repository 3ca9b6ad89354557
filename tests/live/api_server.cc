#include "tests/live/api_server.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "tests/check.h"
#include "tests/live/files.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

struct ApiServer::Shared {
  struct Kind {
    std::atomic<uint64_t> lists, watches;
    // The test writes the one that is not shown.
    std::atomic<int> shown;
    uint64_t version[2];
    size_t list_size[2];
    char list[2][kListBytesMax];
    // Events, one behind the other: version, size, text.
    std::atomic<size_t> event_size;
    char events[kEventBytesMax];
  };
  std::atomic<int> wanted, shown;  // Behaviour
  std::atomic<uint64_t> requests, questions;
  // "NS UID EVENTS\n" for each pod, of which the last one counts.
  std::atomic<size_t> warning_size;
  char warnings[kWarningBytesMax];
  std::atomic<int> blow;
  std::atomic<uint64_t> blows;
  Kind kinds[kResources];
};

namespace {

struct EventHead {
  uint64_t version;
  uint64_t size;
};

const char* const kKinds[] = {"Service", "EndpointSlice", "Pod", "Node"};
const char* const kVersions[] = {"v1", "discovery.k8s.io/v1", "v1", "v1"};
const char* const kTargets[] = {"/api/v1/services?", "/apis/discovery.k8s.io/v1/endpointslices?",
                                "/api/v1/pods?fieldSelector=spec.nodeName%3Dlive-node&",
                                "/api/v1/nodes?fieldSelector=metadata.name%3D"};
const char* const kNode =
    R"({"metadata":{"name":"live-node"},"status":{"conditions":[{"type":"Ready","status":"True",)"
    R"("reason":"KubeletReady"}]}})";
const char* const kPage = "<!doctype html><title>It works</title>\n";

bool say(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool say_chunk(int fd, std::string_view text) {
  char size[20];
  snprintf(size, sizeof size, "%zx\r\n", text.size());
  return say(fd, size) && say(fd, text) && say(fd, "\r\n");
}

void say_refusal(int fd, const char* status, const std::string& text) {
  say(fd, std::string("HTTP/1.1 ") + status +
              "\r\nContent-Type: application/json\r\nContent-Length: " +
              std::to_string(text.size()) + "\r\n\r\n" + text);
}

bool is_gone(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

const char* const kStream =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

ApiServer ApiServer::start() {
  ApiServer server;
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ck_assert(memory != MAP_FAILED);
  server.shared_ = static_cast<Shared*>(memory);  // all zeros is what it begins with
  for (int resource = 0; resource < kResources; resource++)
    server.list(static_cast<Resource>(resource), resource == kNodes ? kNode : "", 1);
  Fd listener = listen_at(node_address());
  server.port_ = local_address(listener).port();
  pid_t parent = getpid(), pid = fork();
  ck_assert(pid >= 0);
  if (pid == 0) {
    die_with(parent);
    server.serve(std::move(listener));
  }
  return server;
}

void ApiServer::list(Resource resource, std::string_view items, uint64_t version) {
  Shared::Kind& kind = shared_->kinds[resource];
  ck_assert_msg(items.size() <= kListBytesMax, "a list of %zu bytes", items.size());
  int next = 1 - kind.shown;
  memcpy(kind.list[next], items.data(), items.size());
  kind.list_size[next] = items.size();
  kind.version[next] = version;
  kind.shown = next;
}

void ApiServer::tell(Resource resource, const std::string& type, const std::string& object,
                     uint64_t version) {
  Shared::Kind& kind = shared_->kinds[resource];
  std::string text = object;
  std::string field = R"("metadata":{)";
  size_t at = text.find(field);
  ck_assert(at != text.npos);
  text.insert(at + field.size(), R"("resourceVersion":")" + std::to_string(version) + "\",");
  text = R"({"type":")" + type + R"(","object":{"kind":")" + kKinds[resource] +
         R"(","apiVersion":")" + kVersions[resource] + "\"," + text.substr(1) + "}\n";
  EventHead head{version, text.size()};
  size_t size = kind.event_size;
  ck_assert(size + sizeof head + text.size() <= kEventBytesMax);
  memcpy(kind.events + size, &head, sizeof head);
  memcpy(kind.events + size + sizeof head, text.data(), text.size());
  kind.event_size = size + sizeof head + text.size();
}

void ApiServer::warn(const std::string& ns, const std::string& uid, const std::string& events) {
  std::string text = ns + " " + uid + " " + events + "\n";
  size_t size = shared_->warning_size;
  ck_assert(size + text.size() <= kWarningBytesMax);
  memcpy(shared_->warnings + size, text.data(), text.size());
  shared_->warning_size = size + text.size();
}

void ApiServer::behave(Behaviour behaviour) {
  shared_->wanted = behaviour;
  for (int tries = 0; shared_->shown != behaviour; tries++) {
    ck_assert_msg(tries < 2000, "the tests' own API server is stuck");
    sleep_ms(5);
  }
}

void ApiServer::strike(Blow blow) {
  shared_->blow = blow;
  shared_->blows++;
}

uint64_t ApiServer::lists(Resource resource) const {
  return shared_->kinds[resource].lists;
}
uint64_t ApiServer::watches(Resource resource) const {
  return shared_->kinds[resource].watches;
}
uint64_t ApiServer::requests() const {
  return shared_->requests;
}
uint64_t ApiServer::questions() const {
  return shared_->questions;
}

void ApiServer::serve(Fd listener) {
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
    if (fork() != 0) continue;
    die_with(self);
    listener.reset();
    answer(connection.get());
    shutdown(connection.get(), SHUT_WR);
    _exit(0);
  }
}

void ApiServer::answer(int fd) const {
  std::string request;
  while (request.find("\r\n\r\n") == request.npos) {
    char bytes[4096];
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) return;
    request.append(bytes, static_cast<size_t>(got));
  }
  shared_->requests++;
  std::string target = request.substr(4, request.find(' ', 4) - 4);
  int resource = 0;
  while (resource < kResources && target.find(kTargets[resource]) != 0)
    resource++;
  bool is_events = target.find("/api/v1/namespaces/") == 0;
  int behaviour = shared_->shown;
  if (behaviour == kUnauthorized)
    return say_refusal(fd, "401 Unauthorized",
                       R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
                       R"("message":"Unauthorized","reason":"Unauthorized","code":401})");
  if (behaviour == kForbidden)
    return say_refusal(fd, "403 Forbidden",
                       R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)"
                       R"("message":"pods is forbidden","reason":"Forbidden","code":403})");
  if (behaviour == kBroken) return say_refusal(fd, "500 Internal Server Error", "etcd is down");
  if (behaviour == kNotJson) return say_refusal(fd, "200 OK", kPage);
  if (is_events) return answer_events(fd, target);
  size_t at = target.find("&resourceVersion=");
  if (at == target.npos || resource == kResources)
    return say_refusal(fd, "404 Not Found", "404 page not found");
  if (target.find("watch=1&allowWatchBookmarks=true") == target.npos)
    return answer_list(fd, static_cast<Resource>(resource), behaviour);
  answer_watch(fd, static_cast<Resource>(resource),
               strtoull(target.c_str() + at + 17, nullptr, 10));
}

void ApiServer::answer_events(int fd, const std::string& target) const {
  shared_->questions++;
  std::string known = "\n" + std::string(shared_->warnings, shared_->warning_size), events;
  for (size_t at = 0; at + 1 < known.size(); at = known.find('\n', at + 1)) {
    std::string line = known.substr(at + 1, known.find('\n', at + 1) - at - 1);
    size_t ns = line.find(' '), uid = line.find(' ', ns + 1);
    if (target == "/api/v1/namespaces/" + line.substr(0, ns) +
                      "/events?fieldSelector=involvedObject.uid%3D" +
                      line.substr(ns + 1, uid - ns - 1) + "%2Ctype%3DWarning&limit=100")
      events = line.substr(uid + 1);
  }
  say(fd, kStream);
  say_chunk(fd, R"({"kind":"EventList","apiVersion":"v1","metadata":{"resourceVersion":"1"},)"
                R"("items":[)" +
                    events + "]}\n");
  say(fd, "0\r\n\r\n");
}

void ApiServer::answer_list(int fd, Resource resource, int behaviour) const {
  Shared::Kind& kind = shared_->kinds[resource];
  kind.lists++;
  int shown = kind.shown;
  std::string text = std::string(R"({"kind":")") + kKinds[resource] + R"(List","apiVersion":")" +
                     kVersions[resource] + R"(","metadata":{"resourceVersion":")" +
                     std::to_string(kind.version[shown]) + R"("},"items":[)" +
                     std::string(kind.list[shown], kind.list_size[shown]) + "]}\n";
  if (!say(fd, kStream)) return;
  if (behaviour == kHanging) {
    say_chunk(fd, std::string_view(text).substr(0, text.size() / 2));
    while (!is_gone(fd))
      sleep_ms(5);
    return;
  }
  size_t piece = behaviour == kSlowly ? text.size() / 20 + 1 : 65536;
  for (size_t from = 0; from < text.size(); from += piece) {
    if (!say_chunk(fd, std::string_view(text).substr(from, piece))) return;
    if (behaviour == kSlowly) sleep_ms(50);
  }
  say(fd, "0\r\n\r\n");
}

void ApiServer::answer_watch(int fd, Resource resource, uint64_t version) const {
  Shared::Kind& kind = shared_->kinds[resource];
  uint64_t blows = shared_->blows;
  kind.watches++;
  if (!say(fd, kStream)) return;
  for (size_t at = 0; !is_gone(fd);) {
    for (size_t size = kind.event_size; at < size;) {
      EventHead head;
      memcpy(&head, kind.events + at, sizeof head);
      if (head.version > version &&
          !say_chunk(fd, std::string_view(kind.events + at + sizeof head, head.size)))
        return;
      at += sizeof head + head.size;
    }
    if (shared_->blows == blows) {
      sleep_ms(5);
      continue;
    }
    linger hard{1, 0};
    switch (shared_->blow) {
      case kEnd:
        say(fd, "0\r\n\r\n");
        return;
      case kReset:
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        _exit(0);
      case kCut:
        say_chunk(fd, R"({"type":"DELETED","object":{"meta)");
        return;
      case kJunk:
        say_chunk(fd, kPage);
        return;
      default:
        say_chunk(fd, R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1",)"
                      R"("metadata":{},"status":"Failure","message":"too old resource version",)"
                      R"("reason":"Expired","code":410}})"
                      "\n");
        return;
    }
  }
}

}  // namespace kubepulse::live
