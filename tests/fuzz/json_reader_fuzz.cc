// Any bytes as a document: the tokens are the same however it is cut into pieces, they nest, and
// what is skipped is still checked.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/json_reader.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr size_t kTextBytesMax = 16;

void require(bool holds) {
  if (!holds) abort();
}

struct Outcome {
  std::string tokens;
  std::string error;
};

Outcome read(std::string_view document, size_t piece_bytes, bool skip) {
  JsonReader reader(kTextBytesMax);
  Outcome outcome;
  std::vector<char> held;
  int depth = 0;
  for (;;) {
    JsonToken token = reader.next();
    if (token == JsonToken::end) return outcome;
    if (token == JsonToken::error) {
      outcome.error = reader.status().message();
      require(!outcome.error.empty() && reader.next() == JsonToken::error);
      return outcome;
    }
    if (token == JsonToken::more) {
      if (document.empty()) {
        reader.finish();
        continue;
      }
      std::string_view piece = document.substr(0, piece_bytes);
      held = std::vector<char>(piece.begin(), piece.end());
      document.remove_prefix(piece.size());
      reader.feed({held.data(), held.size()});
      continue;
    }
    depth += token == JsonToken::object || token == JsonToken::array;
    depth -= token == JsonToken::object_end || token == JsonToken::array_end;
    require(depth == reader.depth() && depth >= 0 && depth <= JsonReader::kDepthMax);
    outcome.tokens += static_cast<char>('A' + static_cast<int>(token));
    if (token == JsonToken::key || token == JsonToken::string || token == JsonToken::number) {
      require(reader.text().size() <= kTextBytesMax);
      outcome.tokens += reader.text();
      outcome.tokens += reader.cut() ? '~' : ' ';
    }
    if (skip && token == JsonToken::key && reader.text().size() % 2 == 1) reader.skip();
    if (skip && token == JsonToken::array && depth > 2) {
      reader.skip();
      depth--;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view document(reinterpret_cast<const char*>(data), size);
  Outcome whole = read(document, std::max(size, size_t{1}), false);
  Outcome skipped = read(document, std::max(size, size_t{1}), true);
  require(whole.error == skipped.error);
  for (size_t bytes : {1, 7}) {
    Outcome part = read(document, bytes, false);
    require(part.tokens == whole.tokens && part.error == whole.error);
    Outcome part_skipped = read(document, bytes, true);
    require(part_skipped.tokens == skipped.tokens && part_skipped.error == skipped.error);
  }
  return 0;
}
