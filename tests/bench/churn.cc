// Pods that come and go: what is left of them, in memory and on the page.
//   churn PODS
// Each is made, has connections and queries, and is deleted, some 30 at a time on a node of 110
// pods; a tenth are made again under their names. The clock is ours, two minutes for every 100
// pods. Prints "RSS FIRST LAST KiB, series SERIES, workloads WORKLOADS, events COUNTED of SENT":
// resident memory after a tenth of them and at the end; the others once all are gone for five
// minutes.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>

#include "base/clock.h"
#include "collect/process.h"
#include "identity/pod_table.h"
#include "identity/workloads.h"
#include "publish/store.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr size_t kPodsOfNode = 110;
constexpr size_t kEventsOfPod = 20;

std::string uid_of(size_t number) {
  char text[64];
  snprintf(text, sizeof text, "%08zx-2222-4333-8444-%012zx", number * 2654435761U % 0xFFFFFFFF,
           number);
  return text;
}

std::string path_of(size_t number) {
  char id[80];
  snprintf(id, sizeof id, "%064zx", number + 1);
  return "/kubepods/burstable/pod" + uid_of(number) + "/" + id;
}

class Node {
 public:
  Node() {
    workloads_.set_pods(&pods_);
    changes_.merged = [this](Workloads::Index from, Workloads::Index to) {
      store_.merge(from, to);
    };
    changes_.removed = [this](Workloads::Index index) {
      if (const TcpCounts* counts = store_.tcp_if_any(index)) counted_ += counts->records;
      store_.remove(index);
    };
  }

  void live(size_t pod) {
    paths_.born(pod + 1, path_of(pod));
    workloads_.born(path_of(pod));
    for (size_t i = 0; i < kEventsOfPod; i++) {
      Workloads::Index index = workloads_.index(workloads_.of(pod + 1, 0, now_ns_));
      TcpCounts& counts = store_.tcp(index);
      counts.records++;
      counts.latency.observe(store_.bounds(), i * kNsPerMs);
      store_.count_query(index, "svc-" + std::to_string(pod % 300 + i) + ".example.com");
      sent_++;
    }
  }

  void list(const std::deque<size_t>& running) {
    pods_.begin();
    for (size_t number : running) {
      pod_->clear();
      pod_->ns.assign("ns-" + std::to_string(number % 7));
      pod_->name.assign(number % 10 == 0 ? "again-" + std::to_string(number / 10 % 20)
                                         : "pod-" + std::to_string(number));
      pod_->uid.assign(uid_of(number));
      pods_.add(*pod_);
    }
    pods_.commit(now_ns_);
    workloads_.settle(now_ns_, changes_);
  }

  void pass(uint64_t ns) {
    now_ns_ += ns;
    workloads_.sweep(now_ns_, changes_, [](uint64_t) {});
  }

  void report(uint64_t first_bytes) {
    printf("RSS %llu %llu KiB, series %zu, workloads %zu, events %llu of %llu\n",
           static_cast<unsigned long long>(first_bytes >> 10),
           static_cast<unsigned long long>(own_cost().resident_bytes >> 10), store_.series(),
           workloads_.size(), static_cast<unsigned long long>(counted_),
           static_cast<unsigned long long>(sent_));
  }

 private:
  uint64_t now_ns_ = 1000 * kNsPerSecond;
  uint64_t counted_ = 0, sent_ = 0;
  std::unique_ptr<Pod> pod_ = std::make_unique<Pod>();
  PodTable pods_;
  CgroupPaths paths_;
  Workloads workloads_{paths_};
  Store store_{{kNsPerMs, kNsPerSecond}};
  Workloads::Changes changes_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  size_t pods = static_cast<size_t>(atoi(arguments[1]));
  auto node = std::make_unique<Node>();
  std::deque<size_t> running;
  uint64_t first_bytes = 0;
  for (size_t pod = 0; pod < pods; pod++) {
    running.push_back(pod);
    if (running.size() > kPodsOfNode) running.pop_front();
    node->live(pod);
    if (pod % 30 == 0) node->list(running);
    if (pod % 50 == 0) node->pass(60 * kNsPerSecond);
    if (pod == pods / 10) first_bytes = own_cost().resident_bytes;
  }
  node->list({});
  for (int minute = 0; minute < 8; minute++)
    node->pass(60 * kNsPerSecond);
  node->report(first_bytes);
}
