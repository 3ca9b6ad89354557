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
    const Workloads& workloads = family.container == nullptr ? exposition_.sources_.workloads
                                                             : exposition_.sources_.containers;
    if (workload_ < workloads.end() && workloads.shown(workload_)) write_of(family);
    if (++workload_ < workloads.end()) return;
    workload_ = 0;
    family_++;
  }

  void write_of(const MetricFamily& family) {
    const Sources& from = exposition_.sources_;
    if (family.container != nullptr) {
      if (const ContainerCounts* counts = from.container_store.if_any(workload_))
        family.container(
            *counts, exposition_.container_labels_.of(workload_, exposition_.node_label_), page_);
      return;
    }
    const TcpCounts* tcp = family.tcp == nullptr ? nullptr : from.store.tcp_if_any(workload_);
    const DnsCounts* dns = family.dns == nullptr ? nullptr : from.store.dns_if_any(workload_);
    const std::vector<InterfaceCount>* interfaces =
        family.interfaces == nullptr ? nullptr : from.store.interfaces_if_any(workload_);
    const DropCounts* drops =
        family.drops == nullptr ? nullptr : from.store.drops_if_any(workload_);
    const PacketCounts* packets =
        family.packets == nullptr ? nullptr : from.store.packets_if_any(workload_);
    const FlowCounts* flows =
        family.flows == nullptr || from.flows == nullptr ? nullptr : from.flows->if_any(workload_);
    bool any = tcp != nullptr || dns != nullptr || interfaces != nullptr || drops != nullptr ||
               packets != nullptr || flows != nullptr;
    if (!any) return;
    std::string_view labels = exposition_.labels_.of(workload_, exposition_.node_label_);
    if (tcp != nullptr) family.tcp(*tcp, from.store, labels, page_);
    if (dns != nullptr) family.dns(*dns, from.store, labels, page_);
    if (interfaces != nullptr) family.interfaces(*interfaces, labels, page_);
    if (drops != nullptr) family.drops(*drops, labels, page_);
    if (packets != nullptr) family.packets(*packets, labels, page_);
    if (flows != nullptr) family.flows(*flows, *from.flows, labels, page_);
  }

  Exposition& exposition_;
  Page page_;
  DaemonFacts facts_;
  std::function<void(uint64_t)> done_;
  size_t family_ = 0;
  Workloads::Index workload_ = 0;
  uint64_t duration_ns_ = 0;
};

Exposition::Exposition(const Sources& sources, std::string_view node)
    : sources_(sources),
      labels_(sources.workloads, false),
      container_labels_(sources.containers, true) {
  append_label(node_label_, "node", node);
}

std::unique_ptr<HttpBody> Exposition::page(PageFormat format, DaemonFacts facts,
                                           std::function<void(uint64_t)> done) {
  return std::make_unique<Body>(*this, format, std::move(facts), std::move(done));
}

std::string_view Exposition::Labels::of(Workloads::Index index, std::string_view node_label) {
  if (index >= cached_.size()) cached_.resize(workloads_.end());
  Cached& cached = cached_[index];
  if (cached.serial != workloads_.serial(index)) {
    const WorkloadLabels& labels = workloads_.labels(index);
    cached.serial = workloads_.serial(index);
    cached.text.clear();
    append_label(cached.text, "namespace", labels.ns);
    cached.text += ',';
    append_label(cached.text, "pod", labels.pod);
    cached.text += ',';
    if (with_container_) {
      append_label(cached.text, "container", labels.container);
      cached.text += ',';
    }
    cached.text += node_label;
  }
  return cached.text;
}

}  // namespace kubepulse
