// A Breaker of an outside source that says in the log when it opens, tries, and closes.
//
// Each of the kubelet's polls (Pods) and of the API server's watches (ApiWatcher) is behind one,
// with all that a question takes: credentials, the resolver, the connection, TLS and the answer.
// Their failures are the question's, and each has its time limit. What else is outside has other
// means: file systems of containers are asked by a helper process and left alone one by one
// (collect/filesystems.h); a reader of the event log that is slow or gone loses lines; the pods'
// logs are local folders, of which a look that fails costs next to nothing and is told once.
#ifndef KUBEPULSE_IDENTITY_LOGGED_BREAKER_H
#define KUBEPULSE_IDENTITY_LOGGED_BREAKER_H

#include <cstdint>
#include <string>
#include <utility>

#include "identity/breaker.h"

namespace kubepulse {

class LoggedBreaker {
 public:
  LoggedBreaker(std::string source, uint64_t pause_ns)
      : source_(std::move(source)), breaker_(pause_ns) {}

  // As of Breaker.
  bool allow(uint64_t now_ns);
  void succeeded();
  void failed(uint64_t now_ns);
  bool closed() const { return breaker_.closed(); }
  uint64_t open_until_ns() const { return breaker_.open_until_ns(); }

  uint64_t refused() const { return refused_; }  // times that it did not let through

 private:
  // `now_ns` where it may have opened.
  void tell(Breaker::State before, uint64_t now_ns = 0) const;

  std::string source_;
  Breaker breaker_;
  uint64_t refused_ = 0;
};

}  // namespace kubepulse

#endif
