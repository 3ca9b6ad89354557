#include "insight/shell.h"

#include <cstdio>
#include <random>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// What a program gets of the command, by a real shell: each word in <>.
std::string words_by_sh(const std::string& command) {
  FILE* shell = popen(command.c_str(), "re");
  ck_assert_ptr_nonnull(shell);
  std::string out;
  char piece[4096];
  while (size_t size = fread(piece, 1, sizeof piece, shell))
    out.append(piece, size);
  ck_assert_int_eq(pclose(shell), 0);
  return out;
}

void check_word(std::string_view text) {
  std::string command =
      Command("printf").word("<%s>").word(text).word("behind").option("--option=", text).text();
  std::string want = "<" + std::string(text) + "><behind><--option=" + std::string(text) + ">";
  CHECK_TEXT(words_by_sh(command), want);
}

START_TEST(harmless_words_are_bare) {
  CHECK_TEXT(Command("kubectl").option("--namespace=", "shop").word("pod/web-0").text(),
             "kubectl --namespace=shop pod/web-0");
  CHECK_TEXT(Command("a").word("").word("b c").option("-x=", "").text(), "a '' 'b c' -x=''");
}
END_TEST

START_TEST(hostile_words) {
  for (const char* text : {"",           "a b",     "$(touch /tmp/x)",
                           "`id`",       "'; id #", "\"",
                           "'",          "''",      "\\",
                           "a\\",        "!!",      "~",
                           "~root",      "*",       "?",
                           "[a-z]*",     "{a,b}",   "$HOME",
                           "${IFS}",     "a;b",     "a&b",
                           "a|b",        "a>b",     "<b",
                           "#b",         "a=b",     "-rf",
                           "--",         "%s%n",    "'$(id)'",
                           "\xC3\xA4'$x"})
    check_word(text);
}
END_TEST

START_TEST(any_printable_word) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; round++) {
    std::string text;
    for (size_t i = random() % 24; i > 0; i--)
      text += static_cast<char>(' ' + random() % ('~' - ' ' + 1));
    check_word(text);
  }
}
END_TEST

START_TEST(what_cannot_be_seen) {
  CHECK_TEXT(Command("rm").word("a\nrm -rf b").text(), "");
  CHECK_TEXT(Command("rm").word("a\x1b[2K").text(), "");
  CHECK_TEXT(Command("rm").option("--x=", "a\xFF").text(), "");
  CHECK_TEXT(Command("rm").word(std::string_view("a\0b", 3)).text(), "");
  CHECK_TEXT(Command("rm").word("a\rb").word("c").text(), "");
}
END_TEST

}  // namespace

CHECK_MAIN("shell", harmless_words_are_bare, hostile_words, any_printable_word, what_cannot_be_seen)
