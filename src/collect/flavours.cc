#include "collect/flavours.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace kubepulse {

namespace {

class Chooser {
 public:
  Chooser(const std::vector<Signal>& signals, std::string_view only, const Attempt& attempt)
      : attempt_(attempt) {
    for (const Signal& signal : signals) {
      outcome_.push_back({signal.name, "", {}});
      left_.emplace_back();
      bool has_only = has_flavour(signal, only);
      for (const Flavour& flavour : signal.flavours)
        if (!has_only || only == flavour.name) left_.back().push_back(&flavour);
    }
  }

  // Each round either succeeds or refuses one more flavour, so it ends.
  std::vector<Attached> choose() {
    for (Choice choice = best(); count(choice) != 0; choice = best()) {
      Verdict verdict = attempt_(choice);
      if (verdict.ok) {
        for (size_t i = 0; i < choice.size(); i++)
          if (choice[i] != nullptr) outcome_[i].flavour = choice[i]->name;
        break;
      }
      if (verdict.guilty == Verdict::kNobody)
        find_guilty(choice, verdict);
      else
        refuse(verdict.guilty, verdict.reason);
    }
    return std::move(outcome_);
  }

 private:
  Choice best() const {
    Choice choice;
    for (const auto& flavours : left_)
      choice.push_back(flavours.empty() ? nullptr : flavours.front());
    return choice;
  }

  static size_t count(const Choice& choice) {
    return choice.size() - static_cast<size_t>(std::count(choice.begin(), choice.end(), nullptr));
  }

  void refuse(size_t signal, const std::string& reason) {
    outcome_[signal].refused.push_back({left_[signal].front()->name, reason});
    left_[signal].erase(left_[signal].begin());
  }

  void find_guilty(const Choice& choice, const Verdict& together) {
    bool found = false;
    size_t last = 0;
    for (size_t i = 0; i < choice.size(); i++) {
      if (choice[i] == nullptr) continue;
      last = i;
      Choice alone(choice.size());
      alone[i] = choice[i];
      Verdict verdict = count(choice) == 1 ? together : attempt_(alone);
      if (verdict.ok) continue;
      refuse(i, verdict.reason);
      found = true;
    }
    // Each works alone: the first ones matter most.
    if (!found) refuse(last, together.reason);
  }

  const Attempt& attempt_;
  std::vector<Attached> outcome_;
  std::vector<std::vector<const Flavour*>> left_;  // by signal, what is not refused yet
};

const Refused* find(const std::vector<Refused>& refused, std::string_view flavour) {
  for (const Refused& each : refused)
    if (each.flavour == flavour) return &each;
  return nullptr;
}

}  // namespace

bool has_flavour(const Signal& signal, std::string_view flavour) {
  return std::any_of(signal.flavours.begin(), signal.flavours.end(),
                     [flavour](const Flavour& each) { return flavour == each.name; });
}

std::string Attached::refused_text() const {
  std::string text;
  for (size_t i = 0; i < refused.size(); i++) {
    text += refused[i].flavour;
    bool same_follows = i + 1 < refused.size() && refused[i + 1].reason == refused[i].reason;
    if (same_follows) {
      text += ", ";
      continue;
    }
    if (!refused[i].flavour.empty()) text += ": ";
    text += refused[i].reason;
    if (i + 1 < refused.size()) text += "; ";
  }
  return text;
}

std::vector<Attached> choose_flavours(const std::vector<Signal>& signals, std::string_view only,
                                      const Attempt& attempt) {
  return Chooser(signals, only, attempt).choose();
}

std::vector<Signal> joined(const std::vector<Signal>& first, const std::vector<Signal>& second) {
  std::vector<Signal> all = first;
  for (size_t i = 0; i < all.size(); i++)
    all[i].flavours.insert(all[i].flavours.end(), second[i].flavours.begin(),
                           second[i].flavours.end());
  return all;
}

bool prefers_cgroup(const char* release) {
  return atoi(release) >= 7;
}

bool prefers_cgroup() {
  utsname kernel{};
  return uname(&kernel) == 0 && prefers_cgroup(kernel.release);
}

bool allocates_anywhere(const char* release) {
  int major = 0, minor = 0;
  if (sscanf(release, "%d.%d", &major, &minor) != 2) return false;  // NOLINT: no overflow
  return major > 6 || (major == 6 && minor >= 4);
}

bool allocates_anywhere() {
  utsname kernel{};
  return uname(&kernel) == 0 && allocates_anywhere(kernel.release);
}

void tell_refused(const std::vector<Signal>& signals, const std::vector<Attached>& other,
                  const std::string& untried, std::vector<Attached>& outcome) {
  for (size_t i = 0; i < outcome.size(); i++) {
    std::vector<Refused> all;
    for (const Flavour& flavour : signals[i].flavours) {
      if (outcome[i].flavour == flavour.name) break;
      const Refused* told = find(outcome[i].refused, flavour.name);
      if (told == nullptr && !other.empty()) told = find(other[i].refused, flavour.name);
      all.push_back(told != nullptr ? *told : Refused{flavour.name, untried});
    }
    outcome[i].refused = std::move(all);
  }
}

}  // namespace kubepulse
