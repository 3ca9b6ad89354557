// Reads a BPF ring buffer (BPF_MAP_TYPE_RINGBUF) through a sliding window.
//
// libbpf's reader maps the whole ring twice, and each of those pages counts as resident: a 4 MiB
// ring costs 8 MiB of RSS. Here only the pages about to be read are mapped, so that a ring may be
// as large as bursts ask for. The layout is the kernel's ABI: include/uapi/linux/bpf.h
// (BPF_RINGBUF_*) and Documentation/bpf/ringbuf.rst: the consumer position is the map's first page,
// the producer position its second, then the data, which the kernel maps twice over so that no
// record is split.
#ifndef KUBEPULSE_COLLECT_RING_H
#define KUBEPULSE_COLLECT_RING_H

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/status.h"

namespace kubepulse {

class Ring {
 public:
  // `map_fd` (not owned) is a ring of `bytes`, and outlives the Ring.
  static Result<Ring> open(int map_fd, size_t bytes);

  Ring(Ring&& other) noexcept { *this = std::move(other); }
  Ring& operator=(Ring&& other) noexcept;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { close(); }

  // Readable (EPOLLIN) when it holds records. Closed with the map, not by us.
  int fd() const { return map_fd_; }

  // Hands at most `records_max` records to `take(const void* record, size_t size)`, in order; the
  // memory is valid during the call. Returns how many there were: fewer than asked for means empty.
  template <typename Take>
  size_t drain(size_t records_max, Take&& take) {
    size_t count = 0;
    Record record;
    while (count < records_max && next(&record)) {
      if (!record.discarded) {
        take(record.data, record.size);
        count++;
      }
      position_ = record.end;
      // Told now and then: the kernel reads our position with each record that it makes.
      if (position_ - told_position_ >= bytes_ / 16) tell_position();
    }
    tell_position();
    return count;
  }

 private:
  struct Record {
    const void* data;
    size_t size;
    uint64_t end;  // position behind it
    bool discarded;
  };

  Ring() = default;
  void close();
  bool next(Record* record);
  void tell_position();
  const char* window_at(size_t offset, size_t size);

  int map_fd_ = -1;
  size_t bytes_ = 0;
  uint64_t position_ = 0;
  uint64_t told_position_ = 0;
  void* consumer_ = nullptr;  // one page, writable
  void* producer_ = nullptr;  // one page
  char* window_ = nullptr;
  size_t window_offset_ = 0;
  size_t window_bytes_ = 0;
};

}  // namespace kubepulse

#endif
