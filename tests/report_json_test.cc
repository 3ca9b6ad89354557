#include "top/report_json.h"

#include "base/json_reader.h"
#include "tests/check.h"
#include "tests/top_pages.h"

using namespace kubepulse;  // NOLINT

namespace {

void check_json(const std::string& text) {
  JsonReader reader;
  reader.feed(text);
  reader.finish();
  JsonToken token = reader.next();
  while (token != JsonToken::end && token != JsonToken::error)
    token = reader.next();
  ck_assert_msg(token == JsonToken::end, "%s", reader.status().message().c_str());
}

START_TEST(one_object) {
  Growth growth = growth_of_pages(std::string(kFirstPage), second_page() + std::string(kFlowsPage));
  View view;
  view.growth = &growth;
  view.from = "unix:/run/kubepulse/metrics";
  view.rows_max = 1;
  std::string text = report_json(view, 1790000000000000000);
  check_json(text);
  CHECK_TEXT(
      text,
      R"({"node":"n1","version":"0.4.0","from":"unix:/run/kubepulse/metrics",)"
      R"("time":"2026-09-21T14:13:20.000000Z","interval_seconds":2,"bytes_of":"tcp_payload",)"
      R"("samples_left_out":0,"daemon":{"workloads":2,"series":150,"events":60,)"
      R"("events_per_second":30,"events_lost":0,"events_lost_in_all":1,"overflow":{"packets":10},)"
      R"("cpu_seconds":0.01,"resident_bytes":3145728},"workloads":[{"namespace":"shop",)"
      R"("pod":"web-0","connections":12,"connections_per_second":6,"connections_out":12,)"
      R"("connections_in":0,"connect_failures":2,"connect_failures_per_second":1,)"
      R"("connect_latency_p50_seconds":0.001,"connect_latency_p95_seconds":0.0091,)"
      R"("rtt_p50_seconds":null,"dns_queries":4,"dns_queries_per_second":2,"dns_responses":4,)"
      R"("dns_nxdomain":1,"dns_nxdomain_share":0.25,"received_bytes":10240,)"
      R"("received_bytes_per_second":5120,"sent_bytes":2048,"sent_bytes_per_second":1024,)"
      R"("tcp_received_bytes":10240,"tcp_sent_bytes":2048,"dropped_packets":1,)"
      R"("dropped_packets_per_second":0.5,"retransmits":0,"retransmits_per_second":0}],)"
      R"("flows":[{"namespace":"shop","pod":"web-0","peer_namespace":"shop","peer":"db",)"
      R"("direction":"out","protocol":"tcp","bytes":4096,"bytes_per_second":2048,"packets":8,)"
      R"("packets_per_second":4}]})"
      "\n");
}
END_TEST

START_TEST(all_rows_and_any_names) {
  Growth growth = growth_of_pages("", R"(kubepulse_tcp_sent_bytes_total{namespace="a\nb",pod="\"\\)"
                                      "\x9b"
                                      R"("} 1
kubepulse_tcp_sent_bytes_total{namespace="c",pod="d"} 1
)");
  View view;
  view.growth = &growth;
  std::string text = report_json(view, 0);
  check_json(text);
  ck_assert(text.find('\n') == text.size() - 1);
  ck_assert_msg(text.find(R"("namespace":"a\u000ab","pod":"\"\\)") != text.npos, "%s",
                text.c_str());
  ck_assert(text.find(R"("namespace":"c")") != text.npos);
  ck_assert(text.find(R"("flows":[]})") != text.npos);
}
END_TEST

}  // namespace

CHECK_MAIN("report_json", one_object, all_rows_and_any_names)
