#include "sniff/sniff_options.h"

#include <vector>

#include "base/file.h"
#include "tests/check.h"
#include "tests/results.h"

using namespace kubepulse;  // NOLINT

namespace {

using Words = std::vector<const char*>;
using Form = SniffOptions::Form;

Result<SniffOptions> parse(Words words) {
  words.insert(words.begin(), "sniff");
  return parse_sniff_options(static_cast<int>(words.size()), words.data());
}

SniffOptions good(const Words& words) {
  return value_of(parse(words));
}

std::string bad(const Words& words) {
  return refusal_of(parse(words));
}

START_TEST(defaults) {
  SniffOptions options = good({});
  ck_assert(options.form == Form::text && options.origins == Origins::all);
  ck_assert(options.url.empty() && !options.once && !options.help);
  ck_assert_uint_eq(options.batch_size, 1);
}
END_TEST

START_TEST(values) {
  ck_assert(good({"-o", "json"}).form == Form::json && good({"-ojson"}).form == Form::json);
  ck_assert(good({"--output=prometheus"}).form == Form::prometheus);
  ck_assert(good({"-o", "json", "-o", "text"}).form == Form::text);
  ck_assert(good({"--k8s-only"}).origins == Origins::kubernetes);
  ck_assert(good({"--ebpf-only"}).origins == Origins::kernel);
  ck_assert(good({"--ebpf-only=false", "--k8s-only"}).origins == Origins::kubernetes);
  ck_assert_uint_eq(good({"--batch-size=1024"}).batch_size, 1024);
  ck_assert(good({"--once"}).once && good({"-h"}).help);
  CHECK_TEXT(good({"--url=node7:9100"}).url, "http://node7:9100/metrics");
}
END_TEST

START_TEST(refused) {
  CHECK_TEXT(bad({"-o", "yaml"}), "sniff: --output=\"yaml\": accepted is text, json or prometheus");
  CHECK_TEXT(bad({"--bach-size=3"}),
             "sniff: unknown \"--bach-size=3\"; did you mean --batch-size? See kubepulse sniff "
             "--help");
  CHECK_TEXT(bad({"--interval=1s"}),
             "sniff: unknown \"--interval=1s\"; see kubepulse sniff --help");
  CHECK_TEXT(bad({"--k8s-only", "--ebpf-only"}),
             "sniff: --ebpf-only=\"true\": accepted is one of --k8s-only and --ebpf-only");
  for (const char* size : {"0", "1025", "-1", "x", ""})
    ck_assert_msg(bad({"--batch-size", size}) != "accepted", "%s", size);
}
END_TEST

START_TEST(usage_is_the_manual) {
  std::string usage = sniff_usage();
  auto manual = read_file("man/kubepulse.8", size_t{1} << 20);
  if (!manual.ok()) ck_abort_msg("%s", manual.status().message().c_str());
  std::string section = manual.value().substr(manual.value().find(".Sh SNIFF\n"));
  section.resize(section.find("\n.Sh ", 1));
  size_t flags = 0;
  for (size_t at = 0; (at = usage.find("\n  --", at)) != usage.npos; flags++) {
    at += 5;
    std::string name = usage.substr(at, usage.find_first_of("= \n", at) - at);
    ck_assert_msg(section.find(" Cm --" + name) != section.npos, "no --%s", name.c_str());
  }
  ck_assert_uint_eq(flags, 7);
  for (size_t begin = 0, end; (end = usage.find('\n', begin)) != usage.npos; begin = end + 1)
    ck_assert_msg(end - begin <= 100, "%s", usage.substr(begin, end - begin).c_str());
  ck_assert(usage.back() == '\n' && usage.find(" \n") == usage.npos);
}
END_TEST

}  // namespace

CHECK_MAIN("sniff_options", defaults, values, refused, usage_is_the_manual)
