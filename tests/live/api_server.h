// An API server of the tests' own, a process that lists and watches, well or badly. It
// dies with the process that started it, at the latest.
#ifndef KUBEPULSE_TESTS_LIVE_API_SERVER_H
#define KUBEPULSE_TESTS_LIVE_API_SERVER_H

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "tests/live/netns.h"

namespace kubepulse::live {

class ApiServer {
 public:
  enum Resource { kServices, kSlices, kPods, kNodes };
  static constexpr int kResources = 4;

  enum Behaviour {
    kWell,
    kSlowly,        // lists in pieces, for a second; nothing is wrong with it
    kHanging,       // half a list, and then nothing
    kUnauthorized,  // 401
    kForbidden,     // 403
    kBroken,        // 500
    kNotJson,       // a page for people
    kDead,          // nobody listens
  };
  // What befalls the watches that are open.
  enum Blow {
    kEnd,    // in order
    kReset,  // by RST
    kCut,    // within an event
    kJunk,   // a page for people, within the stream
    kGone,   // an event: 410
  };

  // Listens when it returns, and lists nothing but a node that is well, whatever its name, as of
  // version 1. Call it where the daemon is: in its network namespace.
  static ApiServer start();
  ApiServer(ApiServer&&) = default;

  std::string url() const { return "http://" + node_address() + ":" + std::to_string(port_); }

  // What there is as of `version`: JSON of the items, with commas.
  void list(Resource resource, std::string_view items, uint64_t version);
  // An event for all watches from an older version; not in the list. The object is JSON without
  // its resource version.
  void tell(Resource resource, const std::string& type, const std::string& object,
            uint64_t version);
  // What is answered to the question for the warnings of that pod: JSON of them, with commas.
  void warn(const std::string& ns, const std::string& uid, const std::string& events);
  void behave(Behaviour behaviour);  // from the next connection on
  void strike(Blow blow);            // those that are open

  uint64_t lists(Resource resource) const;
  uint64_t watches(Resource resource) const;  // begun so far
  uint64_t requests() const;
  uint64_t questions() const;  // for warnings

 private:
  struct Shared;
  static constexpr size_t kListBytesMax = size_t{8} << 20;
  static constexpr size_t kWarningBytesMax = size_t{64} << 10;
  static constexpr size_t kEventBytesMax = size_t{1} << 20;

  ApiServer() = default;
  [[noreturn]] void serve(Fd listener);
  void answer(int fd) const;
  void answer_list(int fd, Resource resource, int behaviour) const;
  void answer_events(int fd, const std::string& target) const;
  void answer_watch(int fd, Resource resource, uint64_t version) const;

  uint16_t port_ = 0;
  Shared* shared_ = nullptr;  // with its process
};

}  // namespace kubepulse::live

#endif
