// JSON as it comes from a network: in pieces of any size.
#ifndef KUBEPULSE_TESTS_JSON_PIECES_H
#define KUBEPULSE_TESTS_JSON_PIECES_H

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "identity/api_list.h"
#include "tests/check.h"

namespace kubepulse {

constexpr size_t kPieceBytes[] = {SIZE_MAX, 50, 1};

// Each piece is gone when the next one is taken.
template <typename Take>
void in_pieces(std::string_view text, size_t piece_bytes, Take&& take) {
  while (!text.empty()) {
    std::string piece(text.substr(0, piece_bytes));
    text.remove_prefix(piece.size());
    take(piece);
  }
}

// One object, without a list around it.
template <typename Reader>
void read_object(Reader& reader, std::string_view text, size_t piece_bytes = SIZE_MAX) {
  JsonReader json;
  bool begun = false;
  in_pieces(text, piece_bytes, [&](const std::string& piece) {
    json.feed(piece);
    for (JsonToken token; (token = json.next()) != JsonToken::more;) {
      ck_assert_msg(token != JsonToken::error, "%s", json.status().message().c_str());
      if (begun)
        reader.take(json, token);
      else
        reader.begin();
      begun = true;
    }
  });
}

// The items of a list; `told()` is called after each of them.
template <typename Reader, typename Told>
void read_items(Reader& reader, const std::string& items, size_t piece_bytes, Told&& told) {
  ApiListReader list({Reader::kListKind, "v1", "the list"}, reader, told);
  std::string text = std::string(R"({"kind":")") + Reader::kListKind +
                     R"(","apiVersion":"v1","items":[)" + items + "]}";
  in_pieces(text, piece_bytes, [&](const std::string& piece) { CHECK_OK(list.feed(piece)); });
  CHECK_OK(list.finish());
}

}  // namespace kubepulse

#endif
