#include "sniff/insight_families.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string filtered(std::string_view page, Origins origins, size_t step = 1 << 20) {
  InsightFamilies families(origins);
  for (size_t at = 0; at < page.size(); at += step)
    families.feed(page.substr(at, step));
  families.finish();
  ck_assert(!families.cut());
  return families.text();
}

constexpr const char* kHead =
    "# HELP kubepulse_insight_active 1 while an insight holds.\n"
    "# TYPE kubepulse_insight_active gauge\n";
constexpr const char* kKernel =
    "kubepulse_insight_active{namespace=\"a\",pod=\"type=\\\"image_pull\\\"\",type=\"oom_killed\","
    "severity=\"critical\"} 1\n";
constexpr const char* kKubernetes =
    "kubepulse_insight_active{namespace=\"a\",pod=\"b\",type=\"crash_loop\",severity=\"warning\"} "
    "1\n";
constexpr const char* kPrediction =
    "# TYPE kubepulse_prediction_probability gauge\n"
    "kubepulse_prediction_probability{namespace=\"a\",pod=\"b\",type=\"oom\"} 0.83\n";
constexpr const char* kOther =
    "# HELP kubepulse_insights Another.\n# TYPE kubepulse_insights gauge\n"
    "kubepulse_insights 3\n# a comment\n#\n# EOF\nkubepulse_insight 1\n"
    "up{pod=\"kubepulse_insight_active\"} 1\nkubepulse_insight_active\n";

std::string page() {
  return std::string(kOther) + kHead + kKernel + kKubernetes + kOther + kPrediction + kOther;
}

START_TEST(of_all_origins) {
  std::string want = std::string(kHead) + kKernel + kKubernetes + kPrediction;
  for (size_t step : {size_t{1}, size_t{7}, page().size()})
    CHECK_TEXT(filtered(page(), Origins::all, step), want);
  CHECK_TEXT(filtered(kOther, Origins::all), "");
}
END_TEST

START_TEST(of_one_origin) {
  CHECK_TEXT(filtered(page(), Origins::kernel), std::string(kHead) + kKernel + kPrediction);
  std::string prediction = kPrediction;
  CHECK_TEXT(filtered(page(), Origins::kubernetes),
             std::string(kHead) + kKubernetes + prediction.substr(0, prediction.find('\n') + 1));
  CHECK_TEXT(filtered("kubepulse_insight_ticks_total 3\n", Origins::kubernetes),
             "kubepulse_insight_ticks_total 3\n");
}
END_TEST

START_TEST(any_bytes) {
  CHECK_TEXT(filtered("kubepulse_insight_active{pod=\"\x1b[2J\"} 1\n"
                      "kubepulse_insight_active{pod=\"\xC2\x9B\"} 1\n"
                      "kubepulse_insight_active{pod=\"\xFF\"} 1\n"
                      "kubepulse_insight_active{pod=\"\xC3\xA4\"} 1\n",
                      Origins::all),
             "kubepulse_insight_active{pod=\"\xC3\xA4\"} 1\n");
}
END_TEST

START_TEST(bounded) {
  InsightFamilies families(Origins::all);
  std::string line = "kubepulse_insight_active{pod=\"" + std::string(4000, 'x') + "\"} 1\n";
  size_t lines = InsightFamilies::kBytesMax / line.size();
  for (size_t i = 0; i < lines; i++)
    families.feed(line);
  ck_assert(!families.cut());
  families.feed(line);
  families.feed("kubepulse_insight_active 1\n");
  ck_assert(families.cut());
  ck_assert_uint_eq(families.text().size(), lines * line.size());
}
END_TEST

}  // namespace

CHECK_MAIN("insight_families", of_all_origins, of_one_origin, any_bytes, bounded)
