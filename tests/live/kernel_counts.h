// What the kernel's own files say of a cgroup, a task or an interface: what the page is held
// against. Read on purpose by other means than the daemon's.
#ifndef KUBEPULSE_TESTS_LIVE_KERNEL_COUNTS_H
#define KUBEPULSE_TESTS_LIVE_KERNEL_COUNTS_H

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/live/harness.h"

namespace kubepulse::live {

// Of a file of lines "KEY NUMBER" the number of `key`, of a file with one number that one where
// `key` is "". None where there is no such file or line.
std::optional<double> number_in(const std::string& path, const std::string& key = "");

// None where no hierarchy tells.
std::optional<double> cpu_seconds(const Cgroup& cgroup);
std::optional<double> throttled_seconds(const Cgroup& cgroup);
std::optional<double> memory_bytes(const Cgroup& cgroup);
std::optional<double> working_set_bytes(const Cgroup& cgroup);
std::optional<double> major_faults(const Cgroup& cgroup);
// "cpu", "memory", "io"; "some", "full".
std::optional<double> pressure_seconds(const Cgroup& cgroup, const std::string& resource,
                                       const std::string& kind);

struct DiskNumbers {
  double read_bytes = 0, written_bytes = 0, reads = 0, writes = 0;
};
// Of "7:0". Nothing where the file does not list it.
std::optional<DiskNumbers> disk_numbers(const Cgroup& cgroup, const std::string& device);

// A limit; false where it cannot be set.
bool limit_cpu(const Cgroup& cgroup, int percent);
bool limit_memory(const Cgroup& cgroup, uint64_t bytes);

struct TaskNumbers {
  double waited_s = 0;  // on run queues
  double runs = 0;      // with a wait that was measured, be it 0; see bpf/sched.bpf.c
  double voluntary = 0, preempted = 0;
};
// Of processes of one thread, zombies too: the sum.
TaskNumbers task_numbers(const std::vector<pid_t>& pids);

// The eight numbers of METRICS (receive bytes, packets, errors, drops, and the same of transmit),
// as the process sees them in its /proc/PID/net/dev; empty where there is no such interface.
std::vector<double> interface_numbers(pid_t pid, const std::string& interface);

// The files of cgroups are looked at when a page is asked for, once in a second: a page of now.
Page fresh_page(const Daemon& daemon);

// A page, and what `read` said right before and right after it, which is the same: so it is what
// the page must say. What does not come to rest within 15 s is a failure.
struct Look {
  Page page;
  std::vector<double> numbers;
};
Look look(const Daemon& daemon, const std::function<std::vector<double>()>& read);
// The same of what does not rest.
struct Bracket {
  std::vector<double> before;
  Page page;
  std::vector<double> after;
};
Bracket bracket(const Daemon& daemon, const std::function<std::vector<double>()>& read);

Labels container_labels(const Owner& owner, const std::string& container);
// Labels with one more.
Labels with(Labels labels, const std::string& name, const std::string& value);

// That the page has one such sample, and with this value: a sum of numbers with nine decimals.
void check_sample(const Page& page, const std::string& name, const Labels& labels, double value);
void check_between(const Page& page, const std::string& name, const Labels& labels, double low,
                   double high);
void check_absent(const Page& page, const std::string& name, const Labels& labels);

}  // namespace kubepulse::live

#endif
