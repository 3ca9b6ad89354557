#include "identity/cgroup_names.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string name_of(const CgroupNames& names, uint64_t id) {
  const std::string* path = names.find(id);
  return path == nullptr ? "(none)" : *path;
}

START_TEST(remembers) {
  CgroupNames names;
  CHECK_TEXT(name_of(names, 1), "(none)");
  names.born(7, "/a");
  names.born(8, "/b");
  CHECK_TEXT(name_of(names, 7), "/a");
  CHECK_TEXT(name_of(names, 8), "/b");
  names.born(7, "/c");
  CHECK_TEXT(name_of(names, 7), "/c");
  ck_assert_uint_eq(names.size(), 2);
}
END_TEST

START_TEST(forgets_the_oldest) {
  CgroupNames names;
  for (uint64_t id = 0; id < kCgroupNamesMax; id++)
    names.born(id, "/" + std::to_string(id));
  names.born(0, "/again");  // does not make it younger
  CHECK_TEXT(name_of(names, 0), "/again");
  for (uint64_t id = kCgroupNamesMax; id < 2 * kCgroupNamesMax + 5; id++) {
    names.born(id, "/" + std::to_string(id));
    ck_assert_uint_eq(names.size(), kCgroupNamesMax);
    CHECK_TEXT(name_of(names, id - kCgroupNamesMax), "(none)");
    CHECK_TEXT(name_of(names, id - kCgroupNamesMax + 1),
               "/" + std::to_string(id - kCgroupNamesMax + 1));
    CHECK_TEXT(name_of(names, id), "/" + std::to_string(id));
  }
}
END_TEST

START_TEST(bounds_the_path) {
  CgroupNames names;
  std::string fits = "/" + std::string(kCgroupNameBytesMax - 1, 'a');
  names.born(1, fits);
  CHECK_TEXT(name_of(names, 1), fits);
  names.born(2, "/pod/" + std::string(300, 'b'));
  CHECK_TEXT(name_of(names, 2), "/pod");
  // Nothing whole is left, and "" would be the kernel.
  names.born(3, "/" + std::string(300, 'c'));
  names.born(4, std::string(300, 'd'));
  names.born(5, "");
  for (uint64_t id : {3, 4, 5})
    CHECK_TEXT(name_of(names, id), "(none)");
  CgroupNames longer(512);
  longer.born(1, "/" + std::string(300, 'e'));
  CHECK_TEXT(name_of(longer, 1), "/" + std::string(300, 'e'));
}
END_TEST

}  // namespace

CHECK_MAIN("cgroup_names", remembers, forgets_the_oldest, bounds_the_path)
