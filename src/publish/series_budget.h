// How many series a page may have, whoever fills it.
#ifndef KUBEPULSE_PUBLISH_SERIES_BUDGET_H
#define KUBEPULSE_PUBLISH_SERIES_BUDGET_H

#include <cstddef>
#include <cstdint>

namespace kubepulse {

class SeriesBudget {
 public:
  static constexpr size_t kSeriesMax = 100000;

  bool has_room(size_t series) const { return used_ + series <= kSeriesMax; }
  // As has_room(), but what is refused is counted.
  bool allows(size_t series) {
    bool room = has_room(series);
    if (!room) refused_++;
    return room;
  }
  void take(size_t series) { used_ += series; }
  void give_back(size_t series) { used_ -= series; }

  size_t used() const { return used_; }
  uint64_t refused() const { return refused_; }

 private:
  size_t used_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace kubepulse

#endif
