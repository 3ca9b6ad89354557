// Histories of a container's memory, made up: as a simulation of each second, of which every tenth
// is a sample. The same seed gives the same histories everywhere.
#ifndef KUBEPULSE_TESTS_HISTORIES_GENERATED_H
#define KUBEPULSE_TESTS_HISTORIES_GENERATED_H

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

struct MemorySample {
  double at_s;
  double used_mib, limit_mib;
};

struct MemoryStory {
  std::string kind;
  std::vector<MemorySample> samples;
  std::optional<double> oom_s;  // the kernel kills, and the story ends
};

class StoryMaker {
 public:
  explicit StoryMaker(uint32_t seed) : random_(seed) {}

  // Each kind twice or more, but for the one that nobody can foresee.
  std::vector<MemoryStory> make() {
    std::vector<MemoryStory> stories;
    for (int round = 0; round < 2; round++) {
      stories.push_back(linear_leak("linear leak", 1, 0.003));
      stories.push_back(linear_leak("linear leak", 1, 0.003));
      stories.push_back(linear_leak("noisy leak", 1, 0.02));
      stories.push_back(leak_from_start());
      stories.push_back(exponential_leak());
      stories.push_back(stairs());
      stories.push_back(leaking_collector());
      stories.push_back(leak_behind_bursts());
      stories.push_back(linear_leak("leak, clock jumps", 1, 0.003));
      jump_clock(stories.back());
      stories.push_back(linear_leak("leak, gaps", 1, 0.003));
      leave_gaps(stories.back());
      stories.push_back(collector(false));
      stories.push_back(collector(false));
      stories.push_back(collector(true));
      stories.push_back(warm_up());
      stories.push_back(warm_up());
      stories.push_back(load());
      stories.push_back(load());
      stories.push_back(cache());
      stories.push_back(limit_raised());
      stories.push_back(bursts());
      stories.push_back(bursts());
      stories.push_back(noise());
      stories.push_back(noise());
      jump_clock(stories.back());
      stories.back().kind = "noise, clock jumps";
      stories.push_back(collector(false));
      leave_gaps(stories.back());
      stories.back().kind = "collector, gaps";
      stories.push_back(steps());
      stories.push_back(waves());
      stories.push_back(leak_that_ends());
      stories.push_back(quiet());
    }
    stories.push_back(spike());
    return stories;
  }

  // Six hours each, for what takes that long; without a limit that is reached.
  std::vector<MemoryStory> make_long() {
    std::vector<MemoryStory> stories;
    for (int round = 0; round < 3; round++) {
      stories.push_back(slow_leak("slow leak", 0));
      stories.push_back(slow_leak("slow leak, collector", between(0.05, 0.25)));
      stories.push_back(long_quiet());
      stories.push_back(long_collector());
      stories.push_back(long_collector());
      stories.push_back(long_waves());
      stories.push_back(long_steps());
      stories.push_back(long_warm_up());
      stories.push_back(slowing());
      stories.push_back(long_bursts());
    }
    return stories;
  }

  MemoryStory quiet() {
    double share = between(0.2, 0.9);
    return run(
        "quiet", 3600, [=](double) { return share; }, between(0.0005, 0.004));
  }

 private:
  using Level = std::function<double(double second)>;  // share of the limit

  double between(double low, double high) {
    return low + (high - low) * (random_() / 4294967296.0);
  }
  double log_between(double low, double high) {
    return std::exp(between(std::log(low), std::log(high)));
  }
  // Normal, near enough: of twelve uniform ones.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; i++)
      sum += between(0, 1);
    return sum;
  }

  // `limit` is a multiple of the first limit.
  MemoryStory run(
      const char* kind, double seconds, const Level& level, double noise,
      const Level& limit = [](double) { return 1; }) {
    MemoryStory story{kind, {}, {}};
    double mib = std::exp2(std::floor(between(7, 13)));
    double start = std::floor(between(100, 100000));
    // What takes hours is as well looked at only when a sample is taken.
    for (double second = 0; second < seconds; second += seconds < kLong ? 1 : 10) {
      double used = level(second), most = limit(second);
      if (used >= most) {
        story.oom_s = start + second;
        break;
      }
      if (static_cast<int>(second) % 10 != 0) continue;
      double seen = std::clamp(used + noise * normal(), 0.01, most);
      story.samples.push_back({start + second + between(0, 0.2), seen * mib, most * mib});
    }
    return story;
  }

  // Quiet for a while, then it grows.
  MemoryStory linear_leak(const char* kind, double bend, double noise) {
    double base = between(0.2, 0.75), begin = between(300, 1500), grows = log_between(150, 3000);
    return run(
        kind, begin + grows + 60,
        [=](double second) {
          double way = std::max(0.0, second - begin) / grows;
          return base + (1 - base) * std::pow(way, bend);
        },
        noise);
  }
  MemoryStory leak_from_start() {
    double base = between(0.05, 0.3), grows = log_between(300, 3000);
    return run(
        "leak from start", grows + 60,
        [=](double second) { return base + (1 - base) * second / grows; }, 0.003);
  }
  MemoryStory exponential_leak() {
    double base = between(0.1, 0.5), begin = between(300, 1500), doubles = log_between(60, 900);
    double leaked = base * between(0.02, 0.2);
    return run(
        "exponential leak", begin + 20 * doubles,
        [=](double second) {
          if (second < begin) return base;
          return base + leaked * (std::exp2((second - begin) / doubles) - 1);
        },
        0.003);
  }
  // A piece at a time.
  MemoryStory stairs() {
    double base = between(0.2, 0.6), begin = between(300, 1500), grows = log_between(400, 3000);
    double pieces = std::floor(between(6, 25));
    return run(
        "stairs", begin + grows + 60,
        [=](double second) {
          double way = std::max(0.0, second - begin) / grows;
          return base + (1 - base) * std::floor(way * pieces) / pieces;
        },
        0.002);
  }
  MemoryStory leaking_collector() {
    double base = between(0.2, 0.4), height = between(0.1, 0.3), period = log_between(40, 300);
    double grows = period * between(6, 30);
    return run(
        "leaking collector", grows + 2 * period,
        [=](double second) {
          double floor = base + (1 - base - height / 2) * second / grows;
          return floor + height * std::fmod(second, period) / period;
        },
        0.004);
  }
  MemoryStory leak_behind_bursts() {
    Level burst = bursting(0.2, 0.55);
    double begin = between(1500, 3000), grows = log_between(300, 2000);
    return run(
        "leak behind bursts", begin + grows + 60,
        [=](double second) { return burst(second) + 0.8 * std::max(0.0, second - begin) / grows; },
        0.004);
  }

  // With or without peaks of different height.
  MemoryStory collector(bool uneven) {
    double base = between(0.15, 0.45), top = between(base + 0.08, 0.93);
    double period = log_between(30, 1200), share = uneven ? 0.12 : 0.015;
    std::vector<double> tops;
    for (int i = 0; i < 200; i++)
      tops.push_back(top - between(0, share));
    return run(
        uneven ? "uneven collector" : "collector", std::max(3600.0, 5 * period),
        [=](double second) {
          double now = tops[static_cast<size_t>(second / period) % tops.size()];
          return base + (now - base) * std::fmod(second, period) / period;
        },
        0.004);
  }
  MemoryStory warm_up() {
    double base = between(0.05, 0.2), top = between(0.5, 0.93), time = log_between(30, 600);
    return run(
        "warm-up", 3600,
        [=](double second) { return top - (top - base) * std::exp(-second / time); }, 0.004);
  }
  // Straight up, and then it has what it needs.
  MemoryStory load() {
    double base = between(0.03, 0.2), top = between(0.4, 0.88), time = log_between(40, 900);
    double begin = between(0, 60);
    return run(
        "load", 3600,
        [=](double second) {
          return base + (top - base) * std::clamp((second - begin) / time, 0.0, 1.0);
        },
        0.004);
  }
  // Files that are used again fill the active list, and are taken back at the limit.
  MemoryStory cache() {
    double base = between(0.1, 0.4), top = between(0.7, 0.97), time = log_between(60, 1200);
    double again = between(60, 900), taken = between(0.02, 0.3);
    return run(
        "cache", 3600,
        [=](double second) {
          double full = base + (top - base) * std::min(1.0, second / time);
          if (second > time)
            full -= taken * (1 - std::fmod(second - time, again) / again) * (top - base);
          return full;
        },
        0.006);
  }
  MemoryStory limit_raised() {
    double base = between(0.3, 0.6), begin = between(300, 900), grows = log_between(400, 2000);
    double raised = begin + grows * between(0.3, 0.95), level = between(1.1, 1.6);
    return run(
        "limit raised", 3600 + grows,
        [=](double second) {
          return std::min(level, base + (1 - base) * std::max(0.0, second - begin) / grows);
        },
        0.004, [=](double second) { return second < raised ? 1 : 2; });
  }
  Level bursting(double base, double top_max) {
    struct Burst {
      double at, rise, hold, fall, top;
    };
    std::vector<Burst> all;
    double at = between(60, 300);
    while (at < 4000) {
      Burst burst{at, between(5, 90), between(0, 200), between(5, 60),
                  between(base + 0.1, top_max)};
      all.push_back(burst);
      at += burst.rise + burst.hold + burst.fall + between(30, 600);
    }
    return [=](double second) {
      for (const Burst& burst : all) {
        double since = second - burst.at;
        if (since < 0 || since > burst.rise + burst.hold + burst.fall) continue;
        double share = std::min(
            {1.0, since / burst.rise, (burst.rise + burst.hold + burst.fall - since) / burst.fall});
        return base + (burst.top - base) * share;
      }
      return base;
    };
  }
  MemoryStory bursts() {
    double base = between(0.1, 0.5);
    return run("bursts", 3600, bursting(base, between(base + 0.2, 0.95)), 0.004);
  }
  // White, or one that wanders and comes back.
  MemoryStory noise() {
    double share = between(0.4, 0.8), white = between(0.01, 0.05), pull = between(0.002, 0.05);
    std::vector<double> wandering{0};
    for (int i = 0; i < 7200; i++)
      wandering.push_back(std::clamp(wandering.back() * (1 - pull) + 0.004 * normal(), -0.3, 0.18));
    bool wanders = between(0, 1) < 0.5;
    return run(
        "noise", 7200,
        [=](double second) {
          return wanders ? share + wandering[static_cast<size_t>(second)] : share;
        },
        wanders ? 0.002 : std::min(white, (1 - share) / 5));
  }
  // More of it now and then, and kept.
  MemoryStory steps() {
    double base = between(0.2, 0.4), at[4], height[4];
    for (int i = 0; i < 4; i++) {
      at[i] = between(300, 5000);
      height[i] = between(0.03, 0.13);
    }
    return run(
        "steps", 5400,
        [=](double second) {
          double level = base;
          for (int i = 0; i < 4; i++)
            level += height[i] * std::clamp((second - at[i]) / 5, 0.0, 1.0);
          return level;
        },
        0.003);
  }
  // As the day goes.
  MemoryStory waves() {
    double middle = between(0.4, 0.6), height = between(0.05, 0.33),
           period = log_between(900, 7200);
    double phase = between(0, 6.28);
    return run(
        "waves", 2 * period + 1800,
        [=](double second) {
          return middle + height * std::sin(phase + second / period * 6.28318);
        },
        0.005);
  }
  // Somebody sees to it: a restart, or what was queued is worked off.
  MemoryStory leak_that_ends() {
    double base = between(0.2, 0.6), begin = between(300, 1500), grows = log_between(300, 3000);
    double end = begin + grows * between(0.2, 0.65);
    return run(
        "leak that ends", end + 1800,
        [=](double second) {
          if (second > end) return base;
          return base + (1 - base) * std::max(0.0, second - begin) / grows;
        },
        0.004);
  }
  // Nobody can foresee this one.
  MemoryStory spike() {
    double base = between(0.3, 0.6), begin = between(600, 1800);
    return run(
        "spike", 3600,
        [=](double second) { return second < begin ? base : base + (second - begin) * 0.1; },
        0.004);
  }

  static constexpr double kLong = 6 * 3600;

  MemoryStory slow_leak(const char* kind, double height) {
    double base = between(0.1, 0.3), grows = between(0.12, 0.4), noise = between(0.001, 0.01);
    double period = log_between(60, 900);
    return run(
        kind, kLong,
        [=](double second) {
          return base + grows * second / kLong + height * std::fmod(second, period) / period;
        },
        noise);
  }
  MemoryStory long_quiet() {
    double share = between(0.2, 0.8), noise = between(0.001, 0.02);
    return run(
        "long quiet", kLong, [=](double) { return share; }, noise);
  }
  MemoryStory long_collector() {
    double base = between(0.15, 0.4), top = between(base + 0.1, 0.9);
    double period = log_between(60, 10000);
    return run(
        "long collector", kLong,
        [=](double second) { return base + (top - base) * std::fmod(second, period) / period; },
        0.004);
  }
  MemoryStory long_waves() {
    double middle = between(0.4, 0.6), height = between(0.05, 0.3);
    double period = log_between(1800, 14400), phase = between(0, 6.28);
    return run(
        "long waves", kLong,
        [=](double second) {
          return middle + height * std::sin(phase + second / period * 6.28318);
        },
        0.005);
  }
  MemoryStory long_steps() {
    double base = between(0.1, 0.3), at[4], height[4];
    for (int i = 0; i < 4; i++) {
      at[i] = between(300, kLong);
      height[i] = between(0.03, 0.13);
    }
    return run(
        "long steps", kLong,
        [=](double second) {
          double level = base;
          for (int i = 0; i < 4; i++)
            level += height[i] * std::clamp((second - at[i]) / 5, 0.0, 1.0);
          return level;
        },
        0.003);
  }
  MemoryStory long_warm_up() {
    double base = between(0.05, 0.2), top = between(0.4, 0.8), time = log_between(300, 3000);
    return run(
        "long warm-up", kLong,
        [=](double second) { return top - (top - base) * std::exp(-second / time); }, 0.004);
  }
  // As a cache of what is seen for the first time.
  MemoryStory slowing() {
    double base = between(0.1, 0.3), grows = between(0.1, 0.5), time = log_between(60, 1200);
    return run(
        "slowing", kLong,
        [=](double second) {
          return base + grows * std::log1p(second / time) / std::log1p(kLong / time);
        },
        0.004);
  }
  MemoryStory long_bursts() {
    std::vector<double> level;
    double now = 0;
    for (int i = 0; i < 6 * 3600; i++) {
      if (between(0, 1) < 0.002) now += between(0.02, 0.3);
      now *= 0.995;
      level.push_back(now);
    }
    double base = between(0.1, 0.4);
    return run(
        "long bursts", kLong,
        [=](double second) { return std::min(0.95, base + level[static_cast<size_t>(second)]); },
        0.003);
  }

  // An hour is missing, or the clock goes back, as no monotonic one does.
  void jump_clock(MemoryStory& story) {
    size_t at = static_cast<size_t>(between(0.3, 0.7) * static_cast<double>(story.samples.size()));
    double jump = between(0, 1) < 0.7 ? between(100, 4000) : -between(5, 90);
    for (size_t i = at; i < story.samples.size(); i++)
      story.samples[i].at_s += jump;
    if (story.oom_s) *story.oom_s += jump;
  }
  // But in the last minute: what happens while nobody looks, nobody tells.
  void leave_gaps(MemoryStory& story) {
    std::vector<MemorySample> kept;
    size_t gap = 0;
    for (size_t i = 0; i < story.samples.size(); i++) {
      if (gap == 0 && between(0, 1) < 0.03) gap = static_cast<size_t>(between(1, 25));
      bool is_last = i + 6 >= story.samples.size();
      if (gap > 0 && !is_last)
        gap--;
      else
        kept.push_back(story.samples[i]);
    }
    story.samples = kept;
  }

  std::mt19937 random_;
};

#endif
