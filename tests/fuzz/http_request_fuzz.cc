// clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc -I. \
//   tests/fuzz/http_request_fuzz.cc src/publish/http_request.cc src/base/text.cc
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "publish/http_request.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

bool is_within(std::string_view part, std::string_view whole) {
  return part.empty() || part == "/" ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check(const HttpParse& parse, std::string_view bytes) {
  const HttpRequest& request = parse.request;
  switch (parse.kind) {
    case HttpParse::Kind::kIncomplete:
      require(bytes.size() < kHttpHeadBytesMax && parse.consumed == 0 && parse.status == 0);
      break;
    case HttpParse::Kind::kRefused:
      require(parse.status == 400 || parse.status == 413 || parse.status == 431);
      require(parse.consumed == 0);
      break;
    case HttpParse::Kind::kComplete: {
      require(parse.consumed > 0 && parse.consumed <= bytes.size());
      require(parse.consumed <= kHttpHeadBytesMax && bytes[parse.consumed - 1] == '\n');
      std::string_view head = bytes.substr(0, parse.consumed);
      require(!request.method.empty() && !request.path.empty());
      require(request.path[0] == '/' || request.path == "*");
      require(is_within(request.method, head) && is_within(request.path, head) &&
              is_within(request.query, head));
      break;
    }
  }
}

bool is_same(const HttpParse& a, const HttpParse& b) {
  return a.kind == b.kind && a.consumed == b.consumed && a.status == b.status &&
         a.request.method == b.request.method && a.request.path == b.request.path &&
         a.request.query == b.request.query && a.request.minor_version == b.request.minor_version &&
         a.request.keep_alive == b.request.keep_alive &&
         a.request.accepts_gzip == b.request.accepts_gzip &&
         a.request.accepts_openmetrics == b.request.accepts_openmetrics;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HttpParse whole = parse_http_request(bytes);
  check(whole, bytes);
  bool decided = false;
  // Every cut of a short input; of a long one some that move with its size.
  size_t step = size <= 512 ? 1 : 1 + size % 61;
  for (size_t cut = 0; cut <= size; cut += step) {
    HttpParse part = parse_http_request(bytes.substr(0, cut));
    check(part, bytes.substr(0, cut));
    if (part.kind == HttpParse::Kind::kIncomplete) {
      require(!decided);
    } else {
      require(is_same(part, whole));
      decided = true;
    }
  }
  return 0;
}
