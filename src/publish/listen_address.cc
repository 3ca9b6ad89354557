#include "publish/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/text.h"

namespace kubepulse {

namespace {

constexpr int kBacklog = 128;
constexpr mode_t kSocketMode = 0660;
constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::string_view kForms = "give :PORT, ADDRESS:PORT, [IPV6]:PORT or unix:/PATH";

template <typename T>
const sockaddr* as_sockaddr(const T& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Fd open_socket(int family) {
  return Fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

std::string_view advice(int error_number) {
  switch (error_number) {
    case EADDRINUSE:
      return "another kubepulse or another program has it: stop that, or choose with --listen=";
    case EACCES:
    case EPERM:
      return "ports below 1024 need CAP_NET_BIND_SERVICE and a socket file a folder that we may "
             "write: choose with --listen=";
    case EADDRNOTAVAIL:
      return "no interface of this host has that address: choose with --listen=";
    case EAFNOSUPPORT:
      return "this kernel lacks that protocol: choose with --listen=";
    case ENOENT:
    case ENOTDIR:
      return "make its folder, or choose with --listen=";
    default:
      return "choose with --listen=";
  }
}

Status explain(const std::string& text, int error_number) {
  std::string message = Status::from_errno("cannot listen on " + text, error_number).message();
  message += "; ";
  message += advice(error_number);
  return Status::error(std::move(message), error_number);
}

// A listening socket, or none with errno set.
Fd listen_tcp(const sockaddr_storage& address, socklen_t length) {
  Fd fd = open_socket(address.ss_family);
  if (!fd) return {};
  int on = 1, off = 0;
  bool ok = setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            (address.ss_family != AF_INET6 ||
             setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
            bind(fd.get(), as_sockaddr(address), length) == 0 && listen(fd.get(), kBacklog) == 0;
  if (ok) return fd;
  int error_number = errno;
  fd.reset();
  errno = error_number;
  return {};
}

std::string bound_text(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  char host[INET6_ADDRSTRLEN] = "";
  std::string text;
  uint16_t port = 0;
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    text = std::string("[") + host + "]:";
    port = ntohs(v6.sin6_port);
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
    text = std::string(host) + ":";
    port = ntohs(v4.sin_port);
  }
  append_number(text, uint64_t{port});
  return text;
}

// Does nobody listen on the socket file of `address`? Not where that cannot be told.
bool is_stale(const sockaddr_storage& address, socklen_t length) {
  const auto& name = reinterpret_cast<const sockaddr_un&>(address);
  struct stat file {};
  if (lstat(name.sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  Fd probe = open_socket(AF_UNIX);
  return probe && connect(probe.get(), as_sockaddr(address), length) != 0 && errno == ECONNREFUSED;
}

}  // namespace

Listener::Listener(Fd fd, std::string text, std::string path)
    : fd_(std::move(fd)), text_(std::move(text)), path_(std::move(path)) {
  struct stat file {};
  if (!path_.empty() && lstat(path_.c_str(), &file) == 0) {
    device_ = file.st_dev;
    inode_ = file.st_ino;
  }
}

Listener::~Listener() {
  if (!fd_ || path_.empty()) return;
  struct stat file {};
  if (lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_)
    unlink(path_.c_str());
}

bool ListenAddress::set_unix(std::string_view path) {
  auto& name = reinterpret_cast<sockaddr_un&>(address_);
  if (path.empty() || path[0] != '/' || path.size() >= sizeof name.sun_path ||
      path.find('\0') != std::string_view::npos)
    return false;
  name.sun_family = AF_UNIX;
  memcpy(name.sun_path, path.data(), path.size());
  length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return true;
}

bool ListenAddress::set_tcp(std::string_view host, uint16_t port) {
  any_family_ = host.empty();
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (any_family_ || bracketed) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address_);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    length_ = sizeof v6;
    std::string numeric(any_family_ ? "::" : host.substr(1, host.size() - 2));
    return inet_pton(AF_INET6, numeric.c_str(), &v6.sin6_addr) == 1;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(address_);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  length_ = sizeof v4;
  return inet_pton(AF_INET, std::string(host).c_str(), &v4.sin_addr) == 1;
}

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  ListenAddress parsed;
  parsed.text_ = text;
  auto refuse = [text](std::string_view what) {
    std::string message = "cannot listen on \"";
    message.append(text).append("\": ").append(what).append("; ").append(kForms);
    return Status::error(std::move(message));
  };
  if (text.substr(0, kUnixPrefix.size()) == kUnixPrefix) {
    if (!parsed.set_unix(text.substr(kUnixPrefix.size())))
      return refuse("the path of a socket starts with / and has at most 107 bytes");
    return parsed;
  }
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse("it has no colon before its port");
  std::optional<uint64_t> port = parse_number(text.substr(colon + 1), UINT16_MAX);
  if (!port) return refuse("its port is not a number from 0 to 65535");
  std::string_view host = text.substr(0, colon);
  // inet_pton() would stop at a NUL byte and take what is before it.
  if (host.find('\0') != std::string_view::npos ||
      !parsed.set_tcp(host, static_cast<uint16_t>(*port)))
    return refuse("its host is not a numeric address, and names are not looked up");
  return parsed;
}

Result<Listener> ListenAddress::listen() const {
  if (address_.ss_family == AF_UNIX) return listen_unix();
  Fd fd = listen_tcp(address_, length_);
  if (!fd && any_family_ && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    sockaddr_storage any{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(any);
    v4.sin_family = AF_INET;
    v4.sin_port = reinterpret_cast<const sockaddr_in6&>(address_).sin6_port;
    fd = listen_tcp(any, sizeof v4);
  }
  if (!fd) return explain(text_, errno);
  std::string bound = bound_text(fd.get());
  return Listener(std::move(fd), std::move(bound), "");
}

Result<Listener> ListenAddress::listen_unix() const {
  std::string path = reinterpret_cast<const sockaddr_un&>(address_).sun_path;
  Fd fd = open_socket(AF_UNIX);
  // The file takes the socket's mode less the umask, so that it is never wider than it will be.
  if (!fd || fchmod(fd.get(), kSocketMode) != 0) return explain(text_, errno);
  int failed = bind(fd.get(), as_sockaddr(address_), length_);
  if (failed != 0 && errno == EADDRINUSE) {
    // Two that start at the same moment may both find it stale; the later one then has the path.
    if (!is_stale(address_, length_) || unlink(path.c_str()) != 0)
      return explain(text_, EADDRINUSE);
    failed = bind(fd.get(), as_sockaddr(address_), length_);
  }
  if (failed != 0) return explain(text_, errno);
  Listener listener(std::move(fd), text_, path);  // from here on an error unlinks the file
  if (chmod(path.c_str(), kSocketMode) != 0 || ::listen(listener.fd(), kBacklog) != 0)
    return explain(text_, errno);
  return listener;
}

}  // namespace kubepulse
