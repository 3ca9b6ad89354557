#include "identity/workloads.h"

#include "base/text.h"

namespace kubepulse {

namespace {

constexpr uint64_t kRetryNs = kNsPerSecond;
constexpr std::string_view kUnknown = "unknown";

// As the labels will read: names that are cut or mended to the same text are one workload, or its
// series would stand twice on the page.
std::string label_key(std::string_view ns, std::string_view pod, std::string_view container) {
  std::string key;
  append_label_value(key, ns);
  key += '\0';
  append_label_value(key, pod);
  key += '\0';
  append_label_value(key, container);
  return key;
}

std::string label_key(const WorkloadLabels& labels) {
  return label_key(labels.ns, labels.pod, labels.container);
}

std::string cut_label(std::string_view text) {
  return std::string(cut_text(text, kLabelBytesMax));
}

}  // namespace

Workloads::Workloads(CgroupPaths& paths, Grain grain) : paths_(paths), grain_(grain) {
  series_.resize(kFirst);
  for (Series& series : series_)
    series.owners = 1;  // they never end
  series_[kOther].labels = {"other", "other", ""};
  series_[kFiltered].labels = series_[kLate].labels = {"unknown", "unknown", ""};
  series_[kOther].shown = true;
  series_[kOther].serial = ++last_serial_;
  by_labels_.emplace(label_key(series_[kOther].labels), kOther);
  slots_.resize(kOwnersReserved);
  places_ = {{kOther, 0}, {kFiltered, 0}};
}

// Asked for now, its name may be there before its first event.
void Workloads::born(std::string_view path) {
  if (pods_ == nullptr || !pod_unknown_) return;
  CgroupOwner owner = owner_of_path(path);
  if (owner.kind == CgroupOwner::pod && !pods_->find(owner.pod_uid, owner.container_id))
    pod_unknown_();
}

Workloads::Owner Workloads::of(uint64_t cgroup, uint32_t pid, uint64_t now_ns) {
  if (Cgroup* known = cgroups_.find(cgroup); known != nullptr && known->retry_ns == 0) {
    attribution_.by_cgroup++;
    known->gone_since_ns = 0;
    if (known->owner == kOwnerOther) overflow_++;
    return known->owner;
  }
  Owner owner = look_up(cgroup, pid, now_ns);
  if (owner == kOwnerOther) overflow_++;
  return owner;
}

Workloads::Owner Workloads::look_up(uint64_t cgroup, uint32_t pid, uint64_t now_ns) {
  Cgroup* known = cgroups_.find(cgroup);
  if (known != nullptr) known->gone_since_ns = 0;
  if (known == nullptr || now_ns >= known->retry_ns) {
    std::string path = cgroup == 0 ? "" : paths_.path_of(cgroup, now_ns);
    if (!path.empty()) {
      attribution_.by_cgroup++;
      Owner owner = owner_of_cgroup_path(path, now_ns);
      remember(cgroup, Cgroup{owner, 0, 0});
      return owner;
    }
  }
  std::string path = paths_.path_of_pid(pid);
  if (!path.empty()) {
    attribution_.by_pid++;
    return owner_of_cgroup_path(path, now_ns);
  }
  attribution_.unknown++;
  // Without socket and task it is the kernel's own; a cgroup without a name is nobody's we know.
  Owner owner = cgroup == 0 && pid == 0 ? owner_of_cgroup_path("/", now_ns)
                                        : owner_of_labels(kUnknown, kUnknown, now_ns);
  if (cgroup != 0 && (known == nullptr || now_ns >= known->retry_ns))
    remember(cgroup, Cgroup{owner, 0, now_ns + kRetryNs});
  return owner;
}

Workloads::Owner Workloads::of_path(uint64_t cgroup, std::string_view path, uint64_t now_ns) {
  Cgroup* known = cgroups_.find(cgroup);
  if (known != nullptr && known->retry_ns == 0) {
    known->gone_since_ns = 0;
    return known->owner;
  }
  Owner owner = owner_of_cgroup_path(path, now_ns);
  remember(cgroup, Cgroup{owner, 0, 0});
  return owner;
}

// Where the table is full it is looked up again each time, which is slow but right.
void Workloads::remember(uint64_t id, const Cgroup& cgroup) {
  if (const Cgroup* old = cgroups_.find(id); old != nullptr)
    slots_[old->owner & kSlotMask].cgroups--;
  Cgroup* held = cgroups_.insert(id);
  if (held == nullptr) return;
  *held = cgroup;
  slots_[cgroup.owner & kSlotMask].cgroups++;
}

Workloads::Owner Workloads::owner_of_cgroup_path(std::string_view path, uint64_t now_ns) {
  CgroupOwner owner = owner_of_path(path);
  if (owner.kind == CgroupOwner::pod && pods_ != nullptr) return owner_of_pod(owner, now_ns);
  return owner_of_labels(owner.ns, owner.name, now_ns);
}

Workloads::Owner Workloads::owner_of_labels(std::string_view ns, std::string_view pod,
                                            uint64_t now_ns) {
  if (!wanted(ns)) return kOwnerFiltered;
  std::string key = label_key(ns, pod, "");
  auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    slots_[known->second].looked_up_ns = now_ns;
    return handle(known->second);
  }
  if (held_count_ >= kWorkloadsMax) return kOwnerOther;
  return handle(make_slot(std::move(key), series_named({ns, pod, ""}), now_ns));
}

// No label_key() begins so.
std::string Workloads::key_of(const CgroupOwner& pod) const {
  std::string key(1, '\0');
  key += pod.pod_uid;
  if (grain_ == Grain::container) key.append(1, '\0').append(pod.container_id);
  return key;
}

std::string_view Workloads::container_of(const PodName& name) const {
  return grain_ == Grain::container ? name.container : std::string_view();
}

// The table may know a pod and not, or not yet, that container: the sandbox is in no list.
bool Workloads::is_whole(const PodName& name, std::string_view container_id) const {
  return grain_ == Grain::pod || container_id.empty() || !name.container.empty();
}

Workloads::Owner Workloads::owner_of_pod(const CgroupOwner& pod, uint64_t now_ns) {
  std::string key = key_of(pod);
  auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    Slot& slot = slots_[known->second];
    slot.looked_up_ns = now_ns;
    // Where the uid says nothing, one of the containers may: the sandbox never does.
    if (!slot.named && !pod.container_id.empty()) {
      slot.container_id = pod.container_id;
      pods_generation_ = 0;
    }
    return handle(known->second);
  }
  if (held_count_ >= kWorkloadsMax) return kOwnerOther;
  std::optional<PodName> name = pods_->find(pod.pod_uid, pod.container_id);
  bool named = name && (is_whole(*name, pod.container_id) || !name->watched);
  Index series = !named           ? make_series({kUnknown, pod.pod_uid, ""})
                 : !name->watched ? kFiltered
                                  : series_named({name->ns, name->pod, container_of(*name)});
  uint32_t at = make_slot(std::move(key), series, now_ns);
  Slot& slot = slots_[at];
  slot.is_pod = series_[series].is_pod = true;
  slot.pod_uid = pod.pod_uid;
  slot.container_id = pod.container_id;
  slot.named = named;
  if (!named) {
    slot.waits = true;
    slot.waits_since_ns = now_ns;
    waiting_++;
    if (pod_unknown_) pod_unknown_();
  }
  return handle(at);
}

uint32_t Workloads::make_slot(std::string key, Index series, uint64_t now_ns) {
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
    places_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  by_key_.emplace(key, slot);
  slots_[slot].key = std::move(key);
  slots_[slot].looked_up_ns = now_ns;
  places_[slot].series = series;
  series_[series].owners++;
  held_count_++;
  return slot;
}

void Workloads::end_slot(uint32_t slot, const Changes& changes) {
  Index series = places_[slot].series;
  if (--series_[series].owners == 0) {
    // What the page never showed was not wanted.
    if (series_[series].shown)
      changes.removed(series);
    else
      changes.merged(series, kFiltered);
    free_series(series);
  } else if (series_[series].shown) {
    partings_++;
  }
  if (slots_[slot].waits) waiting_--;
  by_key_.erase(slots_[slot].key);
  slots_[slot] = Slot{};
  // As many uses before a handle could be taken for another's: at five minutes each, 200 days.
  places_[slot] = Place{kLate, (places_[slot].generation + 1) & (UINT32_MAX >> kSlotBits)};
  free_slots_.push_back(slot);
  held_count_--;
}

std::optional<Workloads::Index> Workloads::find(const WorkloadLabels& labels) const {
  auto known = by_labels_.find(label_key(labels));
  if (known == by_labels_.end()) return std::nullopt;
  return known->second;
}

Workloads::Index Workloads::make_series(const LabelTexts& labels) {
  Index index;
  if (free_series_.empty()) {
    index = static_cast<Index>(series_.size());
    series_.emplace_back();
  } else {
    index = free_series_.back();
    free_series_.pop_back();
  }
  series_[index].labels = {cut_label(labels.ns), cut_label(labels.pod),
                           cut_label(labels.container)};
  series_[index].serial = ++last_serial_;
  return index;
}

Workloads::Index Workloads::series_named(const LabelTexts& labels) {
  auto known = by_labels_.find(label_key(labels.ns, labels.pod, labels.container));
  if (known != by_labels_.end()) return known->second;
  Index index = make_series(labels);
  show(index, labels);
  return index;
}

void Workloads::show(Index index, const LabelTexts& labels) {
  Series& series = series_[index];
  if (series.shown) by_labels_.erase(label_key(series.labels));
  series.labels = {cut_label(labels.ns), cut_label(labels.pod), cut_label(labels.container)};
  series.serial = ++last_serial_;
  series.shown = true;
  by_labels_.emplace(label_key(series.labels), index);
}

void Workloads::free_series(Index index) {
  Series& series = series_[index];
  if (series.shown) by_labels_.erase(label_key(series.labels));
  series = Series{};
  free_series_.push_back(index);
}

// Under these labels from now on, with all that was counted so far where nobody shares it.
void Workloads::name(uint32_t slot, const LabelTexts& labels, const Changes& changes) {
  Index from = places_[slot].series;
  auto known = by_labels_.find(label_key(labels.ns, labels.pod, labels.container));
  if (known != by_labels_.end())
    move(slot, known->second, changes);
  else if (series_[from].owners > 1)
    move(slot, series_named(labels), changes);
  else
    show(from, labels);
}

void Workloads::move(uint32_t slot, Index to, const Changes& changes) {
  Index from = places_[slot].series;
  if (from == to) return;
  places_[slot].series = to;
  series_[to].owners++;
  series_[to].is_pod = slots_[slot].is_pod;
  if (--series_[from].owners > 0) {
    partings_++;
    return;
  }
  // What the page has shown was counted, so that it is not filtered too.
  if (to == kFiltered && series_[from].shown)
    changes.removed(from);
  else
    changes.merged(from, to);
  free_series(from);
}

void Workloads::settle(uint64_t now_ns, const Changes& changes) {
  bool news = pods_ != nullptr && pods_->generation() != pods_generation_;
  if (!news && waiting_ == 0) return;
  if (news) pods_generation_ = pods_->generation();
  for (uint32_t at = kOwnersReserved; at < slots_.size(); at++) {
    Slot& slot = slots_[at];
    if (!slot.is_pod) continue;
    // now_ns may lie before what an event said.
    bool waited = slot.waits && now_ns >= slot.waits_since_ns + kGraceNs;
    if (!news && !waited) continue;
    std::optional<PodName> name_now = pods_->find(slot.pod_uid, slot.container_id);
    bool whole = name_now && (is_whole(*name_now, slot.container_id) || !name_now->watched);
    // What has its name keeps it, whatever the table has forgotten since.
    if (!whole && (slot.named || !waited)) continue;
    if (slot.waits) waiting_--;
    slot.waits = false;
    slot.named = slot.named || whole;
    if (name_now && !name_now->watched)
      move(at, kFiltered, changes);
    else if (name_now)
      name(at, {name_now->ns, name_now->pod, container_of(*name_now)}, changes);
    else if (wanted(kUnknown))
      name(at, {kUnknown, slot.pod_uid, ""}, changes);
  }
}

void Workloads::sweep(uint64_t now_ns, const Changes& changes,
                      const std::function<void(uint64_t)>& cgroup_removed) {
  settle(now_ns, changes);
  std::vector<uint64_t> gone;
  cgroups_.each([&](uint64_t id, Cgroup& cgroup) {
    // A cgroup without a name is not asked for again: it ages from its last try.
    if (cgroup.retry_ns == 0 && paths_.lives(id, now_ns))
      cgroup.gone_since_ns = 0;
    else if (cgroup.gone_since_ns == 0)
      cgroup.gone_since_ns = now_ns;
    else if (now_ns - cgroup.gone_since_ns >= kGoneKeptNs)
      gone.push_back(id);
  });
  for (uint64_t id : gone) {
    slots_[cgroups_.find(id)->owner & kSlotMask].cgroups--;
    cgroups_.erase(id);
    // Nor does a late event call it back.
    paths_.forget(id);
    cgroup_removed(id);
  }
  for (uint32_t at = kOwnersReserved; at < slots_.size(); at++) {
    const Slot& slot = slots_[at];
    if (slot.key.empty() || slot.cgroups > 0 || now_ns - slot.looked_up_ns < kGoneKeptNs) continue;
    end_slot(at, changes);
  }
}

}  // namespace kubepulse
