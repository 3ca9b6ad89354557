#include "publish/exposition.h"

#include "base/clock.h"

namespace kubepulse {

namespace {

constexpr size_t kPieceBytes = size_t{32} * 1024;

}  // namespace

class Exposition::Body : public HttpBody {
 public:
  Body(Exposition& exposition, PageFormat format, DaemonFacts facts,
       std::function<void(uint64_t)> done)
      : exposition_(exposition), page_(format), facts_(std::move(facts)), done_(std::move(done)) {}

  bool next(std::string& out) override {
    uint64_t begun_ns = monotonic_ns();
    const std::vector<MetricFamily>& families = catalogue();
    page_.text().swap(out);  // appends to what is there
    size_t enough = page_.text().size() + kPieceBytes;
    while (family_ < families.size() && page_.text().size() < enough)
      write_some(families[family_]);
    bool more = family_ < families.size();
    if (!more) page_.end();
    page_.text().swap(out);
    duration_ns_ += monotonic_ns() - begun_ns;
    if (!more) done_(duration_ns_);
    return more;
  }

 private:
  // One family of the daemon, or one workload of a workload family.
  void write_some(const MetricFamily& family) {
    if (workload_ == 0) page_.family(family.name, family.kind, family.help);
    if (family.daemon != nullptr) {
      family.daemon(facts_, exposition_.node_label_, page_);
      family_++;
      return;
    }
    const Store& store = exposition_.store_;
    if (workload_ < exposition_.workloads_.end() && exposition_.workloads_.shown(workload_)) {
      const TcpCounts* tcp = family.tcp == nullptr ? nullptr : store.tcp_if_any(workload_);
      const DnsCounts* dns = family.dns == nullptr ? nullptr : store.dns_if_any(workload_);
      if (tcp != nullptr) family.tcp(*tcp, store, exposition_.labels_of(workload_), page_);
      if (dns != nullptr) family.dns(*dns, store, exposition_.labels_of(workload_), page_);
    }
    if (++workload_ < exposition_.workloads_.end()) return;
    workload_ = 0;
    family_++;
  }

  Exposition& exposition_;
  Page page_;
  DaemonFacts facts_;
  std::function<void(uint64_t)> done_;
  size_t family_ = 0;
  Workloads::Index workload_ = 0;
  uint64_t duration_ns_ = 0;
};

Exposition::Exposition(const Workloads& workloads, const Store& store, std::string_view node)
    : workloads_(workloads), store_(store) {
  append_label(node_label_, "node", node);
}

std::unique_ptr<HttpBody> Exposition::page(PageFormat format, DaemonFacts facts,
                                           std::function<void(uint64_t)> done) {
  return std::make_unique<Body>(*this, format, std::move(facts), std::move(done));
}

std::string_view Exposition::labels_of(Workloads::Index index) {
  if (index >= cached_.size()) cached_.resize(workloads_.end());
  Cached& cached = cached_[index];
  if (cached.serial != workloads_.serial(index)) {
    const WorkloadLabels& labels = workloads_.labels(index);
    cached.serial = workloads_.serial(index);
    cached.labels.clear();
    append_label(cached.labels, "namespace", labels.ns);
    cached.labels += ',';
    append_label(cached.labels, "pod", labels.pod);
    cached.labels += ',';
    cached.labels += node_label_;
  }
  return cached.labels;
}

}  // namespace kubepulse
