#include "top/growth.h"

#include <cmath>
#include <limits>

#include "tests/check.h"
#include "tests/top_pages.h"

using namespace kubepulse;  // NOLINT

namespace {

const RowGrowth& row(const Growth& growth, const std::string& key) {
  for (const RowGrowth& each : growth.workloads)
    if (each.key == key) return each;
  ck_abort_msg("no row %s", key.c_str());
}

bool near(double a, double b) {
  return std::fabs(a - b) < 1e-9;
}

START_TEST(between_pages) {
  Growth growth = growth_of_pages(std::string(kFirstPage), second_page());
  ck_assert(growth.seconds == 2 && !growth.has_packets && !growth.has_flows);
  ck_assert_uint_eq(growth.workloads.size(), 3);
  const RowGrowth& web = row(growth, "shop\nweb-0");
  CHECK_TEXT(web.label(kNamespace) + "|" + web.label(kPod), "shop|web-0");
  double want[kFigures] = {12, 0, 2, 10240, 2048, 0, 4, 4, 1, 0, 0, 1};
  for (size_t i = 0; i < kFigures; i++)
    ck_assert_msg(web.grown[i] == want[i], "%zu: %f", i, web.grown[i]);
  // 6 of 12 up to 1 ms, the other 6 up to 10 ms.
  ck_assert(near(web.grown[kConnectP50], 0.001));
  ck_assert(near(web.grown[kConnectP95], 0.001 + 0.009 * 5.4 / 6));
  ck_assert(web.grown[kRoundTripP50] == kNothing);
  ck_assert(web.grown[kNxdomainShare] == 0.25);
  const RowGrowth& still = row(growth, "systemd\nsshd.service");
  ck_assert(still.grown[kConnections] == 0 && still.grown[kNxdomainShare] == kNothing);
  // What is new has grown from 0.
  ck_assert(row(growth, "docker\nf7a1b2c3d4e5").grown[kConnections] == 4);
}
END_TEST

START_TEST(of_the_daemon) {
  Growth growth = growth_of_pages(std::string(kFirstPage), second_page());
  ck_assert(growth.events == 60 && growth.events_lost == 0 && growth.daemon.events_lost == 1);
  ck_assert(near(growth.cpu_seconds, 0.01));
  // What filters leave out is not lost.
  ck_assert_uint_eq(growth.daemon.overflow.size(), 1);
  CHECK_TEXT(growth.daemon.overflow[0].table, "packets");
  ck_assert(growth.daemon.overflow[0].count == 10);
}
END_TEST

START_TEST(flows) {
  std::string page(kFlowsPage);
  Growth growth = growth_of_pages(page, replaced(page, "} 4096", "} 5096"));
  ck_assert(growth.has_flows);
  ck_assert_uint_eq(growth.flows.size(), 1);
  const RowGrowth& flow = growth.flows[0];
  ck_assert(flow.grown[kFlowBytes] == 1000 && flow.grown[kFlowPackets] == 0);
  CHECK_TEXT(flow.label(kPeerNamespace) + "|" + flow.label(kPeer) + "|" + flow.label(kDirection) +
                 "|" + flow.label(kProtocol),
             "shop|db|out|tcp");
}
END_TEST

// A series that ended and came again; a whole histogram with it.
START_TEST(went_back) {
  Growth growth = growth_of_pages(second_page(), std::string(kFirstPage));
  const RowGrowth& web = row(growth, "shop\nweb-0");
  ck_assert(web.grown[kConnectionsOut] == 20 && web.grown[kTcpReceivedBytes] == 5000);
  ck_assert(near(web.grown[kConnectP50], 0.001));
  ck_assert_uint_eq(growth.workloads.size(), 2);
}
END_TEST

START_TEST(runs) {
  std::string page(kFirstPage);
  ck_assert(is_same_run(snapshot_of(page), snapshot_of(second_page())));
  for (const auto& [what, with] : {std::pair{"1790000000.25", "1790000001.25"},
                                   {"le=\"0.01\"", "le=\"0.02\""},
                                   {"node=\"n1\"", "node=\"n2\""}})
    ck_assert_msg(!is_same_run(snapshot_of(page), snapshot_of(replaced(page, what, with))), "%s",
                  what);
}
END_TEST

START_TEST(quantiles) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  std::vector<double> bounds{1, 2, 4, kInf};
  auto of = [&](double share, std::initializer_list<double> counts) {
    return quantile(share, bounds, counts.begin());
  };
  ck_assert(near(of(0.5, {10, 10, 10, 10}), 0.5));
  ck_assert(near(of(0.95, {10, 10, 10, 10}), 0.95));
  ck_assert(near(of(0.5, {0, 0, 10, 10}), 3));
  ck_assert(near(of(0.5, {2, 2, 10, 10}), 2.75));
  ck_assert(near(of(0.5, {5, 5, 10, 10}), 1));
  // Beyond the last bound: that is all that is known.
  ck_assert(near(of(0.5, {0, 0, 0, 10}), 4));
  ck_assert(of(0.5, {0, 0, 0, 0}) == kNothing);
  // No buckets: they fall, rise out of order, have no +Inf, or are none.
  ck_assert(of(0.5, {5, 4, 5, 5}) == kNothing);
  double counts[] = {1, 1, 1, 1};
  ck_assert(quantile(0.5, {2, 1, 4, kInf}, counts) == kNothing);
  ck_assert(quantile(0.5, {1, 2, 4, 8}, counts) == kNothing);
  ck_assert(quantile(0.5, {kInf}, counts) == kNothing);
  ck_assert(quantile(0.5, {}, counts) == kNothing);
}
END_TEST

}  // namespace

CHECK_MAIN("growth", between_pages, of_the_daemon, flows, went_back, runs, quantiles)
