#include "collect/map_stats.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

namespace kubepulse {

namespace {

constexpr uint64_t kShareOfTime = 100;
constexpr uint32_t kBatchEntries = 512;
constexpr uint32_t kBatchEntriesOfMany = 64;  // of a table with a value for each CPU

// A batch is read bucket by bucket (kernel/bpf/hashtab.c), so that what stays is met exactly once.
// Other ways are dearer, or newer: bpf_map_sum_elem_count() is of 6.6, and wants BTF.
std::optional<uint64_t> count_entries(const bpf_map* map) {
  uint32_t batch = kBatchEntries;
  size_t value_bytes = bpf_map__value_size(map);
  if (bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_HASH) {
    // One for each CPU, in whole words.
    size_t cpus = static_cast<size_t>(std::max(libbpf_num_possible_cpus(), 1));
    value_bytes = (value_bytes + 7) / 8 * 8 * cpus;
    batch = kBatchEntriesOfMany;
  }
  std::vector<uint8_t> keys(size_t{batch} * bpf_map__key_size(map));
  std::vector<uint8_t> values(size_t{batch} * value_bytes);
  uint64_t entries = 0;
  uint32_t place = 0;
  // One call at least moves on by one bucket, of which there are at most twice the entries.
  uint64_t calls_max = uint64_t{2} * bpf_map__max_entries(map) + 2;
  for (uint64_t calls = 0; calls < calls_max; calls++) {
    uint32_t count = batch;
    int result = bpf_map_lookup_batch(bpf_map__fd(map), calls == 0 ? nullptr : &place, &place,
                                      keys.data(), values.data(), &count, nullptr);
    int error = result == 0 ? 0 : errno;
    if (error != 0 && error != ENOENT) return std::nullopt;
    entries += count;
    if (error == ENOENT) return entries;
  }
  return std::nullopt;
}

// The positions stand in the first two pages: see ring.h.
std::optional<uint64_t> waiting_in_ring(const bpf_map* map) {
  auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* mapped = mmap(nullptr, 2 * page, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
  if (mapped == MAP_FAILED) return std::nullopt;
  const char* pages = static_cast<const char*>(mapped);
  // In this order: the consumer never is ahead of a producer that is read later.
  uint64_t consumed = __atomic_load_n(reinterpret_cast<const uint64_t*>(pages), __ATOMIC_ACQUIRE);
  uint64_t produced =
      __atomic_load_n(reinterpret_cast<const uint64_t*>(pages + page), __ATOMIC_ACQUIRE);
  munmap(mapped, 2 * page);
  return std::min<uint64_t>(produced - consumed, bpf_map__max_entries(map));
}

}  // namespace

std::optional<uint64_t> memlock_of(std::string_view fdinfo) {
  constexpr std::string_view kKey = "memlock:";
  while (!fdinfo.empty()) {
    std::string_view line = next_piece(fdinfo, '\n');
    if (line.substr(0, kKey.size()) != kKey) continue;
    line.remove_prefix(kKey.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return parse_number(line);
  }
  return std::nullopt;
}

void MapReader::add(const bpf_map* map, const __u64* update_errors) {
  maps_.push_back({map, update_errors, std::nullopt, 0});
}

void MapReader::count(Watched& watched, uint64_t now_ns) {
  switch (bpf_map__type(watched.map)) {
    case BPF_MAP_TYPE_RINGBUF:
      watched.entries = waiting_in_ring(watched.map);
      return;
    case BPF_MAP_TYPE_SK_STORAGE:
      return;
    default:
      break;
  }
  if (now_ns < watched.count_again_ns) return;
  uint64_t begun_ns = monotonic_ns();
  watched.entries = count_entries(watched.map);
  watched.count_again_ns = now_ns + (monotonic_ns() - begun_ns) * kShareOfTime;
}

std::vector<MapStats> MapReader::read(uint64_t now_ns) {
  std::vector<MapStats> all;
  all.reserve(maps_.size());
  for (Watched& watched : maps_) {
    count(watched, now_ns);
    MapStats stats;
    stats.name = bpf_map__name(watched.map);
    stats.entries = watched.entries;
    uint32_t capacity = bpf_map__max_entries(watched.map);
    if (capacity != 0) stats.capacity = capacity;
    Result<std::string> fdinfo =
        read_file(proc_root_ + "/self/fdinfo/" + std::to_string(bpf_map__fd(watched.map)), 4096);
    if (fdinfo.ok()) stats.bytes = memlock_of(fdinfo.value());
    bool is_ring = bpf_map__type(watched.map) == BPF_MAP_TYPE_RINGBUF;
    if (is_ring && stats.bytes == uint64_t{0}) stats.bytes = capacity;
    stats.update_errors = __atomic_load_n(watched.update_errors, __ATOMIC_RELAXED);
    all.push_back(std::move(stats));
  }
  return all;
}

}  // namespace kubepulse
