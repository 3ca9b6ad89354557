// Sockets, connections and processes that make traffic. What cannot fail in a sound test asserts;
// in a child that ends the child with status 1, with the message kept for the report.
//
// A socket belongs to the cgroup where its process was when it made the socket, an accepted one to
// the listener's. So one process can play both ends: it enters a cgroup, makes the socket, goes on.
#ifndef KUBEPULSE_TESTS_LIVE_TRAFFIC_H
#define KUBEPULSE_TESTS_LIVE_TRAFFIC_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "base/fd.h"
#include "tests/live/cgroups.h"

namespace kubepulse::live {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;

  // `host` is numeric: "127.0.0.1", "::1", "::ffff:127.0.0.1".
  static Address of(const std::string& host, uint16_t port);
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  uint16_t port() const;
  std::string text() const;  // "127.0.0.1:80", "[::1]:80"
};

Address local_address(const Fd& socket);

// Blocking, receives time out after 10 s.
Fd make_socket(int family, int type);
void set_option(const Fd& socket, int level, int name, int value);

Fd listen_at(const std::string& host, uint16_t port = 0);
Fd accept_from(const Fd& listener);
Fd connect_to(const Address& address);
// The errno of a connect that must fail.
int connect_error(const Address& address);
// Begun but not finished.
Fd connect_later(const Address& address);
// Waits for the end of such a connect; 0 or its errno.
int connect_outcome(const Fd& socket, int timeout_ms);

// Both ends in this process, which is left in the client's cgroup.
struct Connection {
  Fd client;
  Fd server;
  // The client closes first, the server once it has seen that.
  void close();
};
Connection make_connection(const Cgroup& client, const Cgroup& server,
                           const std::string& host = "127.0.0.1");

void send_bytes(const Fd& socket, uint64_t count);
void receive_bytes(const Fd& socket, uint64_t count);
// Until the peer's end of file; how many.
uint64_t receive_rest(const Fd& socket);
// RST instead of FIN.
void close_by_reset(Fd& socket);
// Until all that was sent is acknowledged.
void await_acknowledged(const Fd& socket);
// Until the kernel itself has given the connection up.
void await_given_up(const Fd& socket);
// tcpi_total_retrans
uint32_t retransmits_of(const Fd& socket);

// A process of the test, which dies with it at the latest.
class Child {
 public:
  // It enters `cgroup`, runs `work` and exits with what that returns.
  static Child in(const Cgroup& cgroup, const std::function<int()>& work);

  pid_t pid() const { return pid_; }
  void kill_hard() const;
  // Exit status, or 128 and the signal.
  int wait();
  // The same, which must be 0.
  void finish();

 private:
  pid_t pid_ = -1;
};

// For a process that has just been forked: it dies with `parent`.
void die_with(pid_t parent);

}  // namespace kubepulse::live

#endif
