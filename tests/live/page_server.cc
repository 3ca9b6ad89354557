#include "tests/live/page_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "tests/check.h"
#include "tests/live/files.h"
#include "tests/live/netns.h"

namespace kubepulse::live {

PageServer::PageServer()
    : path_(scratch_path("pages")), listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  snprintf(name.sun_path, sizeof name.sun_path, "%s", path_.c_str());
  ck_assert(bind(listener_.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
  ck_assert(listen(listener_.get(), 4) == 0);
}

std::string PageServer::await_request() {
  pollfd ready{listener_.get(), POLLIN, 0};
  ck_assert_msg(poll(&ready, 1, kPatienceMs) == 1, "nobody asks");
  client_ = Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::string request;
  char bytes[1024];
  while (request.find("\r\n\r\n") == request.npos) {
    ssize_t got = read(client_.get(), bytes, sizeof bytes);
    ck_assert_msg(got > 0, "no whole request: %s", request.c_str());
    request.append(bytes, static_cast<size_t>(got));
  }
  ck_assert_msg(request.compare(0, 4, "GET ") == 0, "%s", request.c_str());
  return request.substr(4, request.find(' ', 4) - 4);
}

void PageServer::reply(const std::string& body, const std::string& status) {
  std::string text = "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
                     "\r\n\r\n" + body;
  for (size_t sent = 0; sent < text.size();) {
    ssize_t done = send(client_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    ck_assert_msg(done > 0, "the answer is not taken");
    sent += static_cast<size_t>(done);
  }
  client_.reset();
}

void become_command(const Words& words) {
  signal(SIGINT, SIG_DFL);  // what a shell starts in the background ignores it
  std::vector<char*> all{strdup("kubepulse")};
  for (const std::string& word : words)
    all.push_back(strdup(word.c_str()));
  all.push_back(nullptr);
  execv(daemon_binary().c_str(), all.data());
  _exit(126);
}

Child start_command(const Cgroup& cgroup, const std::string& path, const Words& words) {
  return Child::in(cgroup, [&]() -> int {
    Fd out(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    Fd err(open((path + ".err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!out || dup2(out.get(), STDOUT_FILENO) < 0 || dup2(err.get(), STDERR_FILENO) < 0)
      return 126;
    become_command(words);
  });
}

void check_alone_as_nobody(const std::string& subcommand) {
  CHECK_OK(enter_new_netns());
  Launch launch{{subcommand, "--once"}};
  launch.as_nobody = true;
  Ended alone = run_daemon(launch);
  ck_assert_int_eq(alone.status, 1);
  for (const char* part : {"nobody listens at 127.0.0.1:9090", "--url=", "root"})
    ck_assert_msg(alone.err.find(part) != alone.err.npos, "no \"%s\": %s", part, alone.err.c_str());
}

}  // namespace kubepulse::live
