#include "sniff/insight_families.h"

#include "base/text.h"
#include "insight/finding.h"

namespace kubepulse {

namespace {

// What predicts has a type of its own, such as "oom": it rests on what was counted.
Origin origin_of_type(std::string_view type) {
  for (size_t i = 0; i < kInsightTypes; i++)
    if (type == insight_type_name(static_cast<InsightType>(i)))
      return origin_of(static_cast<InsightType>(i));
  return Origin::kernel;
}

// "# TYPE NAME gauge" and "# HELP NAME Text".
std::string_view name_of_comment(std::string_view line) {
  std::string_view rest = line;
  next_piece(rest, ' ');
  std::string_view word = next_piece(rest, ' ');
  return word == "TYPE" || word == "HELP" ? next_piece(rest, ' ') : std::string_view();
}

}  // namespace

InsightFamilies::InsightFamilies(Origins origins)
    : origins_(origins),
      reader_([this](const PageSample& sample) { take(sample); },
              [this](std::string_view line) { add(name_of_comment(line), line); }) {}

void InsightFamilies::take(const PageSample& sample) {
  LabelReader labels(sample.labels);
  std::string_view name, value;
  while (origins_ != Origins::all && labels.next(name, value)) {
    if (name != "type") continue;
    bool is_kubernetes = origin_of_type(value) == Origin::kubernetes;
    if (is_kubernetes != (origins_ == Origins::kubernetes)) return;
  }
  add(sample.name, sample.line);
}

void InsightFamilies::add(std::string_view name, std::string_view line) {
  constexpr std::string_view kOurs[] = {"kubepulse_insight_", "kubepulse_prediction_"};
  bool is_ours = false;
  for (std::string_view ours : kOurs)
    is_ours = is_ours || name.substr(0, ours.size()) == ours;
  if (!is_ours || !is_printable(line)) return;
  cut_ = cut_ || text_.size() + line.size() + 1 > kBytesMax;
  if (cut_) return;
  text_ += line;
  text_ += '\n';
}

}  // namespace kubepulse
