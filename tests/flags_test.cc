#include "client/flags.h"

#include "tests/check.h"
#include "tests/results.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Made {
  std::string url, form;
  bool once = false, help = false;
};

constexpr ClientFlag<Made> kFlags[] = {
    {{"url", "URL", nullptr, "whom"},
     [](Made& made, std::string_view text) { return set_page_url(made.url, text); }},
    {{"form", "WHICH", "long", "how,\nand why", 'f'},
     [](Made& made, std::string_view text) {
       made.form = text;
       return Problem(text == "square" ? "long or short" : "");
     }},
    {{"once", nullptr, nullptr, "once"},
     [](Made& made, std::string_view text) { return set_switch(made.once, text); }},
    {{"help", nullptr, nullptr, "this", 'h'},
     [](Made& made, std::string_view text) { return set_switch(made.help, text); }},
};

using Words = std::vector<const char*>;

Result<Made> parse(Words words) {
  words.insert(words.begin(), "made");
  return parse_flags("made", kFlags, static_cast<int>(words.size()), words.data());
}

Made good(const Words& words) {
  return value_of(parse(words));
}

std::string bad(const Words& words) {
  return refusal_of(parse(words));
}

START_TEST(accepted) {
  CHECK_TEXT(good({}).form, "long");
  for (const Words& words :
       {Words{"--form=short"}, {"--form", "short"}, {"-f", "short"}, {"-fshort"}})
    CHECK_TEXT(good(words).form, "short");
  CHECK_TEXT(good({"-f", "short", "--once"}).form, "short");
  CHECK_TEXT(good({"--form=a=b"}).form, "a=b");
  ck_assert(good({"--once"}).once && !good({"--once=0"}).once);
  ck_assert(good({"-h"}).help && good({"--help", "--nonsense"}).help);
  CHECK_TEXT(good({"--url", ":1"}).url, "http://127.0.0.1:1/metrics");
}
END_TEST

START_TEST(refused) {
  CHECK_TEXT(bad({"--nothing-like-it=1"}),
             "made: unknown \"--nothing-like-it=1\"; see kubepulse made --help");
  CHECK_TEXT(bad({"--from=1"}),
             "made: unknown \"--from=1\"; did you mean --form? See kubepulse made --help");
  CHECK_TEXT(bad({"once"}), "made: unknown \"once\"; see kubepulse made --help");
  for (const char* word : {"", "-", "--", "-x", "-hx", "--f", "-xform"})
    ck_assert_msg(bad({word}) != "accepted", "%s", word);
  CHECK_TEXT(bad({"--form=square"}), "made: --form=\"square\": accepted is long or short");
  CHECK_TEXT(bad({"-fsquare"}), "made: --form=\"square\": accepted is long or short");
  CHECK_TEXT(bad({"--form"}), "made: --form=\"\": accepted is a value");
  CHECK_TEXT(bad({"--form", "--once"}), "made: --form=\"\": accepted is a value");
  CHECK_TEXT(bad({"--once=x"}), "made: --once=\"x\": accepted is true or false, 1 or 0");
}
END_TEST

START_TEST(usage) {
  CHECK_TEXT(flags_usage(texts_of(kFlags)),
             "  --url=URL         whom\n"
             "  --form=WHICH      how,\n"
             "                    and why\n"
             "                    default: long\n"
             "  --once            once\n"
             "  --help            this\n");
}
END_TEST

}  // namespace

CHECK_MAIN("flags", accepted, refused, usage)
