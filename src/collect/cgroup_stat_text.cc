#include "collect/cgroup_stat_text.h"

#include <algorithm>

#include "base/text.h"

namespace kubepulse {

namespace {

constexpr uint64_t kNsPerUs = 1000;

// v1 writes "no limit" as LONG_MAX in whole pages, and pages differ in size.
constexpr uint64_t kLimitMax = uint64_t{1} << 62;

std::optional<uint64_t> ns_of_us(std::string_view text) {
  std::optional<uint64_t> us = parse_number(text, UINT64_MAX / kNsPerUs);
  if (us) *us *= kNsPerUs;
  return us;
}

// A file with one number, and a newline behind it.
std::optional<uint64_t> only_number(std::string_view text) {
  return parse_number(next_piece(text, '\n'));
}

// What is no number does not undo what is known.
void take(std::optional<uint64_t>& value, std::optional<uint64_t> read) {
  if (read) value = read;
}

// "8:16"
bool parse_device(std::string_view text, DiskStats& disk) {
  std::optional<uint64_t> major = parse_number(next_piece(text, ':'), UINT32_MAX);
  std::optional<uint64_t> minor = parse_number(text, UINT32_MAX);
  if (!major || !minor) return false;
  disk.major = static_cast<uint32_t>(*major);
  disk.minor = static_cast<uint32_t>(*minor);
  return true;
}

bool parse_io_value(std::string_view key, std::string_view text, DiskStats& disk) {
  uint64_t* value = key == "rbytes"   ? &disk.read_bytes
                    : key == "wbytes" ? &disk.written_bytes
                    : key == "rios"   ? &disk.reads
                    : key == "wios"   ? &disk.writes
                                      : nullptr;
  std::optional<uint64_t> read = parse_number(text);
  if (value == nullptr || !read) return false;
  *value = *read;
  return true;
}

// Both values of each device, whose lines stand together: "8:0 Read 1", "8:0 Write 2", "8:0 Sync 3"
// and so on; at the end stands a "Total 3" of all.
template <typename Visit>
void each_blkio_device(std::string_view text, Visit&& visit) {
  DiskStats device;
  bool any = false;
  uint64_t read = 0;
  uint64_t written = 0;
  while (!text.empty()) {
    std::string_view line = next_piece(text, '\n');
    DiskStats of;
    if (!parse_device(next_piece(line, ' '), of)) continue;
    if (any && (of.major != device.major || of.minor != device.minor)) {
      visit(device, read, written);
      any = false;
    }
    std::string_view operation = next_piece(line, ' ');
    std::optional<uint64_t> value = parse_number(line);
    if (!value || (operation != "Read" && operation != "Write")) continue;
    if (!any) read = written = 0;
    any = true;
    device = of;
    (operation == "Read" ? read : written) = *value;
  }
  if (any) visit(device, read, written);
}

}  // namespace

size_t DiskList::lower_bound(uint32_t major, uint32_t minor) const {
  size_t at = 0;
  while (at < size_ &&
         (disks_[at].major < major || (disks_[at].major == major && disks_[at].minor < minor))) {
    at++;
  }
  return at;
}

DiskStats* DiskList::find(uint32_t major, uint32_t minor) {
  size_t at = lower_bound(major, minor);
  bool held = at < size_ && disks_[at].major == major && disks_[at].minor == minor;
  return held ? &disks_[at] : nullptr;
}

DiskStats* DiskList::insert(uint32_t major, uint32_t minor) {
  if (DiskStats* held = find(major, minor)) return held;
  size_t at = lower_bound(major, minor);
  if (size_ == kDisksMax) {
    more_++;
    if (at == kDisksMax) return nullptr;
    size_--;  // the last one
  }
  std::copy_backward(disks_ + at, disks_ + size_, disks_ + size_ + 1);
  size_++;
  disks_[at] = DiskStats{};
  disks_[at].major = major;
  disks_[at].minor = minor;
  return &disks_[at];
}

void parse_cpu_stat(std::string_view text, CgroupStats& stats) {
  while (!text.empty()) {
    std::string_view line = next_piece(text, '\n');
    std::string_view key = next_piece(line, ' ');
    if (key == "usage_usec") take(stats.cpu_usage_ns, ns_of_us(line));
    if (key == "throttled_usec") take(stats.cpu_throttled_ns, ns_of_us(line));
    if (key == "throttled_time") take(stats.cpu_throttled_ns, parse_number(line));
  }
}

void parse_cpuacct_usage(std::string_view text, CgroupStats& stats) {
  take(stats.cpu_usage_ns, only_number(text));
}

void parse_pressure(std::string_view text, PressureTimes& pressure) {
  constexpr std::string_view kTotal = "total=";
  while (!text.empty()) {
    // "some avg10=1.23 avg60=15.20 avg300=31.44 total=3691213674", in microseconds
    std::string_view line = next_piece(text, '\n');
    std::string_view kind = next_piece(line, ' ');
    while (!line.empty()) {
      std::string_view field = next_piece(line, ' ');
      if (field.substr(0, kTotal.size()) != kTotal) continue;
      std::optional<uint64_t> total = ns_of_us(field.substr(kTotal.size()));
      if (kind == "some") take(pressure.waiting_ns, total);
      if (kind == "full") take(pressure.stalled_ns, total);
    }
  }
}

void parse_memory_usage(std::string_view text, CgroupStats& stats) {
  take(stats.memory_usage_bytes, only_number(text));
}

void parse_memory_stat(std::string_view text, CgroupStats& stats) {
  std::optional<uint64_t> inactive_file, total_inactive_file, active_file, total_active_file;
  std::optional<uint64_t> slab_reclaimable;
  std::optional<uint64_t> major_faults, total_major_faults;
  while (!text.empty()) {
    std::string_view line = next_piece(text, '\n');
    std::string_view key = next_piece(line, ' ');
    if (key == "inactive_file") take(inactive_file, parse_number(line));
    if (key == "total_inactive_file") take(total_inactive_file, parse_number(line));
    if (key == "active_file") take(active_file, parse_number(line));
    if (key == "total_active_file") take(total_active_file, parse_number(line));
    if (key == "slab_reclaimable") take(slab_reclaimable, parse_number(line));
    if (key == "pgmajfault") take(major_faults, parse_number(line));
    if (key == "total_pgmajfault") take(total_major_faults, parse_number(line));
  }
  take(stats.major_faults, total_major_faults ? total_major_faults : major_faults);
  if (total_active_file) active_file = total_active_file;
  if (active_file) *active_file += slab_reclaimable.value_or(0);
  take(stats.memory_reclaimable_bytes, active_file);
  if (total_inactive_file) inactive_file = total_inactive_file;
  if (!stats.memory_usage_bytes || !inactive_file) return;
  // The two are read one after the other: the difference may be below 0.
  uint64_t usage = *stats.memory_usage_bytes;
  stats.memory_working_set_bytes = usage - std::min(usage, *inactive_file);
}

void parse_cpu_max(std::string_view text, CgroupStats& stats) {
  std::string_view line = next_piece(text, '\n');
  take(stats.cpu_quota_us, parse_number(next_piece(line, ' ')));
  take(stats.cpu_period_us, parse_number(line));
}

void parse_cfs_quota(std::string_view text, CgroupStats& stats) {
  take(stats.cpu_quota_us, only_number(text));
}

void parse_cfs_period(std::string_view text, CgroupStats& stats) {
  take(stats.cpu_period_us, only_number(text));
}

void parse_memory_limit(std::string_view text, CgroupStats& stats) {
  std::string_view line = next_piece(text, '\n');
  std::optional<uint64_t> limit = parse_number(line);
  if (line == "max" || (limit && *limit >= kLimitMax)) limit = kNoMemoryLimit;
  take(stats.memory_limit_bytes, limit);
}

void parse_oom_kills(std::string_view text, CgroupStats& stats) {
  while (!text.empty()) {
    std::string_view line = next_piece(text, '\n');
    if (next_piece(line, ' ') == "oom_kill") take(stats.oom_kills, parse_number(line));
  }
}

void parse_io_stat(std::string_view text, CgroupStats& stats) {
  while (!text.empty()) {
    std::string_view line = next_piece(text, '\n');
    DiskStats disk;
    bool has_device = false;
    bool has_value = false;
    while (!line.empty()) {
      std::string_view value = next_piece(line, ' ');
      if (value.empty()) continue;
      std::string_view key = next_piece(value, '=');
      if (value.empty()) {
        // "7:7 7:6 rbytes=4096": the last one's, for Linux 5.15 leaves out the newline behind a
        // disk without numbers. "(unknown)" is a disk that has no name, and between further numbers
        // a scheduler may tell what kind they are of: "[RT]".
        if (!has_value) has_device = parse_device(key, disk);
      } else if (parse_io_value(key, value, disk)) {
        has_value = true;
      }
    }
    if (!has_device || !has_value) continue;
    if (DiskStats* held = stats.disks.insert(disk.major, disk.minor)) *held = disk;
  }
}

void parse_blkio_bytes(std::string_view text, CgroupStats& stats) {
  each_blkio_device(text, [&](const DiskStats& device, uint64_t read, uint64_t written) {
    DiskStats* disk = stats.disks.insert(device.major, device.minor);
    if (disk == nullptr) return;
    disk->read_bytes = read;
    disk->written_bytes = written;
  });
}

void parse_blkio_operations(std::string_view text, CgroupStats& stats) {
  each_blkio_device(text, [&](const DiskStats& device, uint64_t read, uint64_t written) {
    // A disk that the bytes were not told of, or that has no room, is not counted once more.
    DiskStats* disk = stats.disks.find(device.major, device.minor);
    if (disk == nullptr) return;
    disk->reads = read;
    disk->writes = written;
  });
}

}  // namespace kubepulse
