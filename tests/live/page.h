// A /metrics page, read strictly: whatever a careful Prometheus would refuse is an error here.
#ifndef KUBEPULSE_TESTS_LIVE_PAGE_H
#define KUBEPULSE_TESTS_LIVE_PAGE_H

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace kubepulse::live {

using Labels = std::vector<std::pair<std::string, std::string>>;

struct Sample {
  std::string name;
  Labels labels;  // as they stand in the page
  double value = 0;

  const std::string* label(std::string_view label_name) const;  // null where there is none
  bool has_all(const Labels& wanted) const;
  std::string text() const;
};

enum class PageFormat { kText, kOpenMetrics };

class Page {
 public:
  // Errors name the line.
  static Result<Page> parse(std::string_view text, PageFormat format = PageFormat::kText);

  // The sum of the samples called `name` whose labels include `labels`; 0 where there is none.
  double value(std::string_view name, const Labels& labels = {}) const;
  bool has(std::string_view name, const Labels& labels = {}) const;
  const std::vector<Sample>& samples() const& { return samples_; }
  const std::vector<Sample>& samples() const&& = delete;  // of a page that is about to go
  // The lines of all samples whose labels include `labels` and whose value is not 0, but for
  // buckets; for messages.
  std::string text_of(const Labels& labels) const;

 private:
  friend class PageReader;
  std::vector<Sample> samples_;
};

}  // namespace kubepulse::live

#endif
