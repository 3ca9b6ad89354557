// However an answer about insights is cut into pieces, the same is read of it; and whatever it
// says, what is shown of it is whole JSON in a line, and cannot steer the terminal.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "sniff/changes.h"
#include "sniff/insight_page.h"
#include "sniff/sniff_text.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

struct Read {
  InsightPage page;
  std::string error;
};

Read read(std::string_view answer, size_t step) {
  InsightPageReader reader;
  for (size_t at = 0; at < answer.size(); at += step)
    reader.feed(answer.substr(at, step));
  Status status = reader.finish();
  return {reader.take(), status.message()};
}

void check_lines(std::string_view text) {
  while (!text.empty())
    require(is_printable(next_piece(text, '\n')));
}

std::string check(const ToldInsight& insight) {
  std::string line = insight.json_head + "\"raised\"" + insight.json_tail;
  require(is_printable(line));
  JsonReader json;
  json.feed(line);
  json.finish();
  JsonToken token;
  while ((token = json.next()) != JsonToken::end)
    require(token != JsonToken::error);
  std::string text;
  append_raised(text, insight, &insight, false);
  append_resolved(text, insight, 0, false);
  check_lines(text);
  return line + text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view answer(reinterpret_cast<const char*>(data), size);
  Read whole = read(answer, size == 0 ? 1 : size);
  for (size_t step : {1, 7}) {
    Read pieces = read(answer, step);
    require(pieces.error == whole.error && pieces.page.lost == whole.page.lost);
    require(pieces.page.insights.size() == whole.page.insights.size());
    require(pieces.page.tick_ns == whole.page.tick_ns);
    for (size_t i = 0; i < whole.page.insights.size(); i++)
      require(check(pieces.page.insights[i]) == check(whole.page.insights[i]));
    require(changes_between(pieces.page, whole.page, Origins::all).empty());
  }
  return 0;
}
