#include "top/top_options.h"

#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "tests/check.h"
#include "tests/results.h"

using namespace kubepulse;  // NOLINT

namespace {

using Words = std::vector<const char*>;

Result<TopOptions> parse(Words words) {
  words.insert(words.begin(), "top");
  return parse_top_options(static_cast<int>(words.size()), words.data());
}

TopOptions good(const Words& words) {
  return value_of(parse(words));
}

std::string bad(const Words& words) {
  return refusal_of(parse(words));
}

START_TEST(defaults) {
  TopOptions options = good({});
  ck_assert(options.url.empty() && !options.once && !options.json && !options.help);
  ck_assert_uint_eq(options.interval_ns, kNsPerSecond);
  ck_assert_uint_eq(options.rows_max, 0);
  ck_assert(options.controls.sort == SortBy::bytes && !options.controls.reverse);
}
END_TEST

START_TEST(values) {
  ck_assert(good({"--once"}).once && good({"--json"}).once && good({"--json"}).json);
  ck_assert(!good({"--once=false"}).once);
  ck_assert_uint_eq(good({"--interval", "250ms"}).interval_ns, 250 * kNsPerMs);
  ck_assert_uint_eq(good({"--interval=60m"}).interval_ns, 3600 * kNsPerSecond);
  ck_assert(good({"--sort=p95"}).controls.sort == SortBy::p95);
  ck_assert(good({"--reverse"}).controls.reverse);
  ck_assert_uint_eq(good({"--rows=5"}).rows_max, 5);
  CHECK_TEXT(good({"--url", "node7:9100"}).url, "http://node7:9100/metrics");
  ck_assert(good({"-h"}).help && good({"--help", "--nonsense"}).help);
}
END_TEST

START_TEST(refused) {
  CHECK_TEXT(bad({"--delay=1s"}), "top: unknown \"--delay=1s\"; see kubepulse top --help");
  CHECK_TEXT(bad({"--intervall=1s"}),
             "top: unknown \"--intervall=1s\"; did you mean --interval? See kubepulse top --help");
  CHECK_TEXT(bad({"pods"}), "top: unknown \"pods\"; see kubepulse top --help");
  CHECK_TEXT(bad({"--interval=1"}),
             "top: --interval=\"1\": accepted is a time from 100ms to 60m, such as 500ms, 1s or "
             "1m");
  CHECK_TEXT(bad({"--interval"}), "top: --interval=\"\": accepted is a value");
  CHECK_TEXT(bad({"--sort=cpu"}), "top: --sort=\"cpu\": accepted is " + sort_names());
  CHECK_TEXT(bad({"--rows=0"}), "top: --rows=\"0\": accepted is a number from 1 to 100000");
  CHECK_TEXT(bad({"--once=x"}), "top: --once=\"x\": accepted is true or false, 1 or 0");
  for (const char* time : {"99ms", "61m", "s", "", "1h", "-1s"})
    ck_assert_msg(bad({"--interval", time}) != "accepted", "%s", time);
}
END_TEST

START_TEST(usage_is_the_manual) {
  std::string usage = top_usage();
  auto manual = read_file("man/kubepulse.8", size_t{1} << 20);
  if (!manual.ok()) ck_abort_msg("%s", manual.status().message().c_str());
  size_t flags = 0;
  for (size_t at = 0; (at = usage.find("\n  --", at)) != usage.npos; flags++) {
    at += 5;
    std::string name = usage.substr(at, usage.find_first_of("= \n", at) - at);
    std::string entry = "\n.It Cm --" + name;
    ck_assert_msg(manual.value().find(entry) != std::string::npos, "no%s", entry.c_str() + 1);
  }
  ck_assert_uint_eq(flags, 8);
  for (size_t begin = 0, end; (end = usage.find('\n', begin)) != usage.npos; begin = end + 1)
    ck_assert_msg(end - begin <= 100, "%s", usage.substr(begin, end - begin).c_str());
  ck_assert(usage.back() == '\n' && usage.find(" \n") == usage.npos);
}
END_TEST

}  // namespace

CHECK_MAIN("top_options", defaults, values, refused, usage_is_the_manual)
