#include "client/page_reader.h"

#include <cmath>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// What is read of a page that comes in pieces of `step` bytes.
std::string read(std::string_view page, size_t step) {
  std::string told;
  PageReader reader([&told](const PageSample& sample) {
    told += std::string(sample.name) + "|" + std::string(sample.labels) + "|" +
            std::string(sample.value) + "\n";
  });
  for (size_t at = 0; at < page.size(); at += step)
    reader.feed(page.substr(at, step));
  reader.finish();
  return told + std::to_string(reader.bad_lines());
}

std::string labels(std::string_view text) {
  LabelReader reader(text);
  std::string told;
  std::string_view name, value;
  while (reader.next(name, value))
    told += std::string(name) + "=" + unescape_label(value) + ";";
  return told;
}

START_TEST(samples) {
  std::string page =
      "# HELP a_total Help {of} it.\n# TYPE a_total counter\n\n"
      "a_total{x=\"1\",y=\"}\\\"{ \"} 12\n"
      "b 0.5\nc{} 1 1700000000\nbad\n{x=\"1\"} 3\nopen{x=\"1 4\nlast 7";
  std::string want = "a_total|x=\"1\",y=\"}\\\"{ \"|12\nb||0.5\nc||1\nlast||7\n3";
  for (size_t step : {size_t{1}, size_t{2}, size_t{7}, page.size()})
    CHECK_TEXT(read(page, step), want);
}
END_TEST

START_TEST(long_lines) {
  std::string most = "a{x=\"" + std::string(PageReader::kLineBytesMax - 8, 'x') + "\"} 1";
  most.resize(PageReader::kLineBytesMax, '1');
  for (size_t step : {size_t{1000}, most.size() + 10}) {
    CHECK_TEXT(read("b 1\n" + most + "1\nc 2\n", step), "b||1\nc||2\n1");
    CHECK_TEXT(read("b 1\n" + most + "1", step), "b||1\n1");
  }
}
END_TEST

START_TEST(label_values) {
  CHECK_TEXT(labels(""), "");
  CHECK_TEXT(labels("a=\"1\",b=\"x\\\\y\\\"z\\nw\",c=\"\""), "a=1;b=x\\y\"z\nw;c=;");
  CHECK_TEXT(labels("a=\"1\",b=\"open"), "a=1;");
  CHECK_TEXT(labels("a=1"), "");
  CHECK_TEXT(labels("a=\"\\"), "");
  CHECK_TEXT(unescape_label("a\\"), "a\\");
}
END_TEST

START_TEST(values) {
  struct Case {
    const char* text;
    double value;
  };
  for (const Case& each : {Case{"0", 0},
                           {"12", 12},
                           {"9007199254740993", 9007199254740993.0},
                           {"-3", -3},
                           {"0.25", 0.25},
                           {"1e3", 1000},
                           {"2.5E-3", 0.0025},
                           {"1790000000.25", 1790000000.25},
                           {".5", 0.5},
                           {"7.", 7}}) {
    std::optional<double> value = parse_value(each.text);
    ck_assert_msg(value.has_value(), "%s", each.text);
    ck_assert_msg(*value == each.value, "%s is %.17g", each.text, *value);
  }
  double large = parse_value("123456789012345678901234567890").value_or(0);
  ck_assert(std::fabs(large / 1.2345678901234568e29 - 1) < 1e-9);
  ck_assert(std::isinf(parse_value("+Inf").value_or(0)));
  for (const char* text : {"", "-", ".", "NaN", "1x", "1e", "1e+", "1e999", "1.2.3", " 1", "0x1"})
    ck_assert_msg(!parse_value(text).has_value(), "%s", text);
}
END_TEST

}  // namespace

CHECK_MAIN("page_reader", samples, long_lines, label_values, values)
