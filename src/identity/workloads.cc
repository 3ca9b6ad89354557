#include "identity/workloads.h"

#include "base/text.h"
#include "identity/cgroup_path.h"

namespace kubepulse {

namespace {

constexpr uint64_t kRetryNs = kNsPerSecond;

// As the labels will read: names that are cut or mended to the same text are one workload, or its
// series would stand twice on the page.
std::string label_key(std::string_view ns, std::string_view pod) {
  std::string key;
  append_label_value(key, ns);
  key += '\0';
  append_label_value(key, pod);
  return key;
}

}  // namespace

Workloads::Workloads(std::function<void()> read_births) : read_births_(std::move(read_births)) {
  slots_.push_back(Slot{{"other", "other"}, 0, 0, last_serial_});
}

Workloads::Index Workloads::of(uint64_t cgroup, uint32_t pid, uint64_t now_ns) {
  if (Cgroup* known = cgroups_.find(cgroup); known != nullptr && known->retry_ns == 0) {
    attribution_.by_cgroup++;
    known->gone_since_ns = 0;
    if (known->index == kOther) overflow_++;
    return known->index;
  }
  Index index = look_up(cgroup, pid, now_ns);
  if (index == kOther) overflow_++;
  return index;
}

Workloads::Index Workloads::look_up(uint64_t cgroup, uint32_t pid, uint64_t now_ns) {
  Cgroup* known = cgroups_.find(cgroup);
  if (known != nullptr) known->gone_since_ns = 0;
  if (known == nullptr || now_ns >= known->retry_ns) {
    std::string path = cgroup == 0 ? "" : path_of(cgroup, now_ns);
    if (!path.empty()) {
      attribution_.by_cgroup++;
      Index index = index_of_path(path, now_ns);
      remember(cgroup, Cgroup{index, 0, 0});
      return index;
    }
  }
  std::string path = pid == 0 || tree_ == nullptr ? "" : tree_->path_of_pid(pid);
  if (!path.empty()) {
    attribution_.by_pid++;
    return index_of_path(path, now_ns);
  }
  attribution_.unknown++;
  // Without socket and task it is the kernel's own; a cgroup without a name is nobody's we know.
  Index index =
      cgroup == 0 && pid == 0 ? index_of_path("/", now_ns) : index_of("unknown", "unknown", now_ns);
  if (cgroup != 0 && (known == nullptr || now_ns >= known->retry_ns))
    remember(cgroup, Cgroup{index, 0, now_ns + kRetryNs});
  return index;
}

// Where the table is full it is looked up again each time, which is slow but right.
void Workloads::remember(uint64_t id, const Cgroup& cgroup) {
  if (const Cgroup* old = cgroups_.find(id); old != nullptr) slots_[old->index].cgroups--;
  Cgroup* held = cgroups_.insert(id);
  if (held == nullptr) return;
  *held = cgroup;
  slots_[cgroup.index].cgroups++;
}

std::string Workloads::path_of(uint64_t cgroup, uint64_t now_ns) {
  if (read_births_) read_births_();
  // What was told at birth is exact and costs nothing; the tree knows those from before the start.
  if (const std::string* path = names_.find(cgroup)) return *path;
  return tree_ == nullptr ? "" : tree_->path_of(cgroup, now_ns);
}

Workloads::Index Workloads::index_of_path(std::string_view path, uint64_t now_ns) {
  CgroupOwner owner = owner_of_path(path);
  return index_of(owner.ns, owner.name, now_ns);
}

Workloads::Index Workloads::index_of(std::string_view ns, std::string_view pod, uint64_t now_ns) {
  std::string key = label_key(ns, pod);
  auto known = by_labels_.find(key);
  if (known != by_labels_.end()) {
    slots_[known->second].looked_up_ns = now_ns;
    return known->second;
  }
  if (held_count_ >= kWorkloadsMax) return kOther;
  Index index;
  if (free_.empty()) {
    index = static_cast<Index>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  slots_[index] =
      Slot{{std::string(cut_text(ns, kLabelBytesMax)), std::string(cut_text(pod, kLabelBytesMax))},
           0,
           now_ns,
           ++last_serial_};
  by_labels_.emplace(std::move(key), index);
  held_count_++;
  return index;
}

void Workloads::remove(Index index) {
  Slot& slot = slots_[index];
  by_labels_.erase(label_key(slot.labels.ns, slot.labels.pod));
  slot = Slot{};
  free_.push_back(index);
  held_count_--;
}

void Workloads::sweep(uint64_t now_ns, const std::function<void(Index)>& removed,
                      const std::function<void(uint64_t)>& cgroup_removed) {
  std::vector<uint64_t> gone;
  cgroups_.each([&](uint64_t id, Cgroup& cgroup) {
    // A cgroup without a name is not asked for again: it ages from its last try.
    bool lives = cgroup.retry_ns == 0 && tree_ != nullptr && !tree_->path_of(id, now_ns).empty();
    if (lives)
      cgroup.gone_since_ns = 0;
    else if (cgroup.gone_since_ns == 0)
      cgroup.gone_since_ns = now_ns;
    else if (now_ns - cgroup.gone_since_ns >= kGoneKeptNs)
      gone.push_back(id);
  });
  for (uint64_t id : gone) {
    Slot& slot = slots_[cgroups_.find(id)->index];
    slot.cgroups--;
    cgroups_.erase(id);
    cgroup_removed(id);
  }
  for (Index index = kOther + 1; index < end(); index++) {
    const Slot& slot = slots_[index];
    if (slot.serial == 0 || slot.cgroups > 0 || now_ns - slot.looked_up_ns < kGoneKeptNs) continue;
    removed(index);
    remove(index);
  }
}

}  // namespace kubepulse
