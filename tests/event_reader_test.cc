// Events as API servers write them.
#include "identity/event_reader.h"

#include <string>

#include "tests/check.h"
#include "tests/json_pieces.h"

using namespace kubepulse;  // NOLINT

namespace {

void check(const std::string& items, const std::string& want) {
  for (size_t piece_bytes : kPieceBytes) {
    std::string all;
    EventReader reader;
    read_items(reader, items, piece_bytes, [&] {
      const PodEvent& event = reader.event();
      all += std::string(event.reason.view()) + " x" + std::to_string(event.count) + " " +
             std::to_string(event.at_s) + " " + std::string(event.message.view()) + "\n";
    });
    CHECK_TEXT(all, want + "\n");
  }
}

START_TEST(of_a_kubelet) {
  check(
      R"({"metadata":{"name":"web.17","namespace":"shop","creationTimestamp":"2026-11-20T21:00:00Z"},
    "involvedObject":{"kind":"Pod","name":"web","uid":"u","fieldPath":"spec.containers{app}"},
    "reason":"Failed","message":"Failed to pull image \"x:1\": not found",
    "source":{"component":"kubelet","host":"n"},"firstTimestamp":"2026-11-20T21:00:00Z",
    "lastTimestamp":"2026-11-20T21:02:03Z","count":4,"type":"Warning","eventTime":null,
    "reportingComponent":"kubelet","reportingInstance":"n"})",
      "Failed x4 1795208523 Failed to pull image \"x:1\": not found");
}
END_TEST

START_TEST(of_a_scheduler) {
  check(R"({"metadata":{"creationTimestamp":"2026-11-20T21:00:00Z"},"reason":"FailedScheduling",
    "message":"0/3 nodes are available","firstTimestamp":null,"lastTimestamp":null,
    "eventTime":"2026-11-20T21:00:00.123456Z","series":{"count":7,
    "lastObservedTime":"2026-11-20T21:00:59.999999Z"}})",
        "FailedScheduling x7 1795208459 0/3 nodes are available");
}
END_TEST

START_TEST(odd_ones) {
  check("{}", " x1 0 ");
  check(R"({"reason":["a"],"message":7,"count":"4","lastTimestamp":"yesterday","series":[]})",
        " x1 0 ");
  for (const char* count : {"0", "-4", "1.5", "1e3", "99999999999999999999999"})
    check(std::string(R"({"reason":"a","count":)") + count + "}", "a x1 0 ");
  check(R"({"reason":"first","message":"m","count":3},{"reason":"second"})",
        "first x3 0 m\nsecond x1 0 ");
  check(
      R"({"reason":")" + std::string(70, 'r') + R"(","message":")" + std::string(2000, 'm') + "\"}",
      std::string(64, 'r') + " x1 0 " + std::string(127, 'm') + "..." + std::string(126, 'm'));
}
END_TEST

START_TEST(times) {
  ck_assert_uint_eq(seconds_of_time("1970-01-01T00:00:00Z"), 0);
  ck_assert_uint_eq(seconds_of_time("1970-01-01T00:00:01Z"), 1);
  ck_assert_uint_eq(seconds_of_time("1972-02-29T00:00:00Z"), 68169600);
  ck_assert_uint_eq(seconds_of_time("1972-03-01T00:00:00Z"), 68256000);
  ck_assert_uint_eq(seconds_of_time("2000-02-29T12:34:56Z"), 951827696);
  ck_assert_uint_eq(seconds_of_time("2023-12-31T23:59:59.999Z"), 1704067199);
  ck_assert_uint_eq(seconds_of_time("2024-01-01T00:00:00Z"), 1704067200);
  ck_assert_uint_eq(seconds_of_time("2100-03-01T00:00:00Z"), 4107542400);
  for (const char* no : {"", "Z", "2026-11-20", "2026-11-20T21:00:00", "2026-11-20T21:00:00+01:00",
                         "2026-13-20T21:00:00Z", "2026-00-20T21:00:00Z", "2026-11-32T21:00:00Z",
                         "2026-11-20T24:00:00Z", "2026-11-20T21:60:00Z", "2026-11-20t21:00:00Z",
                         "1969-11-20T21:00:00Z", "2026-1-020T21:00:00Z"})
    ck_assert_msg(seconds_of_time(no) == 0, "%s", no);
}
END_TEST

}  // namespace

CHECK_MAIN("event_reader", of_a_kubelet, of_a_scheduler, odd_ones, times)
