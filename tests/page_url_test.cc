#include "client/page_url.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string url(const char* text) {
  auto result = page_url(text);
  return result.ok() ? result.value() : result.status().message();
}

START_TEST(accepted) {
  CHECK_TEXT(url(kDefaultUrl), kDefaultUrl);
  CHECK_TEXT(url("http://node7:9100/metrics"), "http://node7:9100/metrics");
  CHECK_TEXT(url("http://node7:9100"), "http://node7:9100/metrics");
  CHECK_TEXT(url("node7:9100"), "http://node7:9100/metrics");
  CHECK_TEXT(url(":9100"), "http://127.0.0.1:9100/metrics");
  CHECK_TEXT(url("[::1]:9100/other"), "http://[::1]:9100/other");
  CHECK_TEXT(url("unix:/run/k"), "unix:/run/k");
}
END_TEST

START_TEST(refused) {
  std::string long_path = "unix:/" + std::string(107, 'x');
  for (const char* text : {"https://node7", "http://a b", "unix:run/k", "unix:", long_path.c_str()})
    CHECK_TEXT(url(text), "http://HOST:PORT/metrics, HOST:PORT or unix:/path of at most 107 bytes");
}
END_TEST

}  // namespace

CHECK_MAIN("page_url", accepted, refused)
