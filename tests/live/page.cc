#include "tests/live/page.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "tests/live/text_checks.h"

namespace kubepulse::live {

namespace {

constexpr size_t kMessageMax = 3000;  // of what Check takes

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_name(std::string_view text, bool colon_allowed) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  for (char c : text) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '_' || (c == ':' && colon_allowed);
    if (!good) return false;
  }
  return true;
}

std::string_view take_word(std::string_view& rest) {
  size_t end = rest.find(' ');
  std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

std::optional<double> parse_value(std::string_view text) {
  if (text == "+Inf") return INFINITY;
  if (text == "-Inf") return -INFINITY;
  if (text == "NaN") return NAN;
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string_view::npos)
    return std::nullopt;
  std::string copy(text);
  char* end = nullptr;
  double value = strtod(copy.c_str(), &end);
  if (*end != 0) return std::nullopt;
  return value;
}

}  // namespace

const std::string* Sample::label(std::string_view label_name) const {
  for (const auto& [key, value_text] : labels)
    if (key == label_name) return &value_text;
  return nullptr;
}

bool Sample::has_all(const Labels& wanted) const {
  for (const auto& [key, want] : wanted) {
    const std::string* got = label(key);
    if (got == nullptr || *got != want) return false;
  }
  return true;
}

std::string Sample::text() const {
  std::string out = name + "{";
  for (const auto& [key, value_text] : labels) {
    if (out.back() != '{') out += ',';
    out += key + "=\"" + value_text + "\"";
  }
  char number[32];
  snprintf(number, sizeof number, "} %.9g", value);
  return out + number;
}

// Reads line by line and holds each family against the rules when it ends.
class PageReader {
 public:
  PageReader(std::string_view text, PageFormat format)
      : rest_(text), open_metrics_(format == PageFormat::kOpenMetrics) {}

  Result<Page> read() {
    if (rest_.empty() || rest_.back() != '\n') return Status::error("the last line has no end");
    if (!is_utf8(rest_)) return Status::error("not UTF-8");
    for (int number = 1; !rest_.empty(); number++) {
      size_t end = rest_.find('\n');
      std::string_view line = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      Status status = ended_ ? Status::error("a line behind # EOF") : read_line(line);
      if (!status.ok())
        return std::move(status).in("line " + std::to_string(number) + ": " + std::string(line));
    }
    if (open_metrics_ && !ended_) return Status::error("# EOF is missing");
    if (Status status = end_family(); !status.ok()) return std::move(status).in(family_);
    return std::move(page_);
  }

 private:
  Status read_line(std::string_view line) {
    if (line.substr(0, 2) != "# ") return read_sample(line);
    if (open_metrics_ && line == "# EOF") {
      ended_ = true;
      return {};
    }
    line.remove_prefix(2);
    std::string_view keyword = take_word(line);
    std::string_view name = take_word(line);
    if (!is_name(name, true)) return Status::error("no metric name");
    if (name != family_) {
      if (Status status = end_family(); !status.ok()) return std::move(status).in(family_);
      if (!families_.emplace(name).second) return Status::error("the family stands twice");
      family_ = name;
      type_.clear();
      has_help_ = false;
      first_sample_ = page_.samples_.size();
    } else if (page_.samples_.size() > first_sample_) {
      return Status::error("behind samples of its family");
    }
    if (keyword == "HELP") {
      if (std::exchange(has_help_, true)) return Status::error("a second HELP");
      if (line.empty()) return Status::error("empty HELP");
      return {};
    }
    if (keyword == "UNIT" && open_metrics_) {
      bool fits = ends_with(name, "_" + std::string(line));
      return fits ? Status() : Status::error("the name does not end with its unit");
    }
    if (keyword != "TYPE") return Status::error("unknown comment");
    if (!type_.empty()) return Status::error("a second TYPE");
    if (line != "counter" && line != "gauge" && line != "histogram" &&
        !(open_metrics_ && line == "info"))
      return Status::error("unknown type");
    type_ = line;
    bool total = ends_with(name, "_total");
    if (open_metrics_ && total) return Status::error("the name of a family ends with _total");
    if (!open_metrics_ && total != (type_ == "counter"))
      return Status::error("counters, and only they, end with _total");
    return {};
  }

  bool belongs(std::string_view name) const {
    if (name.substr(0, family_.size()) != family_) return false;
    std::string_view suffix = name.substr(family_.size());
    if (type_ == "histogram") return suffix == "_bucket" || suffix == "_sum" || suffix == "_count";
    if (type_ == "counter" && open_metrics_) return suffix == "_total" || suffix == "_created";
    if (type_ == "info") return suffix == "_info";
    return suffix.empty();
  }

  Status read_sample(std::string_view line) {
    Sample sample;
    size_t end = line.find_first_of("{ ");
    if (end == std::string_view::npos) return Status::error("no value");
    sample.name = line.substr(0, end);
    line.remove_prefix(end);
    if (family_.empty() || type_.empty() || !has_help_)
      return Status::error("TYPE or HELP is missing");
    if (!is_name(sample.name, true) || !belongs(sample.name))
      return Status::error("not of the family " + family_);
    if (line[0] == '{') {
      if (Status status = read_labels(line, sample); !status.ok()) return status;
    }
    if (line.empty() || line[0] != ' ') return Status::error("no value");
    std::optional<double> value = parse_value(line.substr(1));
    if (!value) return Status::error("malformed value");
    sample.value = *value;
    if (type_ != "gauge" && !(sample.value >= 0 && std::isfinite(sample.value)))
      return Status::error("not a count");
    Sample sorted = sample;
    std::map<std::string, std::string> by_name(sample.labels.begin(), sample.labels.end());
    sorted.labels.assign(by_name.begin(), by_name.end());
    sorted.value = 0;
    if (!series_.insert(sorted.text()).second) return Status::error("the series stands twice");
    page_.samples_.push_back(std::move(sample));
    return {};
  }

  // `line` begins with '{'; what follows '}' is left in it.
  Status read_labels(std::string_view& line, Sample& sample) {
    line.remove_prefix(1);
    while (true) {
      size_t equals = line.find("=\"");
      if (equals == std::string_view::npos) return Status::error("malformed labels");
      std::string name(line.substr(0, equals));
      if (!is_name(name, false)) return Status::error("malformed label name");
      if (sample.label(name) != nullptr) return Status::error("a label stands twice");
      line.remove_prefix(equals + 2);
      std::string value;
      while (!line.empty() && line[0] != '"') {
        char c = line[0];
        if (c == '\\') {
          line.remove_prefix(1);
          if (line.empty() || (line[0] != '\\' && line[0] != '"' && line[0] != 'n'))
            return Status::error("malformed escape");
          c = line[0] == 'n' ? '\n' : line[0];
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          return Status::error("a control character");
        }
        value += c;
        line.remove_prefix(1);
      }
      if (line.size() < 2) return Status::error("labels do not end");
      sample.labels.emplace_back(name, value);
      line.remove_prefix(1);
      char next = line[0];
      line.remove_prefix(1);
      if (next == '}') return check_label_order(sample);
      if (next != ',') return Status::error("malformed labels");
    }
  }

  // METRICS.md: namespace, pod, container, node, then the further ones.
  static Status check_label_order(const Sample& sample) {
    static constexpr std::string_view kOrder[] = {"namespace", "pod", "container", "node"};
    size_t at = 0;
    for (std::string_view name : kOrder) {
      if (sample.label(name) == nullptr) continue;
      if (sample.labels[at++].first != name) return Status::error("labels are out of order");
    }
    return {};
  }

  // The rules of histograms, each set of labels for itself.
  Status end_family() {
    if (family_.empty()) return {};
    if (type_.empty() || !has_help_) return Status::error("TYPE or HELP is missing");
    if (type_ != "histogram") return {};
    struct Histogram {
      double last_bound = -INFINITY, in_bucket = 0, count = -1, sum = -1;
    };
    std::map<Labels, Histogram> histograms;
    for (size_t at = first_sample_; at < page_.samples_.size(); at++) {
      const Sample& sample = page_.samples_[at];
      Labels labels;
      for (const auto& label : sample.labels)
        if (label.first != "le") labels.push_back(label);
      Histogram& histogram = histograms[labels];
      if (ends_with(sample.name, "_sum")) histogram.sum = sample.value;
      if (ends_with(sample.name, "_count")) histogram.count = sample.value;
      if (!ends_with(sample.name, "_bucket")) continue;
      const std::string* bound_text = sample.label("le");
      std::optional<double> bound = parse_value(bound_text != nullptr ? *bound_text : "");
      if (!bound || !(*bound > histogram.last_bound)) return Status::error("le does not ascend");
      if (sample.value < histogram.in_bucket) return Status::error("buckets do not add up");
      histogram.last_bound = *bound;
      histogram.in_bucket = sample.value;
    }
    for (const auto& [labels, histogram] : histograms) {
      if (histogram.last_bound != INFINITY) return Status::error("no bucket +Inf");
      if (histogram.count != histogram.in_bucket) return Status::error("count is not bucket +Inf");
      if (histogram.sum < 0) return Status::error("no sum");
      if (histogram.count == 0 && histogram.sum != 0) return Status::error("a sum of nothing");
    }
    return {};
  }

  std::string_view rest_;
  bool open_metrics_;
  bool ended_ = false;
  std::string family_;
  std::string type_;
  bool has_help_ = false;
  size_t first_sample_ = 0;
  std::set<std::string> families_;
  std::set<std::string> series_;
  Page page_;
};

Result<Page> Page::parse(std::string_view text, PageFormat format) {
  return PageReader(text, format).read();
}

double Page::value(std::string_view name, const Labels& labels) const {
  double sum = 0;
  for (const Sample& sample : samples_)
    if (sample.name == name && sample.has_all(labels)) sum += sample.value;
  return sum;
}

bool Page::has(std::string_view name, const Labels& labels) const {
  for (const Sample& sample : samples_)
    if (sample.name == name && sample.has_all(labels)) return true;
  return false;
}

std::string Page::text_of(const Labels& labels) const {
  std::string out;
  for (const Sample& sample : samples_)
    if (sample.value != 0 && sample.has_all(labels) && !ends_with(sample.name, "_bucket"))
      out += "  " + sample.text() + "\n";
  if (out.size() > kMessageMax) out.replace(kMessageMax, std::string::npos, "...\n");
  return out;
}

}  // namespace kubepulse::live
