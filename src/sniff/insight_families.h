// What a page of metrics tells of insights: the families kubepulse_insight_* and
// kubepulse_prediction_*, line by line as they stand. Pure; any bytes are safe.
#ifndef KUBEPULSE_SNIFF_INSIGHT_FAMILIES_H
#define KUBEPULSE_SNIFF_INSIGHT_FAMILIES_H

#include <cstddef>
#include <string>
#include <string_view>

#include "client/page_reader.h"
#include "sniff/changes.h"

namespace kubepulse {

class InsightFamilies {
 public:
  static constexpr size_t kBytesMax = size_t{4} << 20;  // 1,024 insights are some 500 KB

  // Only samples of these origins, by their label `type`.
  explicit InsightFamilies(Origins origins);
  InsightFamilies(const InsightFamilies&) = delete;
  InsightFamilies& operator=(const InsightFamilies&) = delete;

  void feed(std::string_view piece) { reader_.feed(piece); }
  void finish() { reader_.finish(); }

  // Each line ended, and fit for a terminal.
  const std::string& text() const { return text_; }
  // Beyond kBytesMax: the text is not all of it.
  bool cut() const { return cut_; }

 private:
  void take(const PageSample& sample);
  void add(std::string_view name, std::string_view line);

  Origins origins_;
  PageReader reader_;
  std::string text_;
  bool cut_ = false;
};

}  // namespace kubepulse

#endif
