// Which flavour of each signal a kernel takes. Pure: whoever asks says what an attempt is.
#ifndef KUBEPULSE_COLLECT_FLAVOURS_H
#define KUBEPULSE_COLLECT_FLAVOURS_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kubepulse {

struct Flavour {
  const char* name;                   // "fentry", "tracepoint", ...
  std::vector<const char*> programs;  // all of them, or the flavour is refused
};

struct Signal {
  const char* name;
  std::vector<Flavour> flavours;  // the best first
};

bool has_flavour(const Signal& signal, std::string_view flavour);

struct Refused {
  std::string flavour;  // empty: whichever
  std::string reason;
};

// What became of a signal.
struct Attached {
  std::string signal;
  std::string flavour;           // empty: none works
  std::vector<Refused> refused;  // the better ones, or all of them

  // "fentry: ...; kprobe: ...", those with the same reason together.
  std::string refused_text() const;
};

// By signal, the flavour to use; null: none.
using Choice = std::vector<const Flavour*>;

struct Verdict {
  bool ok = true;
  // Index of the signal whose program was refused; where nothing tells which, kNobody.
  size_t guilty = kNobody;
  std::string reason;

  static constexpr size_t kNobody = SIZE_MAX;
  static Verdict refused(size_t signal, std::string why) { return {false, signal, std::move(why)}; }
};

// Loads and attaches what was chosen, in place of what the attempt before has attached. At least
// one signal has a flavour.
using Attempt = std::function<Verdict(const Choice&)>;

// The best flavour of each signal that all together are taken. Where `attempt` cannot name the
// culprit each signal is tried alone, so that none suffers for another. The last attempt is the one
// that stands, if any signal has a flavour; otherwise nothing does. `only`: the one flavour allowed
// to signals that have it, or "auto".
std::vector<Attached> choose_flavours(const std::vector<Signal>& signals, std::string_view only,
                                      const Attempt& attempt);

// For two BPF objects that serve the same signals: each signal with the flavours of both, those of
// the first before.
std::vector<Signal> joined(const std::vector<Signal>& first, const std::vector<Signal>& second);

// Whether the flavour `cgroup` comes first: since Linux 7.0 a task may be preempted within a
// tracepoint or a trampoline (SRCU guards them there), and the kernel skips the program for
// whatever other tasks do meanwhile on that CPU. Hooks of cgroups skip nothing. `release` as of
// uname(2).
bool prefers_cgroup(const char* release);
// Of the running kernel.
bool prefers_cgroup();

// Whether BPF has an allocator of its own for task storage and for hashes that are not
// preallocated, so that a program may add to them under the lock of a run queue: since Linux 6.4.
// Before, kmalloc() may wake kswapd there, which takes that lock.
bool allocates_anywhere(const char* release);
// Of the running kernel.
bool allocates_anywhere();

// Where only one of them is used: puts among the refused of each signal every flavour that would be
// better, or all of them where none works, in their order. The reason is that of `outcome`, else
// that of `other` (empty or alike), else `untried`.
void tell_refused(const std::vector<Signal>& signals, const std::vector<Attached>& other,
                  const std::string& untried, std::vector<Attached>& outcome);

}  // namespace kubepulse

#endif
