#include "insight/median.h"

#include <random>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(each_rank) {
  std::mt19937 random(2);
  for (size_t count = 1; count <= 64; count += 1 + count / 8) {
    for (uint32_t different : {1U, 3U, 1000000U}) {
      std::vector<int> values;
      for (size_t i = 0; i < count; i++)
        values.push_back(static_cast<int>(random() % different));
      std::vector<int> sorted = values;
      std::sort(sorted.begin(), sorted.end());
      for (size_t rank = 0; rank < count; rank++) {
        std::vector<int> shuffled = values;
        bool right = select(shuffled.data(), count, rank) == sorted[rank];
        for (size_t i = 0; i < rank; i++)
          right = right && shuffled[i] <= sorted[rank];
        ck_assert_msg(right, "%zu of %zu", rank, count);
      }
    }
  }
}
END_TEST

START_TEST(the_middle) {
  float one[] = {5}, two[] = {4, 1}, three[] = {9, 1, 4}, four[] = {8, 2, 4, 1};
  ck_assert_float_eq(median(one, 1), 5);
  ck_assert_float_eq(median(two, 2), 2.5);
  ck_assert_float_eq(median(three, 3), 4);
  ck_assert_float_eq(median(four, 4), 3);
}
END_TEST

}  // namespace

CHECK_MAIN("median", each_rank, the_middle)
