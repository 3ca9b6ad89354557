// Known work in known cgroups, and pages that are held against each other.
#ifndef KUBEPULSE_TESTS_LIVE_LOADS_H
#define KUBEPULSE_TESTS_LIVE_LOADS_H

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "tests/live/page.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

// Keeps a CPU busy until it is killed.
Child burn_in(const Cgroup& cgroup);
[[noreturn]] void burn();
// On the first CPU that we may use.
void pin_to_one_cpu();
// Takes memory and writes to all of it; it stays until the process ends.
void take_memory(uint64_t bytes);
void kill_and_wait(Child& child);

// A child stops at such places, where its numbers rest, and the test lets it go on.
void stop_here();
// Until the child has stopped and has left its CPU.
void await_stop(pid_t pid);
void go_on(pid_t pid);

// Memory that children write to and the test reads; zero at first.
void* shared_memory(size_t bytes);
template <typename T>
T* share() {
  return static_cast<T*>(shared_memory(sizeof(T)));
}

// A block device of the test's own, which nobody else reads or writes; it goes with the process.
struct LoopDevice {
  std::string path;     // "/dev/loop0"
  std::string name;     // "loop0"
  std::string numbers;  // "7:0"
};
// False, and why, where there can be none.
bool make_loop_device(uint64_t bytes, LoopDevice& device, std::string& why_not);

// No counter with these labels may fall or vanish from one page to the next.
class NeverFalls {
 public:
  explicit NeverFalls(Labels labels) : labels_(std::move(labels)) {}
  void look(const Page& page);

 private:
  Labels labels_;
  std::map<std::string, double> last_;
};

}  // namespace kubepulse::live

#endif
