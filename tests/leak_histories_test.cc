// Six hours of memory, replayed: whether memory_leak tells the leaks, and nothing else.
#include <cstdio>
#include <map>

#include "insight/insights.h"
#include "tests/check.h"
#include "tests/histories/generated.h"

using namespace kubepulse;  // NOLINT

namespace {

// As in oom_histories_test.cc.
constexpr uint32_t kChosenWith = 1, kHeldOut = 1001, kSeeds = 3;

struct Tally {
  int histories = 0, told = 0;
};

bool is_told(const MemoryStory& story) {
  Insights insights;
  bool told = false;
  for (const MemorySample& sample : story.samples) {
    insights.begin(static_cast<uint64_t>(sample.at_s * kNsPerSecond));
    Insights::Memory memory{static_cast<uint64_t>(sample.used_mib * (1 << 20)),
                            static_cast<uint64_t>(sample.limit_mib * (1 << 20))};
    insights.container(1, {}, &memory, {});
    insights.end({}, 1);
    insights.table().each_change([&](const Insight& insight, bool raised) {
      told = told || (raised && insight.type == InsightType::memory_leak);
    });
  }
  return told;
}

void replay(const char* set, uint32_t seed) {
  std::map<std::string, Tally> kinds;
  int leaks = 0, told = 0, right = 0;
  for (uint32_t i = 0; i < kSeeds; i++) {
    for (const MemoryStory& story : StoryMaker(seed + i).make_long()) {
      bool leaking = story.kind.rfind("slow leak", 0) == 0, tells = is_told(story);
      Tally& tally = kinds[story.kind];
      tally.histories++;
      tally.told += tells;
      leaks += leaking;
      told += tells;
      right += leaking && tells;
    }
  }
  printf("\n%-24s %9s %5s\n", set, "histories", "told");
  for (const auto& [kind, tally] : kinds)
    printf("%-24s %9d %5d\n", kind.c_str(), tally.histories, tally.told);
  printf("precision %.3f, recall %.3f\n", static_cast<double>(right) / told,
         static_cast<double>(right) / leaks);
  fflush(stdout);
  ck_assert_int_ge(right * 10, told * 9);
  ck_assert_int_ge(right * 10, leaks * 9);
}

START_TEST(generated_histories) {
  replay("generated", kChosenWith);
}
END_TEST

START_TEST(held_out_histories) {
  replay("generated, held out", kHeldOut);
}
END_TEST

}  // namespace

CHECK_MAIN("leak_histories", generated_histories, held_out_histories)
