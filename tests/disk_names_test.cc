#include "collect/disk_names.h"

#include <unistd.h>

#include "tests/check.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

void link_disk(const Folder& folder, const std::string& numbers, const std::string& target) {
  std::string path = folder.path("dev/block/" + numbers);
  unlink(path.c_str());
  ck_assert_int_eq(symlink(target.c_str(), path.c_str()), 0);
}

START_TEST(names_of_targets) {
  CHECK_TEXT(disk_name_of("../../devices/pci0000:00/0000:00:02.0/virtio1/block/vda"), "vda");
  CHECK_TEXT(disk_name_of("../../devices/virtual/block/dm-0"), "dm-0");
  CHECK_TEXT(disk_name_of("../../devices/pci/nvme/nvme0/nvme0n1/nvme0n1p2"), "nvme0n1p2");
  CHECK_TEXT(disk_name_of("../../block/cciss!c0d0"), "cciss/c0d0");
  CHECK_TEXT(disk_name_of("sda"), "sda");
  for (const char* target : {"", "/", "../..", ".", "a/"})
    CHECK_TEXT(disk_name_of(target), "");
}
END_TEST

START_TEST(names_of_numbers) {
  Folder folder;
  folder.make_folder("dev/block");
  link_disk(folder, "8:0", "../../devices/x/block/sda");
  DiskNames names(folder.path(""));
  CHECK_TEXT(names.name(8, 0, 0), "sda");
  CHECK_TEXT(names.name(253, 7, 0), "253:7");
  CHECK_TEXT(names.name(0, 0, 0), "0:0");
  CHECK_TEXT(names.name(UINT32_MAX, UINT32_MAX, 0), "4294967295:4294967295");
  ck_assert_uint_eq(names.size(), 4);
  // Not looked up again at once, neither what has a name nor what has none.
  link_disk(folder, "8:0", "../../devices/x/block/sdb");
  link_disk(folder, "253:7", "../../devices/virtual/block/dm-7");
  CHECK_TEXT(names.name(8, 0, DiskNames::kKeptNs - 1), "sda");
  CHECK_TEXT(names.name(253, 7, DiskNames::kKeptNs - 1), "253:7");
  CHECK_TEXT(names.name(8, 0, DiskNames::kKeptNs), "sdb");
  CHECK_TEXT(names.name(253, 7, DiskNames::kKeptNs), "dm-7");
  CHECK_TEXT(DiskNames("/nonexistent").name(8, 0, 0), "8:0");
}
END_TEST

START_TEST(many_names) {
  Folder folder;
  DiskNames names(folder.path(""));
  for (uint32_t minor = 0; minor < 1000; minor++) {
    CHECK_TEXT(names.name(7, minor, 0), "7:" + std::to_string(minor));
    ck_assert_uint_le(names.size(), DiskNames::kNamesMax);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("disk_names", names_of_targets, names_of_numbers, many_names)
