// What an event costs in user space, from the ring to the counts.
//   events RATE
// Rings as the kernel makes them, but in memory of our own, filled with what a busy node sends: 200
// containers, 10,000 connections that come and go, queries for 300 names. They are drained as the
// daemon does it, every 20 ms of RATE events a second, and only that is measured. Prints for each
// mix, without and with the event log (to /dev/null),
// "MIX: N ns, P % of a CPU at RATE/s, I instructions, A allocations": of an event; "-" where the
// processor's counters are not to be had. Exit status 1: not each event was counted.
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/loop.h"
#include "collect/ring.h"
#include "identity/pod_table.h"
#include "publish/dns_recorder.h"
#include "publish/tcp_recorder.h"

using namespace kubepulse;  // NOLINT

namespace {

uint64_t g_allocations = 0;

}  // namespace

// Not inlined, so that the compiler does not see malloc(3) and delete meet.
__attribute__((noinline)) void* operator new(size_t size) {
  g_allocations++;
  void* memory = malloc(size);
  if (memory == nullptr) abort();
  return memory;
}
__attribute__((noinline)) void operator delete(void* memory) noexcept {
  free(memory);
}
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept {
  free(memory);
}

namespace {

constexpr size_t kContainers = 200, kConnections = 10000, kNames = 300;
constexpr uint64_t kGatherNs = 20 * kNsPerMs;
constexpr int kRounds = 600, kRoundsBefore = 300;  // of which none is measured
constexpr uint64_t kSocket = 0xffff888000000000, kSocketBytes = 2304;

// A BPF ring buffer that is written from here. See collect/ring.h for its layout; what the kernel
// maps twice is twice as long here.
class Producer {
 public:
  explicit Producer(size_t bytes)
      : bytes_(bytes),
        page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
        file_(memfd_create("ring", MFD_CLOEXEC)) {
    size_t whole = 2 * page_ + 2 * bytes;
    if (!file_ || ftruncate(file_.get(), static_cast<off_t>(whole)) != 0) abort();
    void* mapped =
        mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file_.get(), 0);
    if (mapped == MAP_FAILED) abort();
    memory_ = static_cast<char*>(mapped);
  }

  int fd() const { return file_.get(); }

  void put(const void* record, size_t size, const std::string& rest = {}) {
    char* to = memory_ + 2 * page_ + (position_ & (bytes_ - 1));
    uint32_t header[2] = {static_cast<uint32_t>(size + rest.size()), 0};
    memcpy(to, header, sizeof header);
    memcpy(to + sizeof header, record, size);
    memcpy(to + sizeof header + size, rest.data(), rest.size());
    position_ += (sizeof header + size + rest.size() + 7) / 8 * 8;
    __atomic_store_n(reinterpret_cast<uint64_t*>(memory_ + page_), position_, __ATOMIC_RELEASE);
  }

 private:
  size_t bytes_, page_;
  Fd file_;
  char* memory_ = nullptr;
  uint64_t position_ = 0;
};

// Instructions of this thread in user space.
class Instructions {
 public:
  Instructions() {
    perf_event_attr about{};
    about.type = PERF_TYPE_HARDWARE;
    about.size = sizeof about;
    about.config = PERF_COUNT_HW_INSTRUCTIONS;
    about.exclude_kernel = about.exclude_hv = 1;
    fd_ =
        Fd(static_cast<int>(syscall(SYS_perf_event_open, &about, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  }
  bool known() const { return static_cast<bool>(fd_); }
  uint64_t now() const {
    uint64_t count = 0;
    return fd_ && read(fd_.get(), &count, sizeof count) == sizeof count ? count : 0;
  }

 private:
  Fd fd_;
};

std::string wire_name(const std::string& dotted) {
  std::string wire;
  for (size_t at = 0; at < dotted.size();) {
    size_t dot = std::min(dotted.find('.', at), dotted.size());
    wire += static_cast<char>(dot - at);
    wire += dotted.substr(at, dot - at);
    at = dot + 1;
  }
  return wire + '\0';
}

// What a node sends, deterministically.
class Traffic {
 public:
  Traffic() : connections_(kConnections) {
    for (size_t i = 0; i < kNames; i++) {
      std::string number = std::to_string(i);
      std::string name = i % 3 == 0   ? "svc-" + number + ".shop.svc.cluster.local"
                         : i % 3 == 1 ? "api.example-" + number + ".co.uk"
                                      : "www.host-" + number + ".com.shop.svc.cluster.local";
      questions_.push_back(wire_name(name) + std::string("\0\1\0\1", 4));
    }
  }

  // `count` records, of ends and beginnings.
  void tcp(size_t count, uint64_t now_ns, Producer& to) {
    for (size_t i = 0; i < count; i += 2) {
      Connection& slot = connections_[next_ = (next_ + 7919) % kConnections];
      tcp_record record{};
      record.time_ns = now_ns + i;
      record.socket = kSocket + next_ * kSocketBytes;
      record.family = 2;
      record.remote_port = 443;
      record.netns = 4026531840;
      memcpy(record.comm, "nginx", 5);
      if (slot.start_ns != 0) {
        describe(record, slot, TCP_KIND_CLOSED);
        record.close_ns = now_ns;
        record.sent_bytes = 500 + random_() % 5000;
        record.received_bytes = random_() % 100000;
        record.rtt_us = 100 + random_() % 5000;
        to.put(&record, sizeof record);
      }
      slot = {now_ns - 200000 - random_() % 5000000, cgroup(), random_() % 2 == 0};
      describe(record, slot, random_() % 20 == 0 ? TCP_KIND_FAILED : TCP_KIND_OPENED);
      record.error = ECONNREFUSED;
      if (record.kind == TCP_KIND_FAILED) slot.start_ns = 0;
      to.put(&record, sizeof record);
    }
  }

  // As many queries as answers; of 50 queries one is not answered.
  void dns(size_t count, uint64_t now_ns, Producer& to) {
    for (size_t i = 0; i < count; i += 2) {
      uint64_t which = random_() % 20;
      dns_record record{};
      record.time_ns = now_ns + i;
      record.cgroup = cgroup();
      record.socket = 1 + ++queries_;
      record.family = 2;
      record.server_port = 53;
      record.pid = 77;
      memcpy(record.comm, "nginx", 5);
      // 20 names of each workload's own.
      std::string message = header(queries_, 0x0100) + questions_[(record.cgroup + which) % kNames];
      put(record, DNS_KIND_QUERY, message, to);
      if (queries_ % 50 == 0) continue;
      record.time_ns += 1000000;
      record.cgroup = 0;
      message[2] = static_cast<char>(0x81);
      message[3] = static_cast<char>(which % 3 == 2 ? 0x83 : 0x80);
      put(record, DNS_KIND_ANSWER, message, to);
    }
  }

 private:
  struct Connection {
    uint64_t start_ns = 0, cgroup = 0;
    bool is_in = false;
  };

  uint64_t cgroup() { return 1000 + random_() % kContainers; }

  static void describe(tcp_record& record, const Connection& slot, tcp_kind kind) {
    record.kind = static_cast<uint8_t>(kind);
    record.start_ns = slot.start_ns;
    record.cgroup = slot.cgroup;
    record.direction = slot.is_in ? TCP_DIRECTION_IN : TCP_DIRECTION_OUT;
  }

  static std::string header(uint64_t id, unsigned flags) {
    std::string bytes(12, '\0');
    bytes[0] = static_cast<char>(id >> 8);
    bytes[1] = static_cast<char>(id);
    bytes[2] = static_cast<char>(flags >> 8);
    bytes[5] = 1;
    return bytes;
  }

  static void put(dns_record& record, dns_kind kind, const std::string& message, Producer& to) {
    record.kind = static_cast<uint8_t>(kind);
    record.captured = record.message_length = static_cast<uint16_t>(message.size());
    to.put(&record, sizeof record, message);
  }

  std::mt19937_64 random_{1};
  std::vector<Connection> connections_;
  size_t next_ = 0;
  std::vector<std::string> questions_;
  uint64_t queries_ = 0;
};

std::string uid_of(size_t pod) {
  char text[40];
  snprintf(text, sizeof text, "bbbbbbbb-0000-4000-8000-%012zx", pod);
  return text;
}

// The daemon's part, whole.
class Node {
 public:
  explicit Node(bool with_log)
      : loop_(std::move(Loop::create().value())), null_(open("/dev/null", O_WRONLY | O_CLOEXEC)) {
    if (with_log) log_ = std::make_unique<EventLog>(loop_, null_.get());
    auto pod = std::make_unique<Pod>();
    pods_.begin();
    for (size_t i = 0; i < kContainers; i++) {
      std::string id = std::string(52, 'c') + std::to_string(100000000000 + i);
      if (i % 2 == 0) {
        pod->clear();
        pod->ns.assign("shop");
        pod->name.assign("web-" + std::to_string(i / 2));
        pod->uid.assign(uid_of(i / 2));
      }
      pod->container("c" + std::to_string(i % 2))->id.assign(id);
      if (i % 2 == 1) pods_.add(*pod);
      paths_.born(1000 + i, "/kubepods/burstable/pod" + uid_of(i / 2) + "/" + id);
    }
    pods_.commit(now_ns_);
    workloads_.set_pods(&pods_);
    tcp_ = std::make_unique<TcpRecorder>(workloads_, store_, log_.get(), 65536);
    dns_ = std::make_unique<DnsRecorder>(workloads_, store_, log_.get(), rules_, 1);
  }

  // Prints what an event cost.
  void run(const char* mix, size_t tcp_events, size_t dns_events, uint64_t rate) {
    for (int round = 0; round < kRoundsBefore; round++) {
      fill(tcp_events, dns_events);
      drain();
    }
    uint64_t events = 0, spent_ns = 0, instructions = 0, allocations = 0;
    for (int round = 0; round < kRounds; round++) {
      fill(tcp_events, dns_events);
      uint64_t begun_allocations = g_allocations, begun_instructions = counter_.now();
      uint64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
      events += drain();
      spent_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
      instructions += counter_.now() - begun_instructions;
      allocations += g_allocations - begun_allocations;
    }
    auto count = static_cast<double>(events);
    double each_ns = static_cast<double>(spent_ns) / count;
    std::string each = "-";
    if (counter_.known()) each = std::to_string(instructions / events);
    printf("%s%s: %.0f ns, %.2f %% of a CPU at %lu/s, %s instructions, %.4f allocations\n", mix,
           log_ ? ", logged" : "", each_ns, each_ns * static_cast<double>(rate) / 1e7,
           static_cast<unsigned long>(rate), each.c_str(),
           static_cast<double>(allocations) / count);
  }

  bool is_exact() const {
    uint64_t counted = 0;
    for (Store::Index index = 0; index < workloads_.end(); index++) {
      if (const TcpCounts* counts = store_.tcp_if_any(index)) counted += counts->records;
      if (const DnsCounts* counts = store_.dns_if_any(index)) counted += counts->records;
    }
    if (counted == drained_ && drained_ > 0) return true;
    fprintf(stderr, "%lu of %lu events were counted\n", static_cast<unsigned long>(counted),
            static_cast<unsigned long>(drained_));
    return false;
  }

 private:
  void fill(size_t tcp_events, size_t dns_events) {
    now_ns_ += kGatherNs;
    traffic_.tcp(tcp_events, now_ns_, tcp_ring_);
    traffic_.dns(dns_events, now_ns_, dns_ring_);
  }

  // As Daemon::drain_tcp() and drain_dns() do it.
  size_t drain() {
    size_t count = tcp_reader_.drain(SIZE_MAX, [this](const void* data, size_t size) {
      if (size >= sizeof(tcp_record)) tcp_->take(*static_cast<const tcp_record*>(data));
    });
    if (log_) log_->flush();
    count += dns_reader_.drain(SIZE_MAX, [this](const void* data, size_t size) {
      const auto* record = static_cast<const dns_record*>(data);
      if (size < sizeof *record || size - sizeof *record < record->captured) return;
      dns_->take(*record, reinterpret_cast<const uint8_t*>(record + 1));
    });
    dns_->expire(now_ns_);
    if (log_) log_->flush();
    drained_ += count;
    return count;
  }

  Loop loop_;
  Fd null_;
  std::unique_ptr<EventLog> log_;
  uint64_t now_ns_ = 1000 * kNsPerSecond;
  Traffic traffic_;
  PodTable pods_;
  CgroupPaths paths_;
  Workloads workloads_{paths_};
  Store store_{{100000, 500000, 1000000, 5000000, 10000000, 25000000, 50000000, 100000000,
                250000000, 500000000, 1000000000}};
  DomainRules rules_{"cluster.local"};
  std::unique_ptr<TcpRecorder> tcp_;
  std::unique_ptr<DnsRecorder> dns_;
  Producer tcp_ring_{4 << 20}, dns_ring_{2 << 20};
  Ring tcp_reader_ = std::move(Ring::open(tcp_ring_.fd(), 4 << 20).value());
  Ring dns_reader_ = std::move(Ring::open(dns_ring_.fd(), 2 << 20).value());
  Instructions counter_;
  uint64_t drained_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  uint64_t rate = argc > 1 ? strtoull(argv[1], nullptr, 10) : 100000;
  size_t each = rate * kGatherNs / kNsPerSecond;
  for (bool with_log : {false, true}) {
    auto node = std::make_unique<Node>(with_log);
    node->run("TCP", each, 0, rate);
    node->run("DNS", 0, each, rate);
    node->run("7 TCP to 3 DNS", each * 7 / 10, each * 3 / 10, rate);
    if (!node->is_exact()) return 1;
  }
  return 0;
}
