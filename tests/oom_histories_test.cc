// Memory's histories, replayed: whether oom_predicted comes before the kernel kills, and only then.
//
// A report is true where the kernel kills while it holds, or where memory reaches the limit that
// there was when it began: somebody has raised the limit in time. A kill is predicted where a
// report holds when it comes; the lead is how long it has held.
#include <cstdio>
#include <map>

#include "insight/insights.h"
#include "tests/check.h"
#include "tests/histories/generated.h"
#include "tests/histories/recorded.h"

using namespace kubepulse;  // NOLINT

namespace {

// The constants of src/insight were chosen with the first; the second nobody had looked at.
constexpr uint32_t kChosenWith = 1, kHeldOut = 1001, kSeeds = 16;
// How long after the end of a report the old limit may still be reached.
constexpr double kReachedWithinSeconds = 600;

struct Tally {
  int histories = 0, killed = 0, predicted = 0, reports = 0, wrong = 0;
  int quiet = 0, disturbed = 0;  // histories without a kill; those of them with a report
  std::vector<double> leads_s;

  void add(const Tally& other) {
    histories += other.histories;
    killed += other.killed;
    predicted += other.predicted;
    reports += other.reports;
    wrong += other.wrong;
    quiet += other.quiet;
    disturbed += other.disturbed;
    leads_s.insert(leads_s.end(), other.leads_s.begin(), other.leads_s.end());
  }
  double precision() const { return reports == 0 ? 1 : 1 - static_cast<double>(wrong) / reports; }
  double recall() const { return killed == 0 ? 1 : static_cast<double>(predicted) / killed; }
  double median_lead_s() {
    if (leads_s.empty()) return 0;
    std::sort(leads_s.begin(), leads_s.end());
    return leads_s[leads_s.size() / 2];
  }
};

class Replay {
 public:
  Tally run(const MemoryStory& story) {
    tally_.histories = 1;
    for (at_ = 0; at_ < story.samples.size(); at_++)
      look(story);
    if (story.oom_s) {
      tally_.killed = 1;
      tally_.predicted = holds_;
      if (holds_) tally_.leads_s.push_back(*story.oom_s - since_s_);
    } else {
      tally_.quiet = 1;
      tally_.disturbed = tally_.reports > 0;
      if (holds_) tally_.wrong++;
    }
    return tally_;
  }

 private:
  static constexpr double kMib = 1 << 20;

  void look(const MemoryStory& story) {
    const MemorySample& sample = story.samples[at_];
    insights_.begin(static_cast<uint64_t>(sample.at_s * kNsPerSecond));
    ContainerFacts facts;
    facts.subject = {"shop", "web-0", "app", true, {}};
    Insights::Memory memory{static_cast<uint64_t>(sample.used_mib * kMib),
                            static_cast<uint64_t>(sample.limit_mib * kMib)};
    insights_.container(1, facts, &memory, {});
    insights_.end({}, 1);
    insights_.table().each_change([&](const Insight& insight, bool raised) {
      if (insight.type != InsightType::oom_predicted) return;
      holds_ = raised;
      if (raised) {
        tally_.reports++;
        since_s_ = sample.at_s;
        limit_mib_ = sample.limit_mib;
      } else if (!is_reached(story)) {
        tally_.wrong++;
      }
    });
  }

  bool is_reached(const MemoryStory& story) const {
    double until_s = story.samples[at_].at_s + kReachedWithinSeconds;
    for (size_t i = at_; i < story.samples.size() && story.samples[i].at_s < until_s; i++)
      if (story.samples[i].used_mib >= limit_mib_) return true;
    return false;
  }

  Insights insights_;
  Tally tally_;
  size_t at_ = 0;
  bool holds_ = false;
  double since_s_ = 0, limit_mib_ = 0;
};

void print_row(const char* kind, const Tally& tally) {
  printf("%-20s %9d %6d %9d %7d %5d\n", kind, tally.histories, tally.killed, tally.predicted,
         tally.reports, tally.wrong);
}

Tally replay(const char* set, const std::vector<MemoryStory>& stories) {
  std::map<std::string, Tally> kinds;
  Tally all;
  for (const MemoryStory& story : stories) {
    Tally tally = Replay().run(story);
    kinds[story.kind].add(tally);
    all.add(tally);
  }
  printf("\n%-20s %9s %6s %9s %7s %5s\n", set, "histories", "killed", "predicted", "reports",
         "wrong");
  for (const auto& [kind, tally] : kinds)
    print_row(kind.c_str(), tally);
  print_row("all", all);
  printf("                     predicted  not predicted\n");
  printf("killed               %9d  %13d\n", all.predicted, all.killed - all.predicted);
  printf("not killed           %9d  %13d\n", all.disturbed, all.quiet - all.disturbed);
  printf("precision %.3f, recall %.3f, median lead %.0f s\n", all.precision(), all.recall(),
         all.median_lead_s());
  fflush(stdout);
  return all;
}

std::vector<MemoryStory> generated(uint32_t seed) {
  std::vector<MemoryStory> stories;
  for (uint32_t i = 0; i < kSeeds; i++)
    for (MemoryStory& story : StoryMaker(seed + i).make())
      stories.push_back(std::move(story));
  return stories;
}

void check_goals(Tally tally) {
  ck_assert_int_ge(tally.histories, 40);
  ck_assert_double_ge(tally.precision(), 0.9);
  ck_assert_double_ge(tally.recall(), 0.9);
  ck_assert_double_ge(tally.median_lead_s(), 60);
}

START_TEST(generated_histories) {
  check_goals(replay("generated", generated(kChosenWith)));
}
END_TEST

START_TEST(held_out_histories) {
  check_goals(replay("generated, held out", generated(kHeldOut)));
}
END_TEST

START_TEST(recorded_histories) {
  Tally tally = replay("recorded", recorded_stories());
  ck_assert_int_ge(tally.histories, 15);
  ck_assert_int_ge(tally.killed, 5);
  ck_assert_double_ge(tally.precision(), 0.9);
  ck_assert_double_ge(tally.recall(), 0.9);
  ck_assert_double_ge(tally.median_lead_s(), 60);
}
END_TEST

// An hour of each: no finding at all, of whichever rule that looks at memory.
START_TEST(an_hour_of_quiet) {
  for (uint32_t seed = 1; seed <= 50; seed++) {
    Insights insights;
    MemoryStory story = StoryMaker(seed).quiet();
    ck_assert_uint_eq(story.samples.size(), 360);
    for (const MemorySample& sample : story.samples) {
      insights.begin(static_cast<uint64_t>(sample.at_s * kNsPerSecond));
      Insights::Memory memory{static_cast<uint64_t>(sample.used_mib * (1 << 20)),
                              static_cast<uint64_t>(sample.limit_mib * (1 << 20))};
      insights.container(1, {}, &memory, {});
      insights.end({}, 1);
      insights.table().each_change([&](const Insight& insight, bool) {
        ck_abort_msg("seed %u: %s", seed, insight_type_name(insight.type));
      });
    }
  }
}
END_TEST

}  // namespace

CHECK_MAIN("oom_histories", generated_histories, held_out_histories, recorded_histories,
           an_hour_of_quiet)
