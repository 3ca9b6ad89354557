#include "collect/ring.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace kubepulse {

namespace {

// What is mapped is resident; mapping and unmapping costs some 10 us and 100 ns a page.
constexpr size_t kWindowBytes = size_t{1024} * 1024;

size_t page_size() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

Result<Ring> Ring::open(int map_fd, size_t bytes) {
  Ring ring;
  ring.map_fd_ = map_fd;
  ring.bytes_ = bytes;
  size_t page = page_size();
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (consumer == MAP_FAILED) return Status::from_errno("mmap of a ring's consumer page", errno);
  ring.consumer_ = consumer;
  void* producer = mmap(nullptr, page, PROT_READ, MAP_SHARED, map_fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) return Status::from_errno("mmap of a ring's producer page", errno);
  ring.producer_ = producer;
  return ring;
}

Ring& Ring::operator=(Ring&& other) noexcept {
  if (this == &other) return *this;
  close();
  map_fd_ = std::exchange(other.map_fd_, -1);
  bytes_ = other.bytes_;
  position_ = other.position_;
  told_position_ = other.told_position_;
  consumer_ = std::exchange(other.consumer_, nullptr);
  producer_ = std::exchange(other.producer_, nullptr);
  window_ = std::exchange(other.window_, nullptr);
  window_offset_ = other.window_offset_;
  window_bytes_ = std::exchange(other.window_bytes_, 0);
  return *this;
}

void Ring::close() {
  if (window_ != nullptr) munmap(window_, window_bytes_);
  if (consumer_ != nullptr) munmap(consumer_, page_size());
  if (producer_ != nullptr) munmap(producer_, page_size());
  window_ = nullptr;
  consumer_ = producer_ = nullptr;
}

// The `size` bytes at `offset` of the data area, mapping them first where need be; null where the
// kernel has no memory for the mapping: the records then wait in the ring.
const char* Ring::window_at(size_t offset, size_t size) {
  if (window_ != nullptr && offset >= window_offset_ &&
      offset + size <= window_offset_ + window_bytes_)
    return window_ + (offset - window_offset_);
  if (window_ != nullptr) munmap(window_, window_bytes_);
  window_ = nullptr;
  size_t page = page_size();
  window_offset_ = offset / page * page;
  window_bytes_ = std::min(std::max(kWindowBytes, size + page), 2 * bytes_ - window_offset_);
  void* mapped = mmap(nullptr, window_bytes_, PROT_READ, MAP_SHARED, map_fd_,
                      static_cast<off_t>(2 * page + window_offset_));
  if (mapped == MAP_FAILED) return nullptr;
  window_ = static_cast<char*>(mapped);
  return window_ + (offset - window_offset_);
}

bool Ring::next(Record* record) {
  uint64_t produced = __atomic_load_n(static_cast<uint64_t*>(producer_), __ATOMIC_ACQUIRE);
  if (position_ >= produced) return false;
  size_t offset = position_ & (bytes_ - 1);
  const char* header = window_at(offset, BPF_RINGBUF_HDR_SZ);
  if (header == nullptr) return false;
  uint32_t length = __atomic_load_n(reinterpret_cast<const uint32_t*>(header), __ATOMIC_ACQUIRE);
  if (length & BPF_RINGBUF_BUSY_BIT) return false;  // reserved, not yet submitted
  record->discarded = length & BPF_RINGBUF_DISCARD_BIT;
  record->size = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
  size_t whole = (record->size + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
  header = window_at(offset, whole);
  if (header == nullptr) return false;
  record->data = header + BPF_RINGBUF_HDR_SZ;
  record->end = position_ + whole;
  return true;
}

void Ring::tell_position() {
  if (told_position_ == position_) return;
  told_position_ = position_;
  __atomic_store_n(static_cast<uint64_t*>(consumer_), position_, __ATOMIC_RELEASE);
}

}  // namespace kubepulse
