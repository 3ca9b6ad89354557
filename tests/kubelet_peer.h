// A kubelet for tests: a child process that serves one connection after the other, and tells what
// it was asked.
#ifndef KUBEPULSE_TESTS_KUBELET_PEER_H
#define KUBEPULSE_TESTS_KUBELET_PEER_H

#include <fcntl.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/peer.h"

namespace kubepulse {

class KubeletPeer {
 public:
  struct Connection {
    int fd;
    size_t number;  // counted from 0
    int tells;

    // The head of a request, to be told before it is answered.
    void tell(const std::string& head) const {
      auto size = static_cast<ssize_t>(head.size() + 1);
      if (write(tells, head.c_str(), head.size() + 1) != size) _exit(1);
    }
    void hear() const { tell(kubepulse::hear(fd)); }
  };
  using Serve = std::function<void(const Connection&)>;

  // On that port of 127.0.0.1; 0: any.
  explicit KubeletPeer(const Serve& serve, uint16_t wanted_port = 0) {
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    heard_ = Fd(ends[0]);
    Fd tells(ends[1]);
    listener_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int on = 1;
    setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(wanted_port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    ck_assert(bind(listener_.get(), any, sizeof address) == 0 && listen(listener_.get(), 8) == 0);
    socklen_t length = sizeof address;
    getsockname(listener_.get(), any, &length);
    port_ = ntohs(address.sin_port);
    child_ = fork();
    if (child_ != 0) return;
    for (size_t number = 0;; number++) {
      Fd fd(accept(listener_.get(), nullptr, nullptr));
      serve({fd.get(), number, tells.get()});
    }
  }
  ~KubeletPeer() { stop(); }
  KubeletPeer(const KubeletPeer&) = delete;
  KubeletPeer& operator=(const KubeletPeer&) = delete;

  uint16_t port() const { return port_; }
  std::string url(const char* scheme = "http") const {
    return scheme + ("://127.0.0.1:" + std::to_string(port_));
  }

  // From here on connections are refused, unless a peer that was made later holds the socket, too.
  void stop() {
    listener_.reset();
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    child_ = -1;
  }

  // The heads of all requests that were served so far.
  const std::vector<std::string>& requests() {
    char bytes[4096];
    for (ssize_t size; (size = read(heard_.get(), bytes, sizeof bytes)) > 0;)
      rest_.append(bytes, static_cast<size_t>(size));
    for (size_t end; (end = rest_.find('\0')) != rest_.npos; rest_.erase(0, end + 1))
      requests_.push_back(rest_.substr(0, end));
    return requests_;
  }

 private:
  Fd listener_, heard_;
  uint16_t port_ = 0;
  pid_t child_ = -1;
  std::string rest_;
  std::vector<std::string> requests_;
};

inline std::string http_answer(int code, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(code) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Answers the nth connection with the nth text, and from the last one on with that.
inline KubeletPeer::Serve answers_in_turn(const std::vector<std::string>& texts) {
  return [texts](const KubeletPeer::Connection& asked) {
    asked.hear();
    say(asked.fd, texts[std::min(asked.number, texts.size() - 1)]);
  };
}

// A list of one pod with one container.
inline std::string pod_list(const std::string& name, const std::string& uid,
                            const std::string& container_id, const std::string& labels = "") {
  return R"({"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"namespace":"shop","name":")" +
         name + R"(","uid":")" + uid + R"(","labels":{)" + labels +
         R"(}},"status":{"containerStatuses":[{"name":"app","containerID":"containerd://)" +
         container_id + R"("}]}}]})";
}

// The value of a field of the head of a request; "" where there is none.
inline std::string field_of(const std::string& head, const std::string& name) {
  size_t at = head.find("\r\n" + name + ": ");
  if (at == head.npos) return {};
  at += name.size() + 4;
  return head.substr(at, head.find('\r', at) - at);
}

}  // namespace kubepulse

#endif
