// What disks are called: "sda", "nvme0n1", "dm-0".
#ifndef KUBEPULSE_COLLECT_DISK_NAMES_H
#define KUBEPULSE_COLLECT_DISK_NAMES_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace kubepulse {

// Of where /sys/dev/block/MAJOR:MINOR leads, as /proc/diskstats writes it: "../../block/cciss!c0d0"
// is "cciss/c0d0"; "" where there is no name at the end. Pure.
std::string disk_name_of(std::string_view target);

class DiskNames {
 public:
  static constexpr size_t kNamesMax = 256;
  // Numbers are given again to other disks.
  static constexpr uint64_t kKeptNs = 60'000'000'000;

  explicit DiskNames(std::string sys_root = "/sys") : sys_root_(std::move(sys_root)) {}

  // "8:0" where the kernel tells no name. Valid until the next call.
  std::string_view name(uint32_t major, uint32_t minor, uint64_t now_ns);

  size_t size() const { return names_.size(); }

 private:
  struct Name {
    std::string text;
    uint64_t until_ns = 0;
  };

  std::string sys_root_;
  std::unordered_map<uint64_t, Name> names_;
};

}  // namespace kubepulse

#endif
