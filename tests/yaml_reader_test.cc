#include "base/yaml_reader.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// Each scalar as "key.key#item=value", one after another; at the end "! why" where it is refused.
std::string read(std::string_view text) {
  std::string out;
  Status status = read_yaml(text, [&out](const YamlPlace& place, std::string_view value) {
    std::string keys;
    for (const std::string& key : place.keys)
      keys += (keys.empty() ? "" : ".") + key;
    out += keys + (place.item > 0 ? "#" + std::to_string(place.item) : "") + "=" +
           std::string(value) + "|";
    return value == "stop" ? Status::error("stopped at line " + std::to_string(place.line))
                           : Status();
  });
  return status.ok() ? out : out + "! " + status.message();
}

void check_read(const char* text, const char* want) {
  CHECK_TEXT(read(text), want);
}

START_TEST(mappings) {
  check_read("", "");
  check_read("\n# only this\n", "");
  check_read("---\na: 1\n", "a=1|");
  check_read("a: 1\nb: x y z\nc:\n  d: true\n  e:\n    f: g\nh: i",
             "a=1|b=x y z|c.d=true|c.e.f=g|h=i|");
  check_read("a:\nb: null\nc: ~\nd: \"\"\ne: ''\nf: x\n", "f=x|");
  check_read("  a: 1\n  b: 2\n", "a=1|b=2|");
  check_read("a:    1   \r\nb:\t2\r\n", "a=1|b=2|");
  check_read("url: https://10.0.0.1:6443\n\"q k\": 1\n'r': 2\n\"a #b\": 3\n",
             "url=https://10.0.0.1:6443|q k=1|r=2|a #b=3|");
}
END_TEST

START_TEST(sequences) {
  check_read("a:\n- x\n- y\nb: z\n", "a#1=x|a#2=y|b#2=z|");
  check_read("a:\n  - x\n  - y\nb: z\n", "a#1=x|a#2=y|b#2=z|");
  check_read("l:\n- k:\n    s: 1\n  name: a\n- name: b\n  k:\n    s: 2\nm:\n- name: c\n",
             "l.k.s#1=1|l.name#1=a|l.name#2=b|l.k.s#2=2|m.name#3=c|");
  check_read("l:\n-   a: 1\n    b: 2\n-\n  a: 3\n- # here\n  a: 4\n",
             "l.a#1=1|l.b#1=2|l.a#2=3|l.a#3=4|");
  check_read("l:\n- e:\n    args:\n    - a\n    - b\n    env:\n    - name: c\n  n: d\n- n: e\n",
             "l.e.args#1=a|l.e.args#1=b|l.e.env.name#1=c|l.n#1=d|l.n#2=e|");
}
END_TEST

START_TEST(texts) {
  check_read(
      "a: x # comment\nb: x#y\nc: #none\nd: 'it''s # x' # c\ne: \"a\\n\\\"\\u00e9 # x\"  # c\n",
      "a=x|b=x#y|d=it's # x|e=a\n\"\xC3\xA9 # x|");
  check_read("a: -1\nb: -x\nc: ?x\nd: :x\ne: a:b\n", "a=-1|b=-x|c=?x|d=:x|e=a:b|");
  check_read("a: null-and-void\nb: \"null\"\nc: 'true'\n", "a=null-and-void|b=null|c=true|");
}
END_TEST

START_TEST(json) {
  check_read(R"({"a":"b","l":[{"n":1},{"n":{"x":true,"y":null}}],"m":[{"n":"c"}],"k":["p","q"]})",
             "a=b|l.n#1=1|l.n.x#2=true|m.n#3=c|k#4=p|k#5=q|");
  check_read(" \n {\n \"a\" :\n \"b\" }\n", "a=b|");
  check_read("a: {}\nb: []\nc: {\"d\": [1, {\"e\": \"f\"}]}\ng: h\n", "c.d#1=1|c.d.e#2=f|g#2=h|");
  check_read("l:\n- {\"n\": \"a\"}\n- {\"n\": [1,2]}\n", "l.n#1=a|l.n#2=1|l.n#2=2|");
}
END_TEST

START_TEST(refused) {
  check_read("a: |\n  x\n", "! line 1: a text over several lines is not taken");
  check_read("a: >-\n  x\n", "! line 1: a text over several lines is not taken");
  check_read("a: \"x\n  y\"\n", "! line 1: a text over several lines is not taken");
  check_read("a: 'x\n  y'\n", "! line 1: a text over several lines is not taken");
  check_read("a: x\n  y\n",
             "a=x|! line 2: neither a key nor an element: a text over several lines?");
  check_read("a: x\n  b: y\n", "a=x|! line 2: an indentation that does not fit what stands before");
  check_read("a:\n    b: y\n  c: z\n",
             "a.b=y|! line 3: an indentation that does not fit what stands before");
  check_read("  a: y\nc: z\n", "a=y|! line 2: an indentation that does not fit what stands before");
  check_read("x: 1\na: &b c\n", "x=1|! line 2: an anchor or alias is not taken");
  check_read("a: *b\n", "! line 1: an anchor or alias is not taken");
  check_read("a: !!str b\n", "! line 1: a tag is not taken");
  check_read("<<: {}\n", "! line 1: a merge key is not taken");
  check_read("? a\n: b\n", "! line 1: neither a key nor an element: a text over several lines?");
  check_read("? a: b\n", "! line 1: a complex key is not taken");
  check_read("a: @x\n", "! line 1: a text cannot begin like this without quotes");
  check_read("a: b: c\n", "! line 1: a mapping within a line is not taken");
  check_read("a: - b\n", "! line 1: a sequence or complex key within a line is not taken");
  check_read("a: {b: c}\n", "! line 1: as JSON byte 1: a key in quotes was expected");
  check_read("a: {\"b\":\n  1}\n", "! line 1: as JSON byte 5: the document ends too early");
  check_read("a: [x]\n", "! line 1: as JSON byte 1: a value was expected");
  check_read("a: {} # x\n", "! line 1: as JSON byte 3: the document has ended, and more follows");
  check_read("{\"a\":1} x",
             "a=1|! line 1: as JSON byte 8: the document has ended, and more follows");
  check_read("a:\n\tb: c\n", "! line 2: a tab in the indentation is not taken");
  check_read("%YAML 1.2\n---\n", "! line 1: a directive is not taken");
  check_read("a: b\n---\nc: d\n", "a=b|! line 2: more than one document is not taken");
  check_read("a: b\n...\n", "a=b|! line 2: more than one document is not taken");
  check_read("- a\n", "! line 1: the document is not a mapping");
  check_read("just text\n", "! line 1: neither a key nor an element: a text over several lines?");
  check_read("a: \"x\\y\"\n", "! line 1: a quoted text is not taken: byte 3: an unknown escape");
  check_read("a: \"x\" y\n", "! line 1: something behind a quoted text");
  check_read("a: \"x\"#y\n", "! line 1: something behind a quoted text");
  check_read(": b\n", "! line 1: a key is missing");
  check_read("a: b\x01\n", "! line 1: a control character");
  check_read("a: go\nb: stop\nc: on\n", "a=go|b=stop|! stopped at line 2");
  check_read("{\"a\":[\"stop\",1]}", "a#1=stop|! stopped at line 1");
  std::string deep, json = "a: ";
  for (int i = 0; i < 20; i++) {
    deep += std::string(static_cast<size_t>(i), ' ') + "a:\n";
    json += "{\"a\":";
  }
  CHECK_TEXT(read(deep), "! line 17: nested too deep");
  CHECK_TEXT(read(json), "! line 1: nested too deep");
  CHECK_TEXT(read(std::string(kYamlBytesMax + 1, ' ')), "! longer than 1 MiB");
}
END_TEST

}  // namespace

CHECK_MAIN("yaml_reader", mappings, sequences, texts, json, refused)
