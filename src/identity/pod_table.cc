#include "identity/pod_table.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace kubepulse {
namespace {

constexpr uint32_t kNowhere = UINT32_MAX;

uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>()(text) | 1;  // 0 is no key
}

void mix(uint64_t& hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  hash ^= hash >> 29;
}

// The first list grows in steps, to up to twice what it needs. Without exceptions shrink_to_fit()
// does nothing.
template <typename Rows>
void fit(Rows& rows) {
  constexpr size_t kSlackBytes = 16384;
  if ((rows.capacity() - rows.size()) * sizeof rows[0] > kSlackBytes) Rows(rows).swap(rows);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

// Lists are mostly as long as the one before: without slack, and without growing in steps.
void PodTable::begin() {
  drop();
  next_.pods.reserve(std::min(held_.listed + 16, kPodsMax));
  next_.containers.reserve(std::min(held_.containers.size() + 16, kContainersMax));
  next_.statuses.reserve(std::min(held_.statuses.size() + 16, kContainersMax));
  next_.uids.reserve(held_.uids.size() + 16);
  next_.addresses.reserve(held_.addresses.size() + 16);
  next_.texts.reserve(held_.texts.size() + 1024);
}

// O(pods log pods), of which a node has some hundred.
void PodTable::begin_without(std::string_view uid) {
  begin();
  for (size_t i = 0; i < held_.listed; i++) {
    std::string_view own_uid = view(held_, held_.pods[i].uid);
    if (own_uid != uid) keep(own_uid);
  }
}

void PodTable::drop() {
  next_ = List();
  std::vector<uint32_t>().swap(kept_);
  std::string().swap(next_.texts);  // a string that is assigned to keeps its memory
  shared_ = FlatMap<Text>(kContainersMax);
  uids_ = FlatMap<uint32_t>(kPodsMax);
}

PodTable::Text PodTable::put(std::string_view text) {
  static_assert(kDnsNameBytesMax < 1U << kTextSizeBits &&
                Pod::kMessageBytesMax < 1U << kTextSizeBits);
  // Some 5 MB where all tables are full of texts as long as they may be.
  Text made;
  if (next_.texts.size() + text.size() >= 1U << kTextAtBits) return made;
  made.at = static_cast<uint32_t>(next_.texts.size()) & ((1U << kTextAtBits) - 1);
  made.size = static_cast<uint32_t>(text.size()) & ((1U << kTextSizeBits) - 1);
  next_.texts += text;
  return made;
}

PodTable::Text PodTable::put_once(std::string_view text) {
  if (text.empty()) return {};
  Text* known = shared_.insert(hash_of(text));
  if (known != nullptr && view(next_, *known) == text) return *known;
  Text made = put(text);
  if (known != nullptr && known->size == 0) *known = made;
  return made;
}

bool PodTable::is_added(std::string_view uid) {
  uint32_t* same = uids_.find(hash_of(uid));
  return same != nullptr && view(next_, next_.pods[*same].uid) == uid;
}

void PodTable::add_row(const PodRow& row, std::string_view uid) {
  if (uint32_t* place = uids_.insert(hash_of(uid)))
    *place = static_cast<uint32_t>(next_.pods.size());
  next_.pods.push_back(row);
}

void PodTable::add(const Pod& pod, bool watched) {
  if (next_.pods.size() == kPodsMax) {
    overflow_++;
    return;
  }
  if (is_added(pod.uid.view())) return;
  PodRow row;
  row.uid = put(pod.uid.view());
  if (pod.static_uid.view() != pod.uid.view()) row.static_uid = put(pod.static_uid.view());
  row.ns = put_once(pod.ns.view());
  row.name = put(pod.name.view());
  row.only_container = put(pod.only_container.view());
  row.watched = watched;
  row.host_network = pod.host_network;
  row.by_logs = pod.by_logs;
  if (!pod.by_logs) add_status(pod, row);
  add_row(row, pod.uid.view());
  add_addresses(pod);
  for (size_t i = 0; i < pod.container_count; i++) {
    const PodContainer& container = pod.containers[i];
    if (!pod.by_logs) add_container_status(pod, i);
    if (container.id.empty() && container.last_id.empty()) continue;
    Text name = put_once(container.name.view());
    add_container(container.id.view(), name);
    if (container.last_id.view() != container.id.view())
      add_container(container.last_id.view(), name);
  }
}

void PodTable::add_addresses(const Pod& pod) {
  if (pod.phase == Pod::Phase::succeeded || pod.phase == Pod::Phase::failed) return;
  for (size_t i = 0; i < pod.address_count; i++)
    if (std::optional<IpBytes> address = parse_ip(pod.addresses[i].view()))
      next_.addresses.push_back({*address, static_cast<uint32_t>(next_.pods.size() - 1)});
}

void PodTable::keep_texts(PodRow& row) {
  for (Text* text :
       {&row.ns, &row.owner_kind, &row.owner_name, &row.template_hash, &row.unscheduled})
    *text = put_once(view(held_, *text));
  for (Text* text : {&row.uid, &row.static_uid, &row.name, &row.only_container, &row.message})
    *text = put(view(held_, *text));
}

bool PodTable::keep(std::string_view uid) {
  const PodRow* held = find_pod(held_, uid);
  if (held == nullptr || held->gone_since_ns != 0 || held->by_logs) return false;
  std::string_view own_uid = view(held_, held->uid);
  if (is_added(own_uid)) return true;
  if (next_.pods.size() == kPodsMax) {
    overflow_++;
    return true;
  }
  PodRow row = *held;
  keep_texts(row);
  keep_status(row);
  kept_.resize(held_.pods.size(), kNowhere);
  kept_[static_cast<size_t>(held - held_.pods.data())] = static_cast<uint32_t>(next_.pods.size());
  add_row(row, own_uid);
  return true;
}

// In one go, when the list is complete: containers are not in the order of their pods.
void PodTable::take_kept_containers() {
  if (kept_.empty()) return;
  for (ContainerRow row : held_.containers) {
    if (kept_[row.pod] == kNowhere || row.gone_since_ns != 0) continue;
    if (next_.containers.size() == kContainersMax) {
      overflow_++;
      continue;
    }
    row.name = put_once(view(held_, row.name));
    row.pod = kept_[row.pod];
    next_.containers.push_back(row);
  }
}

void PodTable::take_kept_addresses() {
  if (kept_.empty()) return;
  for (const AddressRow& row : held_.addresses)
    if (kept_[row.pod] != kNowhere) next_.addresses.push_back({row.address, kept_[row.pod]});
}

void PodTable::add_container(std::string_view id, Text name) {
  ContainerRow row{};
  if (!parse_id(id, row.id)) return;
  if (next_.containers.size() == kContainersMax) {
    overflow_++;
    return;
  }
  row.pod = static_cast<uint32_t>(next_.pods.size() - 1);
  row.name = name;
  next_.containers.push_back(row);
}

void PodTable::commit(uint64_t now_ns) {
  next_.listed = next_.pods.size();
  take_kept_containers();
  take_kept_addresses();
  sort_addresses(next_);
  sort_containers(next_.containers);
  index_uids(next_);
  count_namespaces(next_);
  std::vector<uint32_t> places(held_.pods.size(), kNowhere);  // of the rows of held_ in next_
  keep_gone_pods(now_ns, places);
  keep_gone_containers(now_ns, places);
  sort_containers(next_.containers);
  index_uids(next_);

  uint64_t digest = digest_of(next_);
  if (digest != digest_) generation_++;
  digest_ = digest;
  held_ = std::move(next_);
  fit(held_.texts);
  fit(held_.pods);
  fit(held_.containers);
  fit(held_.statuses);
  drop();
}

void PodTable::keep_gone_pods(uint64_t now_ns, std::vector<uint32_t>& places) {
  for (size_t i = 0; i < held_.pods.size(); i++) {
    PodRow row = held_.pods[i];
    if (const PodRow* listed = find_pod(next_, view(held_, row.uid))) {
      places[i] = static_cast<uint32_t>(listed - next_.pods.data());
      continue;
    }
    if (row.gone_since_ns == 0) row.gone_since_ns = std::max(now_ns, uint64_t{1});
    if (now_ns > row.gone_since_ns && now_ns - row.gone_since_ns >= kGoneKeptNs) continue;
    if (next_.pods.size() - next_.listed == kGonePodsMax) {
      overflow_++;
      continue;
    }
    forget_status(row);
    keep_texts(row);
    places[i] = static_cast<uint32_t>(next_.pods.size());
    next_.pods.push_back(row);
  }
}

void PodTable::keep_gone_containers(uint64_t now_ns, const std::vector<uint32_t>& places) {
  std::vector<ContainerRow> kept;
  for (ContainerRow row : held_.containers) {
    if (places[row.pod] == kNowhere || find_container(next_, row.id) != nullptr) continue;
    if (row.gone_since_ns == 0) row.gone_since_ns = std::max(now_ns, uint64_t{1});
    if (now_ns > row.gone_since_ns && now_ns - row.gone_since_ns >= kGoneKeptNs) continue;
    if (next_.containers.size() + kept.size() == kContainersMax) {
      overflow_++;
      continue;
    }
    row.name = put_once(view(held_, row.name));
    row.pod = places[row.pod];
    kept.push_back(row);
  }
  next_.containers.insert(next_.containers.end(), kept.begin(), kept.end());
}

std::optional<PodName> PodTable::find(std::string_view pod_uid,
                                      std::string_view container_id) const {
  ContainerId id;
  const ContainerRow* container = parse_id(container_id, id) ? find_container(held_, id) : nullptr;
  const PodRow* pod = container != nullptr ? &held_.pods[container->pod] : find_pod(held_, pod_uid);
  if (pod == nullptr) return std::nullopt;
  PodName name;
  name.ns = view(held_, pod->ns);
  name.pod = view(held_, pod->name);
  if (container != nullptr)
    name.container = view(held_, container->name);
  else if (!container_id.empty())
    name.container = view(held_, pod->only_container);
  name.watched = pod->watched;
  name.host_network = pod->host_network;
  return name;
}

std::optional<PodName> PodTable::find_address(const IpBytes& address) const {
  auto at = std::lower_bound(
      held_.addresses.begin(), held_.addresses.end(), address,
      [](const AddressRow& row, const IpBytes& wanted) { return row.address < wanted; });
  if (at == held_.addresses.end() || at->address != address) return std::nullopt;
  if (at + 1 != held_.addresses.end() && (at + 1)->address == address) return std::nullopt;
  const PodRow& pod = held_.pods[at->pod];
  if (pod.host_network) return std::nullopt;
  PodName name;
  name.ns = view(held_, pod.ns);
  name.pod = view(held_, pod.name);
  name.watched = pod.watched;
  return name;
}

bool PodTable::is_host_address(const IpBytes& address) const {
  auto at = std::lower_bound(
      held_.addresses.begin(), held_.addresses.end(), address,
      [](const AddressRow& row, const IpBytes& wanted) { return row.address < wanted; });
  for (; at != held_.addresses.end() && at->address == address; at++)
    if (held_.pods[at->pod].host_network) return true;
  return false;
}

size_t PodTable::bytes() const {
  return sizeof *this + held_.texts.capacity() + held_.pods.capacity() * sizeof(PodRow) +
         held_.containers.capacity() * sizeof(ContainerRow) +
         held_.statuses.capacity() * sizeof(StatusRow) + held_.uids.capacity() * sizeof(UidRow) +
         held_.addresses.capacity() * sizeof(AddressRow) +
         held_.namespaces.capacity() * sizeof(Namespace);
}

bool PodTable::parse_id(std::string_view text, ContainerId& id) {
  if (text.size() != 2 * sizeof id.bytes) return false;
  for (size_t i = 0; i < sizeof id.bytes; i++) {
    int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    id.bytes[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

const PodTable::ContainerRow* PodTable::find_container(const List& list, const ContainerId& id) {
  auto at = std::lower_bound(list.containers.begin(), list.containers.end(), id,
                             [](const ContainerRow& row, const ContainerId& wanted) {
                               return memcmp(row.id.bytes, wanted.bytes, sizeof wanted.bytes) < 0;
                             });
  if (at == list.containers.end() || memcmp(at->id.bytes, id.bytes, sizeof id.bytes) != 0)
    return nullptr;
  return &*at;
}

const PodTable::PodRow* PodTable::find_pod(const List& list, std::string_view uid) {
  auto at = std::lower_bound(
      list.uids.begin(), list.uids.end(), uid,
      [&list](const UidRow& row, std::string_view wanted) { return view(list, row.uid) < wanted; });
  if (at == list.uids.end() || view(list, at->uid) != uid) return nullptr;
  return &list.pods[at->pod];
}

// An id that two pods claim stays with the first.
void PodTable::sort_containers(std::vector<ContainerRow>& containers) {
  auto order = [](const ContainerRow& a, const ContainerRow& b) {
    return memcmp(a.id.bytes, b.id.bytes, sizeof a.id.bytes);
  };
  std::stable_sort(containers.begin(), containers.end(),
                   [&](const ContainerRow& a, const ContainerRow& b) { return order(a, b) < 0; });
  auto last =
      std::unique(containers.begin(), containers.end(),
                  [&](const ContainerRow& a, const ContainerRow& b) { return order(a, b) == 0; });
  containers.erase(last, containers.end());
}

// A pod's own uid is stronger than another's claim to it, and one that is listed than one that is
// gone.
void PodTable::index_uids(List& list) {
  list.uids.clear();
  for (size_t i = 0; i < list.pods.size(); i++) {
    const PodRow& row = list.pods[i];
    uint8_t rank = row.gone_since_ns == 0 ? 0 : 2;
    auto pod = static_cast<uint32_t>(i);
    list.uids.push_back({row.uid, pod, rank});
    if (row.static_uid.size > 0)
      list.uids.push_back({row.static_uid, pod, static_cast<uint8_t>(rank + 1)});
  }
  std::sort(list.uids.begin(), list.uids.end(), [&list](const UidRow& a, const UidRow& b) {
    int order = view(list, a.uid).compare(view(list, b.uid));
    if (order != 0) return order < 0;
    return a.rank != b.rank ? a.rank < b.rank : a.pod < b.pod;
  });
}

void PodTable::sort_addresses(List& list) {
  std::sort(list.addresses.begin(), list.addresses.end(),
            [](const AddressRow& a, const AddressRow& b) { return a.address < b.address; });
}

// O(pods * namespaces), of which a node has a few.
void PodTable::count_namespaces(List& list) {
  for (const PodRow& row : list.pods) {
    auto known = std::find_if(
        list.namespaces.begin(), list.namespaces.end(),
        [&](const Namespace& each) { return view(list, each.name) == view(list, row.ns); });
    if (known == list.namespaces.end())
      list.namespaces.push_back({row.ns, 1});
    else
      known->pods++;
  }
}

uint64_t PodTable::digest_of(const List& list) {
  // Of the uids, because they are in order: that of the pods is the kubelet's whim.
  uint64_t digest = 1;
  auto mix_pod = [&](const PodRow& row) {
    for (Text text : {row.uid, row.static_uid, row.ns, row.name, row.only_container})
      mix(digest, hash_of(view(list, text)));
    mix(digest, row.watched * 2 + row.host_network);
  };
  for (const UidRow& each : list.uids)
    mix_pod(list.pods[each.pod]);
  for (const ContainerRow& row : list.containers) {
    mix(digest, hash_of({reinterpret_cast<const char*>(row.id.bytes), sizeof row.id.bytes}));
    mix(digest, hash_of(view(list, row.name)));
    mix_pod(list.pods[row.pod]);
  }
  return digest;
}

}  // namespace kubepulse
