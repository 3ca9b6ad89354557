#include "collect/traffic_probe.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// Whatever the machine, the table has room for a node's pods and takes no more than it may.
START_TEST(table) {
  for (size_t cpus : {1, 2, 32}) {
    ck_assert(PacketTable::of(cpus).on_demand);
    ck_assert_uint_eq(PacketTable::of(cpus).entries, 4096);
  }
  ck_assert(!PacketTable::of(33).on_demand);
  ck_assert_uint_eq(PacketTable::of(33).entries, 1489);
  ck_assert_uint_eq(PacketTable::of(64).entries, 768);
  ck_assert_uint_eq(PacketTable::of(256).entries, 512);
  ck_assert_uint_eq(PacketTable::of(8192).entries, 512);
}
END_TEST

}  // namespace

CHECK_MAIN("traffic_probe", table)
