#include "base/flat_map.h"

#include <map>
#include <random>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(holds_what_a_map_holds) {
  FlatMap<int> table(5000);
  std::map<uint64_t, int> model;
  std::mt19937_64 random(7);
  for (int step = 0; step < 200000; step++) {
    uint64_t key = random() % 4000 + 1;
    if (random() % 3 == 0) {
      ck_assert(table.erase(key) == (model.erase(key) > 0));
    } else {
      *table.insert(key) = step;
      model[key] = step;
    }
    ck_assert(table.size() == model.size());
  }
  for (auto& [key, value] : model) {
    int* held = table.find(key);
    ck_assert(held != nullptr && *held == value);
  }
  size_t visited = 0;
  table.each([&](uint64_t key, int value) {
    ck_assert(model.at(key) == value);
    visited++;
  });
  ck_assert(visited == model.size());
}
END_TEST

START_TEST(full_is_full) {
  FlatMap<int> table(3);
  for (uint64_t key = 1; key <= 3; key++)
    ck_assert(table.insert(key) != nullptr);
  ck_assert(table.insert(4) == nullptr);
  ck_assert(table.insert(2) != nullptr);
  ck_assert(table.erase(1));
  ck_assert(table.insert(4) != nullptr);
  ck_assert(table.insert(0) == nullptr);
}
END_TEST

}  // namespace

CHECK_MAIN("flat_map", holds_what_a_map_holds, full_is_full)
