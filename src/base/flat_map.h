// A hash table from a 64-bit key to a small value: open addressing, linear probing, one block of
// memory that doubles as it fills. Key 0 is not storable. Lookups cost about one cache line.
#ifndef KUBEPULSE_BASE_FLAT_MAP_H
#define KUBEPULSE_BASE_FLAT_MAP_H

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace kubepulse {

template <typename Value>
class FlatMap {
 public:
  // Holds at most `entries_max`; memory grows with what is held, never shrinks.
  explicit FlatMap(size_t entries_max) : entries_max_(entries_max) {}

  size_t size() const { return size_; }
  bool full() const { return size_ >= entries_max_; }

  // Valid until the next insert or erase.
  Value* find(uint64_t key) {
    Slot* slot = find_slot(key);
    return slot == nullptr ? nullptr : &slot->value;
  }

  const Value* find(uint64_t key) const { return const_cast<FlatMap*>(this)->find(key); }

  // The value under `key`, default-made where there was none; null where the table is full.
  Value* insert(uint64_t key) {
    if (Value* held = find(key)) return held;
    if (key == 0 || full()) return nullptr;
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    size_t at = home(key);
    while (slots_[at].key != 0)
      at = (at + 1) & mask();
    slots_[at] = Slot{key, Value{}};
    size_++;
    return &slots_[at].value;
  }

  bool erase(uint64_t key) {
    Slot* slot = find_slot(key);
    if (slot == nullptr) return false;
    auto hole = static_cast<size_t>(slot - slots_.data());
    // Close the gap, so that no search ends early at it.
    for (size_t at = (hole + 1) & mask(); slots_[at].key != 0; at = (at + 1) & mask()) {
      if (((at - home(slots_[at].key)) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = std::move(slots_[at]);
      hole = at;
    }
    slots_[hole] = Slot{};
    size_--;
    return true;
  }

  // Calls visit(key, value) for each entry; nothing may be inserted or erased meanwhile.
  template <typename Visit>
  void each(Visit&& visit) {
    for (Slot& slot : slots_)
      if (slot.key != 0) visit(slot.key, slot.value);
  }

 private:
  struct Slot {
    uint64_t key = 0;
    Value value{};
  };

  Slot* find_slot(uint64_t key) {
    if (slots_.empty()) return nullptr;
    for (size_t at = home(key);; at = (at + 1) & mask()) {
      if (slots_[at].key == 0) return nullptr;
      if (slots_[at].key == key) return &slots_[at];
    }
  }
  size_t mask() const { return slots_.size() - 1; }
  size_t home(uint64_t key) const {
    // Keys are kernel ids and addresses, not an outsider's choice: spreading them is enough.
    key *= 0x9E3779B97F4A7C15ULL;
    return (key >> 32) & mask();
  }
  void grow() {
    std::vector<Slot> old = std::exchange(slots_, {});
    slots_.resize(old.empty() ? 64 : old.size() * 2);
    for (Slot& slot : old) {
      if (slot.key == 0) continue;
      size_t at = home(slot.key);
      while (slots_[at].key != 0)
        at = (at + 1) & mask();
      slots_[at] = std::move(slot);
    }
  }

  size_t entries_max_;
  size_t size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace kubepulse

#endif
