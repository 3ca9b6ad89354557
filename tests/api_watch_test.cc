#include "identity/api_watch.h"

#include <algorithm>
#include <string>
#include <vector>

#include "identity/pod_reader.h"
#include "identity/service_reader.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

using Type = ApiWatchReader::Event::Type;

// What was told, one after the other, with the pieces of that size.
struct Told {
  std::string text;
  Status status;
  bool on = true;
};

Told watch(std::string_view stream, size_t piece_bytes = SIZE_MAX) {
  Told told;
  PodReader pod;
  ApiWatchReader reader(pod, [&](const ApiWatchReader::Event& event) {
    const char* const kNames[] = {"changed", "deleted", "bookmark", "error", "other"};
    told.text += kNames[static_cast<int>(event.type)];
    told.text +=
        " " + std::string(pod.pod().name.view()) + " @" + std::string(event.resource_version);
    if (event.code != 0)
      told.text += " " + std::to_string(event.code) + " " + std::string(event.message);
    told.text += "\n";
    return event.type != Type::error;
  });
  while (!stream.empty() && told.on) {
    std::vector<char> piece(stream.begin(), stream.begin() + std::min(piece_bytes, stream.size()));
    stream.remove_prefix(piece.size());
    told.on = reader.feed({piece.data(), piece.size()});
  }
  told.status = reader.status();
  return told;
}

std::string event(const char* type, const std::string& name, const char* version) {
  return std::string(R"({"type":")") + type +
         R"(","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":")" + name +
         R"(","namespace":"shop","uid":"u-)" + name + R"(","resourceVersion":")" + version +
         R"(","managedFields":[{"resourceVersion":"no"}],"labels":{"resourceVersion":"no"}},)"
         R"("spec":{"metadata":{"resourceVersion":"no"},"code":9},)"
         R"("status":{"message":"no","podIP":"10.1.2.3"}}})"
         "\n";
}

START_TEST(a_stream) {
  std::string stream = event("ADDED", "a", "11") + event("MODIFIED", "a", "12") +
                       event("DELETED", "a", "13") +
                       R"({"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1",)"
                       R"("metadata":{"resourceVersion":"20","creationTimestamp":null},)"
                       R"("spec":{"containers":null},"status":{}}})"
                       "\n" +
                       event("NEW", "b", "21");
  const char* want = "changed a @11\nchanged a @12\ndeleted a @13\nbookmark  @20\nother b @21\n";
  for (size_t piece_bytes : {SIZE_MAX, size_t{100}, size_t{7}, size_t{1}}) {
    Told told = watch(stream, piece_bytes);
    CHECK_TEXT(told.text, want);
    ck_assert(told.on && told.status.ok());
  }
  // Nothing need stand between them, and half of one is none.
  CHECK_TEXT(
      watch(R"({"object":{"metadata":{"name":"b"}},"type":"ADDED"}{"type":"ADDED","ob)").text,
      "changed b @\n");
}
END_TEST

START_TEST(errors) {
  std::string gone =
      R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":)"
      R"x("Failure","message":"too old resource version: 5 (9)","reason":"Expired","code":410}})x";
  Told told = watch(event("ADDED", "a", "11") + gone + event("ADDED", "b", "12"));
  CHECK_TEXT(told.text, "changed a @11\nerror  @ 410 too old resource version: 5 (9)\n");
  ck_assert(!told.on && told.status.ok());
}
END_TEST

START_TEST(junk) {
  struct {
    const char* stream;
    const char* status;
  } const kCases[] = {
      {"[]", "the watch: not an object, so no event"},
      {"7 ", "the watch: not an object, so no event"},
      {"\"x\"", "the watch: not an object, so no event"},
      {"<html>", "the watch: byte 0: a value was expected"},
      {"{}", "the watch: an event without a type or an object"},
      {R"({"type":"ADDED"})", "the watch: an event without a type or an object"},
      {R"({"type":"ADDED","object":null})", "the watch: an event without a type or an object"},
      {R"({"type":"ADDED","object":[{}]})", "the watch: an event without a type or an object"},
      {R"({"object":{}})", "the watch: an event without a type or an object"},
      {R"({"type":"ADDED","object":{"a":]}})", "the watch: byte 30: a value was expected"},
  };
  for (const auto& each : kCases) {
    for (size_t piece_bytes : {SIZE_MAX, size_t{1}}) {
      Told told =
          watch(event("ADDED", "a", "1") + each.stream + event("ADDED", "b", "1"), piece_bytes);
      CHECK_TEXT(told.text, "changed a @1\n");
      ck_assert(!told.on && !told.status.ok());
    }
    Told alone = watch(each.stream);
    CHECK_TEXT(alone.status.message(), each.status);
  }
}
END_TEST

// Its object has a bound, the stream has none.
START_TEST(long_ones) {
  PodReader pod;
  size_t events = 0;
  ApiWatchReader reader(pod, [&](const ApiWatchReader::Event&) { return ++events > 0; });
  std::string spaces(size_t{1} << 20, ' ');
  for (int i = 0; i < 20; i++)
    ck_assert(reader.feed(R"({"type":"ADDED","object":{"a":)" + spaces + "1}}" + spaces));
  ck_assert_uint_eq(events, 20);
  ck_assert(reader.feed(R"({"type":"ADDED","object":{"a":")"));
  int fed = 0;
  while (reader.feed(spaces))
    fed++;
  ck_assert_int_eq(fed, 7);
  CHECK_TEXT(reader.status().message(), "the watch: an object is longer than any should be");
  ck_assert(!reader.feed("\"}}"));
  ck_assert_uint_eq(reader.events(), 20);
}
END_TEST

}  // namespace

CHECK_MAIN("api_watch", a_stream, errors, junk, long_ones)
