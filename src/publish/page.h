// Writes a metrics page: Prometheus text 0.0.4, or OpenMetrics 1.0. Text only; what it says is the
// catalogue's affair.
#ifndef KUBEPULSE_PUBLISH_PAGE_H
#define KUBEPULSE_PUBLISH_PAGE_H

#include <cstdint>
#include <string>
#include <string_view>

#include "publish/histogram.h"

namespace kubepulse {

enum class PageFormat { text, openmetrics };

enum class MetricKind { counter, gauge, histogram };

class Page {
 public:
  explicit Page(PageFormat format) : format_(format) {}

  // Begins a family: its HELP and TYPE (and, in OpenMetrics, UNIT). `name` is the full name of the
  // contract, with _total for a counter; it stays valid until the next family.
  void family(std::string_view name, MetricKind kind, std::string_view help);

  // One sample of the family. `labels` stands between the braces as it is, escaped: `a="b",c="d"`.
  void sample(std::string_view labels, uint64_t value);
  void sample(std::string_view labels, int64_t value);
  void sample_seconds(std::string_view labels, uint64_t ns);
  void sample_seconds(std::string_view labels, std::string_view key,
                      std::string_view value_of_label, uint64_t ns);
  // The same with one label more, its value not yet escaped.
  void sample(std::string_view labels, std::string_view key, std::string_view value_of_label,
              uint64_t value);
  void sample(std::string_view labels, std::string_view key, std::string_view value_of_label,
              int64_t value);
  void histogram(std::string_view labels, const BucketBounds& bounds, const Histogram& histogram) {
    this->histogram(labels, bounds, histogram.buckets.data(), histogram.sum_ns, Unit::ns);
  }
  void histogram(std::string_view labels, const PowerHistogram& histogram) {
    this->histogram(labels, power_bounds(), histogram.buckets.data(), histogram.sum_ns, Unit::ns);
  }
  void histogram(std::string_view labels, const SizeHistogram& histogram) {
    this->histogram(labels, size_bounds(), histogram.buckets.data(), histogram.sum_bytes,
                    Unit::bytes);
  }

  // Ends an OpenMetrics page.
  void end();

  // What has been written since it was last taken away.
  std::string& text() { return text_; }

 private:
  enum class Unit : uint8_t { ns, bytes };

  void histogram(std::string_view labels, const BucketBounds& bounds, const uint64_t* buckets,
                 uint64_t sum, Unit unit);
  void append_measure(uint64_t measure, Unit unit);
  void begin(std::string_view suffix, std::string_view labels, std::string_view key = {},
             std::string_view value_of_label = {});

  PageFormat format_;
  std::string_view name_;
  std::string text_;
};

// `key="value"`, the value escaped and cut at kLabelBytesMax.
void append_label(std::string& out, std::string_view key, std::string_view value);

}  // namespace kubepulse

#endif
