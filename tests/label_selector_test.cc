#include "identity/label_selector.h"

#include <string>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

const std::vector<Label> kWeb = {
    {"app", "web"}, {"tier", "front"}, {"app.kubernetes.io/name", "web"},
    {"n", "5"},     {"empty", ""},     {"in", "notin"}};

void check_match(const char* text, bool want, const std::vector<Label>& labels = kWeb) {
  Result<LabelSelector> selector = LabelSelector::parse(text);
  ck_assert_msg(selector.ok(), "%s: %s", text,
                selector.ok() ? "" : selector.status().message().c_str());
  ck_assert_msg(selector.value().matches(labels.data(), labels.size()) == want, "%s", text);
}

void check_error(const std::string& text, const char* want) {
  Result<LabelSelector> selector = LabelSelector::parse(text);
  ck_assert_msg(!selector.ok(), "%s", text.c_str());
  CHECK_TEXT(selector.status().message(), want);
}

START_TEST(matching) {
  for (const char* text : {"",
                           "  ",
                           "app=web",
                           "app==web",
                           "app = web",
                           "app=web,tier=front",
                           " app=web , tier = front ",
                           "app!=db",
                           "missing!=x",
                           "missing!=",
                           "app in (web,db)",
                           "app in ( db , web )",
                           "app in(web)",
                           "app notin (db)",
                           "missing notin (x)",
                           "missing notin (,)",
                           "app",
                           "!missing",
                           "! missing",
                           "app,!missing,tier in (front)",
                           "n>4",
                           "n<6",
                           "n > 4, n < 6",
                           "empty=",
                           "empty==",
                           "empty in (,)",
                           "empty in (x,)",
                           "empty in (,x)",
                           "empty in (x,,y)",
                           "empty in (,,x)",
                           "empty in (x,,,)",
                           "app.kubernetes.io/name=web",
                           "in=notin",
                           "in in (notin)",
                           "in",
                           "in==notin",
                           "app\t=\nweb",
                           "n in (5)"}) {
    check_match(text, true);
  }
  for (const char* text : {"app=db",
                           "app==",
                           "app=Web",
                           "app!=web",
                           "app in (db)",
                           "app in (we,b)",
                           "app notin (web,db)",
                           "missing",
                           "!app",
                           "missing=",
                           "missing in (x,)",
                           "app=web,tier=back",
                           "n>5",
                           "n<5",
                           "app>1",
                           "app<1",
                           "missing>1",
                           "missing<1",
                           "empty>0",
                           "app.kubernetes.io/name!=web",
                           "tier in (,)",
                           "n<0"}) {
    check_match(text, false);
  }
}
END_TEST

START_TEST(integers) {
  check_match("n>9223372036854775806", true, {{"n", "9223372036854775807"}});
  check_match("n>1", false, {{"n", "9223372036854775808"}});
  check_match("n<1", true, {{"n", "-5"}});
  check_match("n>1", true, {{"n", "+5"}});
  check_match("n>1", false, {{"n", "+-5"}});
  check_match("n>1", true, {{"n", "007"}});
  check_match("n>1", false, {{"n", "5.0"}});
  check_match("n>1", false, {{"n", "0x10"}});
  check_match("n>1", false, {{"n", " 5"}});
}
END_TEST

START_TEST(errors) {
  check_error("a,", "column 3: found the end, expected a key behind the \",\"");
  check_error(",a", "column 1: found \",\", expected a key or \"!\"");
  check_error("a=b,,c", "column 5: found \",\", expected a key behind the \",\"");
  check_error("a b", "column 3: found \"b\", expected in, notin, =, ==, !=, > or <");
  check_error("a=b c", "column 5: found \"c\", expected \",\" or the end");
  check_error("a=b=c", "column 4: found \"=\", expected \",\" or the end");
  check_error("a===b", "column 4: found \"=\", expected a value");
  check_error("a=!b", "column 3: found \"!\", expected a value");
  check_error("a>=1", "column 3: found \"=\", expected a value");
  check_error("a=(b)", "column 3: found \"(\", expected a value");
  check_error("=b", "column 1: found \"=\", expected a key or \"!\"");
  check_error("!", "column 2: found the end, expected a key");
  check_error("!!a", "column 2: found \"!\", expected a key");
  check_error("!=a", "column 1: found \"!=\", expected a key or \"!\"");
  check_error("!a=b", "column 3: found \"=\", expected \",\" or the end");
  check_error("!a in (b)", "column 4: found \"in\", expected \",\" or the end");
  check_error("a in", "column 5: found the end, expected \"(\"");
  check_error("a in b", "column 6: found \"b\", expected \"(\"");
  check_error("a in ()", "column 6: no values between the parentheses");
  check_error("a notin ( )", "column 9: no values between the parentheses");
  check_error("a in (", "column 7: found the end, expected a value or \",\"");
  check_error("a in (b", "column 8: found the end, expected \",\" or \")\"");
  check_error("a in (b c)", "column 9: found \"c\", expected \",\" or \")\"");
  check_error("a in (b,", "column 9: found the end, expected a value or \",\"");
  check_error("a in (=b)", "column 7: found \"=\", expected a value or \",\"");
  check_error("a in (b,,)", "column 10: found \")\", expected a value or \",\"");
  check_error("a in (,,)", "column 9: found \")\", expected a value or \",\"");
  check_error("a in (b)c", "column 9: found \"c\", expected \",\" or the end");
  check_error("a>b", "column 3: an integer was expected");
  check_error("a>", "column 3: an integer was expected");
  check_error("a>1.5", "column 3: an integer was expected");
  check_error("a<-5", "column 3: \"-5\" is not a label's value");
  check_error("a>9223372036854775808", "column 3: an integer was expected");
  check_error("-a=b", "column 1: \"-a\" is not a label's key");
  check_error("x=y, a/b/c", "column 6: \"a/b/c\" is not a label's key");
  check_error("/a", "column 1: \"/a\" is not a label's key");
  check_error("a/", "column 1: \"a/\" is not a label's key");
  check_error("Up.io/a", "column 1: \"Up.io/a\" is not a label's key");
  check_error("a=b/c", "column 3: \"b/c\" is not a label's value");
  check_error("a in (b, -c)", "column 10: \"-c\" is not a label's value");
  check_error("a='b'", "column 3: \"'b'\" is not a label's value");
  std::string name(64, 'x');
  check_error(name, ("column 1: \"" + name + "\" is not a label's key").c_str());
  check_error("a=" + name, ("column 3: \"" + name + "\" is not a label's value").c_str());
  check_match(name.substr(1).c_str(), false);
  check_error(std::string(5000, 'a'), "longer than 4096 bytes");
  ck_assert(!LabelSelector::parse(std::string_view("a\0b", 3)).ok());
}
END_TEST

}  // namespace

CHECK_MAIN("label_selector", matching, integers, errors)
