#include "tests/live/loads.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "tests/check.h"
#include "tests/live/files.h"

namespace kubepulse::live {

void burn() {
  volatile uint64_t count = 0;
  while (true)
    count = count + 1;
}

Child burn_in(const Cgroup& cgroup) {
  return Child::in(cgroup, []() -> int { burn(); });
}

void pin_to_one_cpu() {
  cpu_set_t may, one;
  ck_assert(sched_getaffinity(0, sizeof may, &may) == 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &may))
    cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ck_assert(sched_setaffinity(0, sizeof one, &one) == 0);
}

void take_memory(uint64_t bytes) {
  void* taken = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert(taken != MAP_FAILED);
  memset(taken, 1, bytes);
}

void kill_and_wait(Child& child) {
  child.kill_hard();
  ck_assert_int_eq(child.wait(), 128 + SIGKILL);
}

void stop_here() {
  raise(SIGSTOP);
}

void await_stop(pid_t pid) {
  int status = 0;
  ck_assert(waitpid(pid, &status, WUNTRACED) == pid);
  ck_assert_msg(WIFSTOPPED(status), "a child ended with %d", status);
  // It tells before it leaves its CPU.
  sleep_ms(50);
}

void go_on(pid_t pid) {
  ck_assert(kill(pid, SIGCONT) == 0);
}

void* shared_memory(size_t bytes) {
  void* shared = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ck_assert(shared != MAP_FAILED);
  return shared;
}

bool make_loop_device(uint64_t bytes, LoopDevice& device, std::string& why_not) {
  Fd control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  Fd file(open(scratch_path("disk").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ck_assert(file && ftruncate(file.get(), static_cast<off_t>(bytes)) == 0);
  // Somebody else may take the same number meanwhile.
  for (int tries = 0; control && tries < 10; tries++) {
    int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) break;
    device.name = "loop" + std::to_string(number);
    device.path = "/dev/" + device.name;
    Fd disk(open(device.path.c_str(), O_RDWR | O_CLOEXEC));
    if (!disk) break;
    if (ioctl(disk.get(), LOOP_SET_FD, file.get()) != 0) continue;
    loop_info64 about{};
    about.lo_flags = LO_FLAGS_AUTOCLEAR;
    ck_assert(ioctl(disk.get(), LOOP_SET_STATUS64, &about) == 0);
    device.numbers = "7:" + std::to_string(number);
    disk.release();  // until the process ends
    return true;
  }
  why_not = std::string("no loop device: ") + strerror(errno);
  return false;
}

void NeverFalls::look(const Page& page) {
  std::map<std::string, double> now;
  for (const Sample& sample : page.samples()) {
    if (!sample.has_all(labels_)) continue;
    bool rises = false;
    for (std::string_view end : {"_total", "_count", "_sum", "_bucket"})
      rises = rises || (sample.name.size() > end.size() &&
                        sample.name.compare(sample.name.size() - end.size(), end.npos, end) == 0);
    if (!rises) continue;
    std::string key = sample.name;
    for (const auto& [name, value] : sample.labels)
      key += " " + name + "=" + value;
    now[key] = sample.value;
  }
  for (const auto& [key, value] : last_) {
    auto still = now.find(key);
    ck_assert_msg(still != now.end(), "%s is not told any more", key.c_str());
    ck_assert_msg(still->second >= value, "%s fell from %.9f to %.9f", key.c_str(), value,
                  still->second);
  }
  last_ = std::move(now);
}

}  // namespace kubepulse::live
