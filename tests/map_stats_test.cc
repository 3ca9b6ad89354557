#include "collect/map_stats.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(memlock) {
  auto told = [](const char* text) {
    std::optional<uint64_t> bytes = memlock_of(text);
    return bytes ? std::to_string(*bytes) : "none";
  };
  CHECK_TEXT(told("pos:\t0\nflags:\t02000002\nmap_type:\t1\nmap_extra:\t0x0\nmemlock:\t7865728\n"
                  "map_id:\t41\nfrozen:\t0\n"),
             "7865728");
  CHECK_TEXT(told("memlock:\t0\n"), "0");
  CHECK_TEXT(told("memlock: 18446744073709551615"), "18446744073709551615");
  for (const char* text :
       {"", "\n\n", "memlock", "memlock:", "memlock:\t\n", "memlock:\t12 kB\n", "memlock:\t-1\n",
        "memlock:\t18446744073709551616\n", " memlock:\t1\n", "memlocked:\t1\n"})
    CHECK_TEXT(told(text), "none");
}
END_TEST

}  // namespace

CHECK_MAIN("map_stats", memlock)
