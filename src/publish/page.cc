#include "publish/page.h"

#include "base/text.h"

namespace kubepulse {

namespace {

const char* kind_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return "counter";
    case MetricKind::gauge:
      return "gauge";
    case MetricKind::histogram:
      return "histogram";
  }
  return "unknown";
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

void append_label(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  out += "=\"";
  append_label_value(out, value);
  out += '"';
}

void Page::family(std::string_view name, MetricKind kind, std::string_view help) {
  name_ = name;
  // OpenMetrics names a counter's family without the _total of its samples.
  std::string_view title = name;
  if (format_ == PageFormat::openmetrics && kind == MetricKind::counter &&
      ends_with(name, "_total"))
    title.remove_suffix(6);
  auto line = [&](std::string_view word, std::string_view rest) {
    text_ += "# ";
    text_ += word;
    text_ += ' ';
    text_ += title;
    text_ += ' ';
    text_ += rest;
    text_ += '\n';
  };
  line("HELP", help);
  line("TYPE", kind_name(kind));
  if (format_ != PageFormat::openmetrics) return;
  for (std::string_view unit : {"_seconds", "_bytes"})
    if (ends_with(title, unit)) line("UNIT", unit.substr(1));
}

void Page::begin(std::string_view suffix, std::string_view labels, std::string_view key,
                 std::string_view value_of_label) {
  text_ += name_;
  text_ += suffix;
  if (!labels.empty() || !key.empty()) {
    text_ += '{';
    text_ += labels;
    if (!key.empty()) {
      if (!labels.empty()) text_ += ',';
      append_label(text_, key, value_of_label);
    }
    text_ += '}';
  }
  text_ += ' ';
}

void Page::sample(std::string_view labels, uint64_t value) {
  begin("", labels);
  append_number(text_, value);
  text_ += '\n';
}

void Page::sample(std::string_view labels, int64_t value) {
  begin("", labels);
  append_number(text_, value);
  text_ += '\n';
}

void Page::sample_seconds(std::string_view labels, uint64_t ns) {
  begin("", labels);
  append_seconds(text_, ns);
  text_ += '\n';
}

void Page::sample_seconds(std::string_view labels, std::string_view key,
                          std::string_view value_of_label, uint64_t ns) {
  begin("", labels, key, value_of_label);
  append_seconds(text_, ns);
  text_ += '\n';
}

void Page::sample(std::string_view labels, std::string_view key, std::string_view value_of_label,
                  uint64_t value) {
  begin("", labels, key, value_of_label);
  append_number(text_, value);
  text_ += '\n';
}

void Page::sample(std::string_view labels, std::string_view key, std::string_view value_of_label,
                  int64_t value) {
  begin("", labels, key, value_of_label);
  append_number(text_, value);
  text_ += '\n';
}

void Page::append_measure(uint64_t measure, Unit unit) {
  if (unit == Unit::ns)
    append_seconds(text_, measure);
  else
    append_number(text_, measure);
}

void Page::histogram(std::string_view labels, const BucketBounds& bounds, const uint64_t* buckets,
                     uint64_t sum, Unit unit) {
  uint64_t count = 0;
  for (size_t at = 0; at <= bounds.size(); at++) {
    count += buckets[at];
    text_ += name_;
    text_ += "_bucket{";
    text_ += labels;
    text_ += labels.empty() ? "le=\"" : ",le=\"";
    if (at == bounds.size()) {
      text_ += "+Inf";
    } else {
      append_measure(bounds[at], unit);
      // OpenMetrics wants bounds as floating point numbers: "1.0".
      bool is_whole = unit == Unit::bytes || bounds[at] % 1000000000 == 0;
      if (format_ == PageFormat::openmetrics && is_whole) text_ += ".0";
    }
    text_ += "\"} ";
    append_number(text_, count);
    text_ += '\n';
  }
  begin("_sum", labels);
  append_measure(sum, unit);
  text_ += '\n';
  begin("_count", labels);
  append_number(text_, count);
  text_ += '\n';
}

void Page::end() {
  if (format_ == PageFormat::openmetrics) text_ += "# EOF\n";
}

}  // namespace kubepulse
