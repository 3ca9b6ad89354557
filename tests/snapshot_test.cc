#include "top/snapshot.h"

#include "tests/check.h"
#include "tests/top_pages.h"

using namespace kubepulse;  // NOLINT

namespace {

double figure(const Snapshot& page, const char* key, size_t which) {
  const double* row = page.workloads().find(key);
  ck_assert_msg(row != nullptr, "no row %s", key);
  return row[which];
}

START_TEST(workloads) {
  Snapshot page = snapshot_of(kFirstPage);
  ck_assert_uint_eq(page.workloads().size(), 2);
  const char* web = "shop\nweb-0";
  double want[kFigures] = {20, 5, 3, 5000, 1000, 3, 4, 4, 1, 0, 0, 2};
  for (size_t i = 0; i < kFigures; i++)
    ck_assert_msg(figure(page, web, i) == want[i], "%zu: %f", i, figure(page, web, i));
  ck_assert(figure(page, "systemd\nsshd.service", kConnectionsIn) == 7);
  ck_assert(page.workloads().find("shop\nweb-1") == nullptr);
  ck_assert_uint_eq(page.bounds().size(), 3);
  ck_assert(page.bounds()[0] == 0.001 && page.bounds()[1] == 0.01);
  ck_assert(figure(page, web, kConnectBuckets) == 10);
  ck_assert(figure(page, web, kConnectBuckets + 2) == 20);
  ck_assert(figure(page, web, kRoundTripBuckets) == 0);
  ck_assert(page.is_ours() && !page.has_packets() && !page.has_flows());
  ck_assert_uint_eq(page.left_out(), 0);
}
END_TEST

START_TEST(daemon) {
  Snapshot page = snapshot_of(kFirstPage);
  const Snapshot::Daemon& daemon = page.daemon();
  CHECK_TEXT(daemon.node, "n1");
  CHECK_TEXT(daemon.version, "0.4.0");
  ck_assert(daemon.events == 108 && daemon.events_lost == 1);
  ck_assert(daemon.workloads == 2 && daemon.series == 150);
  ck_assert(daemon.cpu_seconds == 1.5 && daemon.resident_bytes == 3145728);
  ck_assert(daemon.start_seconds == 1790000000.25);
  ck_assert_uint_eq(daemon.overflow.size(), 2);
  CHECK_TEXT(daemon.overflow[1].table, "packets");
  ck_assert(daemon.overflow[1].count == 6);
}
END_TEST

START_TEST(packets_and_flows) {
  Snapshot page = snapshot_of(
      std::string(kFlowsPage) +
      R"(kubepulse_packet_bytes_total{namespace="a",pod="b",node="n",direction="in",protocol="tcp"} 5
kubepulse_packet_bytes_total{namespace="a",pod="b",node="n",direction="in",protocol="udp"} 6
kubepulse_packet_bytes_total{namespace="a",pod="b",node="n",direction="out",protocol="udp"} 7
)");
  ck_assert(page.has_packets() && page.has_flows() && !page.is_ours());
  ck_assert(figure(page, "a\nb", kPacketBytesIn) == 11);
  ck_assert(figure(page, "a\nb", kPacketBytesOut) == 7);
  ck_assert_uint_eq(page.flows().size(), 3);
  const double* flow = page.flows().find("shop\nweb-0\nshop\ndb\nout\ntcp");
  ck_assert(flow != nullptr && flow[kFlowBytes] == 4096 && flow[kFlowPackets] == 8);
}
END_TEST

START_TEST(cleared) {
  Snapshot page = snapshot_of(kFirstPage);
  page.clear();
  ck_assert(page.workloads().size() == 0 && page.bounds().empty() && !page.is_ours());
  ck_assert(page.workloads().find("shop\nweb-0") == nullptr);
  page.take({"kubepulse_tcp_sent_bytes_total", R"(namespace="shop",pod="web-0")", "3"});
  ck_assert(figure(page, "shop\nweb-0", kTcpSentBytes) == 3);
  ck_assert(figure(page, "shop\nweb-0", kConnectionsOut) == 0);
}
END_TEST

// Any order of families and labels; values that no counter has.
START_TEST(strange_pages) {
  Snapshot page;
  for (const char* value : {"NaN", "-1", "1e300", "+Inf", "x"})
    page.take({"kubepulse_tcp_sent_bytes_total", R"(namespace="a",pod="b")", value});
  ck_assert_uint_eq(page.workloads().size(), 0);
  page.take({"kubepulse_tcp_sent_bytes_total", R"(pod="b",namespace="a")", "1"});
  page.take({"kubepulse_tcp_sent_bytes_total", R"(pod="c",namespace="a")", "2"});
  page.take({"kubepulse_tcp_retransmits_total", R"(pod="c",namespace="a")", "3"});
  page.take({"kubepulse_tcp_retransmits_total", R"(pod="b",namespace="a")", "4"});
  ck_assert(figure(page, "a\nb", kTcpSentBytes) == 1 && figure(page, "a\nb", kRetransmits) == 4);
  ck_assert(figure(page, "a\nc", kTcpSentBytes) == 2 && figure(page, "a\nc", kRetransmits) == 3);
}
END_TEST

START_TEST(bounds) {
  Snapshot page;
  for (size_t i = 0; i < Snapshot::kWorkloadsMax + 10; i++) {
    std::string labels = "namespace=\"a\",pod=\"" + std::to_string(i) + "\"";
    page.take({"kubepulse_tcp_sent_bytes_total", labels, "1"});
  }
  ck_assert_uint_eq(page.workloads().size(), Snapshot::kWorkloadsMax);
  ck_assert_uint_eq(page.left_out(), 10);
  for (size_t i = 0; i < kBoundsMax + 5; i++) {
    std::string labels = "namespace=\"a\",pod=\"1\",le=\"" + std::to_string(i) + "\"";
    page.take({"kubepulse_tcp_rtt_seconds_bucket", labels, "1"});
  }
  ck_assert_uint_eq(page.bounds().size(), kBoundsMax);
  ck_assert_uint_eq(page.left_out(), 15);
  for (size_t i = 0; i < Snapshot::kTablesMax + 5; i++)
    page.take({"kubepulse_overflow_total", "table=\"" + std::to_string(i) + "\"", "1"});
  ck_assert_uint_eq(page.daemon().overflow.size(), Snapshot::kTablesMax);
}
END_TEST

}  // namespace

CHECK_MAIN("snapshot", workloads, daemon, packets_and_flows, cleared, strange_pages, bounds)
