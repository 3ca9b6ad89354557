#include "publish/gzip.h"

#include <string>

#include "tests/check.h"
#include "tests/gunzip.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string compress(std::string_view plain, size_t step) {
  Result<Gzip> created = Gzip::create();
  ck_assert(created.ok());
  Gzip gzip = std::move(created.value());  // moved on purpose: zlib must not notice
  std::string out;
  while (!plain.empty()) {
    gzip.add(plain.substr(0, step), out);
    plain.remove_prefix(std::min(step, plain.size()));
  }
  gzip.finish(out);
  return out;
}

START_TEST(round_trips) {
  std::string text;
  for (int i = 0; i < 20000; i++)
    text += "kubepulse_tcp_connections_total{namespace=\"default\",pod=\"web-" + std::to_string(i) +
            "\",direction=\"out\"} " + std::to_string(i * 7919) + "\n";
  for (size_t step : {size_t{1000}, size_t{32768}, text.size()}) {
    std::string packed = compress(text, step);
    ck_assert_msg(packed.size() * 4 < text.size(), "%zu of %zu", packed.size(), text.size());
    ck_assert(gunzip(packed) == text);
  }
  CHECK_TEXT(gunzip(compress("one byte at a time", 1)), "one byte at a time");
  CHECK_TEXT(gunzip(compress("", 1)), "");
}
END_TEST

START_TEST(keeps_what_cannot_be_packed) {
  std::string noise;
  for (uint32_t state = 1; noise.size() < 300000; noise += static_cast<char>(state >> 24))
    state = state * 1664525 + 1013904223;
  ck_assert(gunzip(compress(noise, 7777)) == noise);
}
END_TEST

START_TEST(is_destroyed_unfinished) {
  Result<Gzip> gzip = Gzip::create();
  std::string out;
  gzip.value().add("abandoned", out);
}
END_TEST

}  // namespace

CHECK_MAIN("gzip", round_trips, keeps_what_cannot_be_packed, is_destroyed_unfinished)
