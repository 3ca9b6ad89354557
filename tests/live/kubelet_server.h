// A kubelet of the tests' own, a process that answers GET /pods on 127.0.0.1, well or badly. It
// dies with the process that started it, at the latest.
#ifndef KUBEPULSE_TESTS_LIVE_KUBELET_SERVER_H
#define KUBEPULSE_TESTS_LIVE_KUBELET_SERVER_H

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace kubepulse::live {

class KubeletServer {
 public:
  enum Behaviour {
    kWell,          // the list, in chunks, as a kubelet sends what is longer than 2 KB
    kSlowly,        // the same in pieces, for a second; nothing is wrong with it
    kHanging,       // half of it, and then nothing
    kUnauthorized,  // 401
    kForbidden,     // 403, in the kubelet's own words
    kBroken,        // 500
    kCut,           // ends before the length that it told
    kEndless,       // pods after pods
    kNested,        // a million arrays, one inside the other
    kNotJson,       // a page for people
    kDead,          // nobody listens
  };

  // How bytes go to and fro: what TLS replaces. A fresh one for each connection, in a process of
  // its own.
  class Wire {
   public:
    virtual ~Wire() = default;
    virtual bool begin(int fd);
    virtual bool say(std::string_view text);
    virtual std::string hear();  // some; "": the peer is gone
    virtual void end() {}

   protected:
    int fd_ = -1;
  };
  using MakeWire = std::function<std::unique_ptr<Wire>()>;

  // Listens when it returns, and lists no pod. Call it where the daemon is: in its network
  // namespace.
  static KubeletServer start(const MakeWire& make_wire = std::make_unique<Wire>);
  KubeletServer(KubeletServer&&) = default;

  std::string address() const;  // "NODE-ADDRESS:PORT"
  std::string url() const { return "http://" + address(); }

  // From the next connection on.
  void list(std::string_view pods);  // JSON, at most kListBytesMax
  void behave(Behaviour behaviour);

  // Requests that came, and what the last one had.
  uint64_t requests() const;
  std::string last_target() const;
  std::string last_authorization() const;  // "" where there was none
  // Connections that did not come to a request: of TLS, handshakes that failed.
  uint64_t failures() const;

 private:
  struct Shared;
  static constexpr size_t kListBytesMax = 1 << 20;

  KubeletServer() = default;
  [[noreturn]] void serve(Fd listener, const MakeWire& make_wire);
  void answer(Wire& wire) const;

  uint16_t port_ = 0;
  Shared* shared_ = nullptr;  // with its process
};

}  // namespace kubepulse::live

#endif
