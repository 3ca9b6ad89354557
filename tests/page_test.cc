#include "publish/page.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

const BucketBounds kBounds{100000, 500000, 1000000000, 10000000000};

Histogram some_histogram() {
  Histogram histogram;
  for (uint64_t ns : {1ULL, 100000ULL, 100001ULL, 1000000000ULL, 60000000000ULL, 7ULL})
    histogram.observe(kBounds, ns);
  return histogram;
}

void write_all(Page& page) {
  page.family("a_bytes_total", MetricKind::counter, "Bytes.");
  page.sample("x=\"1\"", uint64_t{UINT64_MAX});
  page.sample("", uint64_t{0});
  page.sample("x=\"1\"", "y", "a\"b\\c\nd", uint64_t{3});
  page.family("b", MetricKind::gauge, "Gauge.");
  page.sample("", int64_t{-5});
  page.sample("", "key", "value", int64_t{INT64_MIN});
  page.family("c_seconds", MetricKind::gauge, "Seconds.");
  page.sample_seconds("x=\"1\"", 1500000000);
  page.sample_seconds("", 0);
  page.family("d_seconds", MetricKind::histogram, "Histogram.");
  page.histogram("x=\"1\"", kBounds, some_histogram());
  page.end();
}

START_TEST(text_format) {
  Page page(PageFormat::text);
  write_all(page);
  CHECK_TEXT(page.text(),
             "# HELP a_bytes_total Bytes.\n"
             "# TYPE a_bytes_total counter\n"
             "a_bytes_total{x=\"1\"} 18446744073709551615\n"
             "a_bytes_total 0\n"
             "a_bytes_total{x=\"1\",y=\"a\\\"b\\\\c\\nd\"} 3\n"
             "# HELP b Gauge.\n"
             "# TYPE b gauge\n"
             "b -5\n"
             "b{key=\"value\"} -9223372036854775808\n"
             "# HELP c_seconds Seconds.\n"
             "# TYPE c_seconds gauge\n"
             "c_seconds{x=\"1\"} 1.5\n"
             "c_seconds 0\n"
             "# HELP d_seconds Histogram.\n"
             "# TYPE d_seconds histogram\n"
             "d_seconds_bucket{x=\"1\",le=\"0.0001\"} 3\n"
             "d_seconds_bucket{x=\"1\",le=\"0.0005\"} 4\n"
             "d_seconds_bucket{x=\"1\",le=\"1\"} 5\n"
             "d_seconds_bucket{x=\"1\",le=\"10\"} 5\n"
             "d_seconds_bucket{x=\"1\",le=\"+Inf\"} 6\n"
             "d_seconds_sum{x=\"1\"} 61.000200009\n"
             "d_seconds_count{x=\"1\"} 6\n");
}
END_TEST

START_TEST(openmetrics_format) {
  Page page(PageFormat::openmetrics);
  write_all(page);
  CHECK_TEXT(page.text(),
             "# HELP a_bytes Bytes.\n"
             "# TYPE a_bytes counter\n"
             "# UNIT a_bytes bytes\n"
             "a_bytes_total{x=\"1\"} 18446744073709551615\n"
             "a_bytes_total 0\n"
             "a_bytes_total{x=\"1\",y=\"a\\\"b\\\\c\\nd\"} 3\n"
             "# HELP b Gauge.\n"
             "# TYPE b gauge\n"
             "b -5\n"
             "b{key=\"value\"} -9223372036854775808\n"
             "# HELP c_seconds Seconds.\n"
             "# TYPE c_seconds gauge\n"
             "# UNIT c_seconds seconds\n"
             "c_seconds{x=\"1\"} 1.5\n"
             "c_seconds 0\n"
             "# HELP d_seconds Histogram.\n"
             "# TYPE d_seconds histogram\n"
             "# UNIT d_seconds seconds\n"
             "d_seconds_bucket{x=\"1\",le=\"0.0001\"} 3\n"
             "d_seconds_bucket{x=\"1\",le=\"0.0005\"} 4\n"
             "d_seconds_bucket{x=\"1\",le=\"1.0\"} 5\n"
             "d_seconds_bucket{x=\"1\",le=\"10.0\"} 5\n"
             "d_seconds_bucket{x=\"1\",le=\"+Inf\"} 6\n"
             "d_seconds_sum{x=\"1\"} 61.000200009\n"
             "d_seconds_count{x=\"1\"} 6\n"
             "# EOF\n");
}
END_TEST

START_TEST(histogram_without_labels_or_bounds) {
  Page page(PageFormat::text);
  page.family("h", MetricKind::histogram, "H.");
  page.text().clear();
  page.histogram("", {500}, Histogram());
  page.histogram("", {}, some_histogram());
  CHECK_TEXT(page.text(),
             "h_bucket{le=\"0.0000005\"} 0\n"
             "h_bucket{le=\"+Inf\"} 0\n"
             "h_sum 0\n"
             "h_count 0\n"
             "h_bucket{le=\"+Inf\"} 3\n"  // only the first bucket is +Inf where there is no bound
             "h_sum 61.000200009\n"
             "h_count 3\n");
}
END_TEST

// OpenMetrics: a counter's samples end in _total, its family does not; a gauge keeps its name.
START_TEST(sizes) {
  SizeHistogram histogram;
  histogram.buckets[0] = 2;
  histogram.buckets[9] = 3;
  histogram.buckets[10] = 1;
  histogram.sum_bytes = 200001;
  for (PageFormat format : {PageFormat::text, PageFormat::openmetrics}) {
    bool openmetrics = format == PageFormat::openmetrics;
    Page page(format);
    page.family("size_bytes", MetricKind::histogram, "S.");
    page.histogram("a=\"b\"", histogram);
    const std::string& text = page.text();
    ck_assert(text.find("# UNIT size_bytes bytes\n") != text.npos || !openmetrics);
    std::string end = openmetrics ? ".0" : "";
    for (const std::string& line :
         {"size_bytes_bucket{a=\"b\",le=\"64" + end + "\"} 2\n",
          "size_bytes_bucket{a=\"b\",le=\"16384" + end + "\"} 2\n",
          "size_bytes_bucket{a=\"b\",le=\"32768" + end + "\"} 5\n",
          std::string("size_bytes_bucket{a=\"b\",le=\"+Inf\"} 6\n"),
          std::string("size_bytes_sum{a=\"b\"} 200001\nsize_bytes_count{a=\"b\"} 6\n")})
      ck_assert_msg(text.find(line) != text.npos, "%s is not in\n%s", line.c_str(), text.c_str());
  }
}
END_TEST

START_TEST(names_of_families) {
  Page page(PageFormat::openmetrics);
  page.family("process_cpu_seconds_total", MetricKind::counter, "X.");
  CHECK_TEXT(page.text(),
             "# HELP process_cpu_seconds X.\n# TYPE process_cpu_seconds counter\n"
             "# UNIT process_cpu_seconds seconds\n");
  page.text().clear();
  page.family("grand_total", MetricKind::gauge, "X.");
  CHECK_TEXT(page.text(), "# HELP grand_total X.\n# TYPE grand_total gauge\n");
  page.text().clear();
  // A unit is a suffix behind an underscore, or none: "milliseconds" is not "seconds".
  page.family("delay_milliseconds", MetricKind::gauge, "X.");
  CHECK_TEXT(page.text(), "# HELP delay_milliseconds X.\n# TYPE delay_milliseconds gauge\n");
}
END_TEST

START_TEST(label_values) {
  std::string out = "before ";
  append_label(out, "key", "a\tb\x7f\xff\xc3\xa9");
  CHECK_TEXT(out,
             "before key=\"a\xEF\xBF\xBD"
             "b\xEF\xBF\xBD\xEF\xBF\xBD\xc3\xa9\"");
  out.clear();
  append_label(out, "key", std::string(127, 'x') + "\xc3\xa9");
  CHECK_TEXT(out, "key=\"" + std::string(127, 'x') + "\"");
  out.clear();
  append_label(out, "key", std::string(200, '"'));
  ck_assert_uint_eq(out.size(), 2 * 128 + 6);
  out.clear();
  append_label(out, "key", std::string_view("\0\r\n", 3));
  CHECK_TEXT(out, "key=\"\xEF\xBF\xBD\xEF\xBF\xBD\\n\"");
}
END_TEST

START_TEST(text_is_taken_away) {
  Page page(PageFormat::text);
  page.family("a_total", MetricKind::counter, "A.");
  page.sample("", uint64_t{1});
  std::string taken;
  page.text().swap(taken);
  page.sample("", uint64_t{2});
  CHECK_TEXT(page.text(), "a_total 2\n");
  page.end();
  CHECK_TEXT(page.text(), "a_total 2\n");
}
END_TEST

}  // namespace

CHECK_MAIN("page", text_format, openmetrics_format, histogram_without_labels_or_bounds, sizes,
           names_of_families, label_values, text_is_taken_away)
