#include "base/json_reader.h"

#include <string>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// The tokens of `document`, given in pieces of `piece_bytes`, one after another as text:
// "{ k:name s:value n:12 true null }", and at the end "." or "! why".
std::string tokens_of(std::string_view document, size_t piece_bytes, size_t text_bytes_max = 1024,
                      std::string_view skipped_key = "\x01") {
  JsonReader reader(text_bytes_max);
  std::string out;
  for (;;) {
    JsonToken token = reader.next();
    auto text = [&](const char* kind) {
      out += kind + std::string(reader.text()) + (reader.cut() ? "~ " : " ");
    };
    switch (token) {
      case JsonToken::more: {
        if (document.empty()) {
          reader.finish();
          break;
        }
        std::string piece(document.substr(0, piece_bytes));
        static std::vector<char> held;  // exactly as long as the piece: overreads are seen
        held = std::vector<char>(piece.begin(), piece.end());
        held.shrink_to_fit();
        document.remove_prefix(piece.size());
        reader.feed({held.data(), held.size()});
        break;
      }
      case JsonToken::object:
        out += "{ ";
        break;
      case JsonToken::object_end:
        out += "} ";
        break;
      case JsonToken::array:
        out += "[ ";
        break;
      case JsonToken::array_end:
        out += "] ";
        break;
      case JsonToken::key:
        text("k:");
        if (reader.text() == skipped_key) reader.skip();
        break;
      case JsonToken::string:
        text("s:");
        break;
      case JsonToken::number:
        text("n:");
        break;
      case JsonToken::boolean_true:
        out += "true ";
        break;
      case JsonToken::boolean_false:
        out += "false ";
        break;
      case JsonToken::null:
        out += "null ";
        break;
      case JsonToken::end:
        return out + ".";
      case JsonToken::error:
        return out + "! " + reader.status().message();
    }
  }
}

// However the document is cut into pieces.
void check_tokens(std::string_view document, const std::string& want, size_t text_bytes_max = 1024,
                  std::string_view skipped_key = "\x01") {
  for (size_t bytes = 1; bytes <= document.size() + 1; bytes = bytes < 20 ? bytes + 1 : bytes * 2) {
    CHECK_TEXT(tokens_of(document, bytes, text_bytes_max, skipped_key), want);
  }
  CHECK_TEXT(tokens_of(document, 1 << 20, text_bytes_max, skipped_key), want);
}

void check_error(std::string_view document, const std::string& want) {
  for (size_t bytes = 1; bytes <= document.size() + 1; bytes++) {
    std::string got = tokens_of(document, bytes);
    size_t at = got.find("! ");
    ck_assert_msg(at != std::string::npos, "%s: %s", std::string(document).c_str(), got.c_str());
    CHECK_TEXT(got.substr(at + 2), want);
  }
}

START_TEST(values) {
  check_tokens("{}", "{ } .");
  check_tokens(" [ ] ", "[ ] .");
  check_tokens("null", "null .");
  check_tokens("\"\"", "s: .");
  check_tokens("-0.5e+10", "n:-0.5e+10 .");
  check_tokens("0", "n:0 .");
  check_tokens("[0,-0,10,1.25,1E5,1e-5,0.0]", "[ n:0 n:-0 n:10 n:1.25 n:1E5 n:1e-5 n:0.0 ] .");
  check_tokens("{\"a\":[true,false,null],\"b\":{\"c\":{}},\"\":\"x\"}",
               "{ k:a [ true false null ] k:b { k:c { } } k: s:x } .");
  check_tokens("\r\n\t {\r\n\t \"a\"\r\n\t :\r\n\t 1\r\n\t ,\"a\" : 2 } \n",
               "{ k:a n:1 k:a n:2 } .");
}
END_TEST

START_TEST(texts) {
  check_tokens("\"a longer text without anything in it\"",
               "s:a longer text without anything in it .");
  check_tokens(R"("\"\\\/\b\f\n\r\t")", "s:\"\\/\b\f\n\r\t .");
  check_tokens(R"("a\u0041\u00e9\u20AC\ud83d\ude00z")",
               "s:aA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z .");
  check_tokens(R"("\ud800\udc00\uDBFF\uDFFF")", "s:\xF0\x90\x80\x80\xF4\x8F\xBF\xBF .");
  check_tokens(
      "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\x7F\"",
      "s:\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\x7F .");
  check_tokens(R"("a\u0000b")", std::string("s:a\0b .", 7));
}
END_TEST

START_TEST(long_texts_are_cut_on_a_character) {
  check_tokens("\"12345678\"", "s:12345678 .", 8);
  check_tokens("\"123456789\"", "s:12345678~ .", 8);
  check_tokens("[\"1234567\xE2\x82\xAC\",\"b\"]", "[ s:1234567~ s:b ] .", 8);
  check_tokens("\"12345\xE2\x82\xAC\"", "s:12345\xE2\x82\xAC .", 8);
  check_tokens(R"("12345\u20ac")", "s:12345\xE2\x82\xAC .", 8);
  check_tokens(R"("1234567\ud83d\ude00 and more")", "s:1234567~ .", 8);
  check_tokens(R"("12345678\n")", "s:12345678~ .", 8);
  check_tokens("{\"123456789\":1234567890}", "{ k:12345678~ n:12345678~ } .", 8);
  // The length does not matter: nothing beyond the bound is kept.
  std::string huge =
      "[\"" + std::string(300000, 'x') + "\",\"\\u0041" + std::string(300000, 'y') + "\"]";
  std::string want = "[ s:" + std::string(1024, 'x') + "~ s:A" + std::string(1023, 'y') + "~ ] .";
  for (size_t bytes : {1, 7, 1000, 1 << 20})
    CHECK_TEXT(tokens_of(huge, bytes), want);
}
END_TEST

START_TEST(nesting) {
  std::string deep(JsonReader::kDepthMax, '['), ends(JsonReader::kDepthMax, ']');
  std::string got = tokens_of(deep + ends, 5);
  ck_assert(got.back() == '.');
  check_error(deep + "[" + ends, "byte 64: nested too deep");
  check_error(deep + "{", "byte 64: nested too deep");
  check_tokens("[[{\"a\":[{}]},[]],1]", "[ [ { k:a [ { } ] } [ ] ] n:1 ] .");
}
END_TEST

START_TEST(skipping) {
  for (const char* value :
       {"1", "\"x\"", "\"{\\\"a\\\\\\n\"", "null", "true", "[]", "{}", "\"\\ud83d\\ude00\"",
        "[1,[2,{\"s\":3}],\"]\"]", "{\"s\":{\"s\":[{}]},\"b\":\"}\"}"}) {
    std::string document =
        "{\"a\":0,\"s\":" + std::string(value) + ",\"b\":[{\"s\":" + value + "}],\"c\":1}";
    check_tokens(document, "{ k:a n:0 k:s k:b [ { k:s } ] k:c n:1 } .", 1024, "s");
  }
  // What is skipped is checked all the same.
  for (const char* value :
       {"01", "\"\\x\"", "[}", "{\"a\"}", "nul", "\"\xFF\"", "\"\\ud800\"", "[1,]"}) {
    std::string document = "{\"s\":" + std::string(value) + "}";
    std::string got = tokens_of(document, 3, 1024, "s");
    ck_assert_msg(got.find('!') != std::string::npos, "%s: %s", document.c_str(), got.c_str());
  }
}
END_TEST

START_TEST(skipping_the_rest) {
  JsonReader reader;
  reader.feed(R"([{"a":1,"b":[1,2,{"c":[]}]},[1,[2]],"x"])");
  ck_assert(reader.next() == JsonToken::array);
  ck_assert(reader.next() == JsonToken::object);
  ck_assert(reader.next() == JsonToken::key);
  ck_assert(reader.next() == JsonToken::number);
  reader.skip();  // a value that is told already: nothing
  ck_assert(reader.next() == JsonToken::key);
  CHECK_TEXT(reader.text(), "b");
  ck_assert(reader.next() == JsonToken::array);
  reader.skip();
  ck_assert(reader.next() == JsonToken::object_end);
  ck_assert(reader.next() == JsonToken::array);
  reader.skip();
  ck_assert(reader.next() == JsonToken::string);
  ck_assert_int_eq(reader.depth(), 1);
  ck_assert(reader.next() == JsonToken::array_end);
  ck_assert(reader.next() == JsonToken::more);
  ck_assert(reader.next() == JsonToken::more);
  reader.finish();
  ck_assert(reader.next() == JsonToken::end);
  ck_assert(reader.next() == JsonToken::end);
}
END_TEST

START_TEST(pieces_may_be_empty) {
  JsonReader reader;
  ck_assert(reader.next() == JsonToken::more);
  reader.feed("[\"a");
  ck_assert(reader.next() == JsonToken::array);
  ck_assert(reader.next() == JsonToken::more);
  ck_assert(reader.next() == JsonToken::more);
  reader.feed("");
  ck_assert(reader.next() == JsonToken::more);
  reader.feed("b\"]");
  ck_assert(reader.next() == JsonToken::string);
  CHECK_TEXT(reader.text(), "ab");
}
END_TEST

START_TEST(errors) {
  struct {
    const char* document;
    const char* want;
  } const cases[] = {
      {"", "byte 0: the document ends too early"},
      {"  ", "byte 2: the document ends too early"},
      {"[1", "byte 2: the document ends too early"},
      {"{\"a\"", "byte 4: the document ends too early"},
      {"\"abc", "byte 4: the document ends too early"},
      {"tru", "byte 3: the document ends too early"},
      {"-", "byte 1: the document ends too early"},
      {"1.", "byte 2: the document ends too early"},
      {"1e+", "byte 3: the document ends too early"},
      {"[1]]", "byte 3: the document has ended, and more follows"},
      {"{} x", "byte 3: the document has ended, and more follows"},
      {"1 2", "byte 2: the document has ended, and more follows"},
      {"[1,]", "byte 3: a value was expected"},
      {"[,1]", "byte 1: a value was expected"},
      {"NaN", "byte 0: a value was expected"},
      {"-Infinity", "byte 1: a digit was expected"},
      {"+1", "byte 0: a value was expected"},
      {".5", "byte 0: a value was expected"},
      {"nulL", "byte 3: a value was expected"},
      {"truest", "byte 4: the document has ended, and more follows"},
      {"[01]", "byte 2: a number starts with a zero"},
      {"[-01]", "byte 3: a number starts with a zero"},
      {"[1.]", "byte 3: a digit was expected"},
      {"[1e]", "byte 3: a digit was expected"},
      {"[1ee5]", "byte 3: a digit was expected"},
      {"[1e+-5]", "byte 4: a digit was expected"},
      {"[0x10]", "byte 2: a comma or the end of what is open was expected"},
      {"[1 2]", "byte 3: a comma or the end of what is open was expected"},
      {"[1}", "byte 2: a comma or the end of what is open was expected"},
      {"{\"a\":1]", "byte 6: a comma or the end of what is open was expected"},
      {"{\"a\":1,}", "byte 7: a key in quotes was expected"},
      {"{a:1}", "byte 1: a key in quotes was expected"},
      {"{'a':1}", "byte 1: a key in quotes was expected"},
      {"{,}", "byte 1: a key in quotes was expected"},
      {"{\"a\" 1}", "byte 5: a colon was expected"},
      {"{\"a\",1}", "byte 4: a colon was expected"},
      {"// x", "byte 0: a value was expected"},
      {"\xEF\xBB\xBF{}", "byte 0: a value was expected"},
      {"\"a\nb\"", "byte 2: a control character in a string"},
      {"\"12345678901234567\x1F\"", "byte 18: a control character in a string"},
      {"\"\\x\"", "byte 2: an unknown escape"},
      {"\"\\U0041\"", "byte 2: an unknown escape"},
      {"\"\\u00g0\"", "byte 5: a hexadecimal digit was expected"},
      {"\"\\u12\"", "byte 5: a hexadecimal digit was expected"},
      {"\"\\udc00\"", "byte 6: half a surrogate pair"},
      {"\"\\ud800\"", "byte 7: half a surrogate pair"},
      {"\"\\ud800\\n\"", "byte 8: half a surrogate pair"},
      {"\"\\ud800\\u0041\"", "byte 12: half a surrogate pair"},
      {"\"\\ud800\\ud800\"", "byte 12: half a surrogate pair"},
      {"\"a\x80\"", "byte 2: not UTF-8"},
      {"\"\xC0\xAF\"", "byte 1: not UTF-8"},
      {"\"\xE0\x9F\xBF\"", "byte 2: not UTF-8"},
      {"\"\xED\xA0\x80\"", "byte 2: not UTF-8"},
      {"\"\xF4\x90\x80\x80\"", "byte 2: not UTF-8"},
      {"\"\xF5\x80\x80\x80\"", "byte 1: not UTF-8"},
      {"\"\xE2\x82\"", "byte 3: not UTF-8"},
      {"\"\xFF\"", "byte 1: not UTF-8"},
      {"[\x01]", "byte 1: a value was expected"},
  };
  for (const auto& each : cases)
    check_error(each.document, each.want);
  check_error(std::string_view("[1]\0", 4), "byte 3: the document has ended, and more follows");
}
END_TEST

START_TEST(documents_in_a_row) {
  JsonReader reader;
  std::string_view stream = "{\"a\":1}\n[2] {}";
  size_t documents = 0;
  for (size_t at = 0; at < stream.size(); at++) {
    reader.feed(stream.substr(at, 1));
    for (JsonToken token; (token = reader.next()) != JsonToken::more;) {
      ck_assert(token != JsonToken::error);
      if (token != JsonToken::object_end && token != JsonToken::array_end) continue;
      ck_assert_int_eq(reader.depth(), 0);
      ck_assert_uint_eq(reader.bytes(), at + 1);
      reader.next_document();
      documents++;
    }
  }
  ck_assert_uint_eq(documents, 3);
  // In the midst of one it does nothing.
  reader.feed("{");
  ck_assert(reader.next() == JsonToken::object);
  reader.next_document();
  reader.feed("}");
  ck_assert(reader.next() == JsonToken::object_end && reader.depth() == 0);
}
END_TEST

}  // namespace

CHECK_MAIN("json_reader", values, texts, long_texts_are_cut_on_a_character, nesting, skipping,
           skipping_the_rest, pieces_may_be_empty, errors, documents_in_a_row)
