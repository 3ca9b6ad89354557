#include "identity/api_question.h"

#include <string>

#include "tests/check.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

using Kind = ServerOutcome::Kind;

START_TEST(what_could_never_work) {
  ApiServerSettings settings;
  settings.url = "nonsense";
  ck_assert(!check_api_server(settings).ok());
  settings.url = "http://10.0.0.1:1";
  CHECK_OK(check_api_server(settings));
  settings.url = "https://10.0.0.1:6443";
#ifdef KUBEPULSE_TLS
  CHECK_OK(check_api_server(settings));
#else
  CHECK_TEXT(check_api_server(settings).message(),
             "https://10.0.0.1:6443: this build has no TLS; take one made with `make TLS=1`");
#endif
}
END_TEST

START_TEST(as_whom) {
  Folder folder;
  ApiServerSettings settings;
  settings.url = "http://10.0.0.1:8080/prefix/";
  settings.service_account = folder.path("none");
  settings.limits.idle_ns = 7;
  ApiAsker asker;
  auto made = api_question(settings, asker);
  CHECK_OK(made.ok() ? Status() : made.status());
  CHECK_TEXT(made.value().url.path, "/prefix");
  CHECK_TEXT(made.value().bearer, "");
  ck_assert_uint_eq(made.value().limits.idle_ns, 7);
  CHECK_TEXT(asker.url, "http://10.0.0.1:8080/prefix");
  ck_assert(asker.token_from.empty() && !asker.has_certificate);

  settings.token_file = folder.write("token", "secret\n");
  made = api_question(settings, asker);
  CHECK_TEXT(made.value().bearer, "secret");
  CHECK_TEXT(asker.token_from, settings.token_file);

  settings.token_file = folder.path("gone");
  made = api_question(settings, asker);
  ck_assert(!made.ok());
  CHECK_TEXT(made.status().message(), settings.token_file + ": No such file or directory");
}
END_TEST

START_TEST(how_it_went) {
  ApiAsker asker;
  CHECK_TEXT(asker.told(Kind::unreachable, "nobody").reason, "nobody");
  asker.url = "http://a:1";
  CHECK_TEXT(asker.told(Kind::unreachable, "nobody").reason, "http://a:1: nobody");
  CHECK_TEXT(asker.told(Kind::credentials, "no file").reason, "no file");
  HttpClient::Answer answer;
  answer.code = 403;
  answer.refusal = R"({"message":"events is forbidden"})";
  ServerOutcome refused = api_refusal(answer, asker, "the verb list of events");
  ck_assert(refused.kind == Kind::forbidden);
  CHECK_TEXT(
      refused.reason,
      "HTTP status 403, events is forbidden; grant the verb list of events in a ClusterRole");
}
END_TEST

START_TEST(escaped) {
  std::string text = "x=";
  append_escaped(text, "Az09-_.~ /?&%,\xC3\xA4");
  CHECK_TEXT(text, "x=Az09-_.~%20%2F%3F%26%25%2C%C3%A4");
}
END_TEST

}  // namespace

CHECK_MAIN("api_question", what_could_never_work, as_whom, how_it_went, escaped)
