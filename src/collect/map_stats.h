// How full the maps of the kernel programs are, what memory they take, and how often an update of
// them failed.
#ifndef KUBEPULSE_COLLECT_MAP_STATS_H
#define KUBEPULSE_COLLECT_MAP_STATS_H

#include <linux/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct bpf_map;

namespace kubepulse {

// What the kernel does not tell is left out: of a socket storage, which has no bound and which
// only its own programs can look into, the entries and the capacity.
struct MapStats {
  std::string name;
  std::optional<uint64_t> entries;   // of a ring: bytes that wait in it, with their headers
  std::optional<uint64_t> capacity;  // in the same unit
  // By the kernel's own count. Since 6.4 that is what the map takes, but of a socket storage only
  // its table; from 5.11 on it is keys and values alone, and of a ring its capacity; before, what
  // was charged to RLIMIT_MEMLOCK.
  std::optional<uint64_t> bytes;
  uint64_t update_errors = 0;  // of a ring: records that found no room
};

// `update_errors` is counted by the programs themselves, where an update fails. Only tables and
// rings are visited: what holds the programs' variables is always full, and small.
using VisitMap = std::function<void(const bpf_map* map, const __u64* update_errors)>;

// "memlock:\t4096" of /proc/PID/fdinfo/FD. Pure.
std::optional<uint64_t> memlock_of(std::string_view fdinfo);

class MapReader {
 public:
  explicit MapReader(std::string proc_root) : proc_root_(std::move(proc_root)) {}

  // Of a loaded object, which outlives the reader.
  void add(const bpf_map* map, const __u64* update_errors);

  // Entries are counted one by one: 0.1 ms where 65,536 places are empty, 10 ms where all are
  // taken. A count stands for a hundred times as long as it took.
  std::vector<MapStats> read(uint64_t now_ns);

 private:
  struct Watched {
    const bpf_map* map;
    const __u64* update_errors;
    std::optional<uint64_t> entries;
    uint64_t count_again_ns = 0;
  };

  void count(Watched& watched, uint64_t now_ns);

  std::string proc_root_;
  std::vector<Watched> maps_;
};

}  // namespace kubepulse

#endif
