#include "top/view.h"

#include "tests/check.h"
#include "tests/top_pages.h"

using namespace kubepulse;  // NOLINT

namespace {

View view_of(const Growth& growth) {
  View view;
  view.growth = &growth;
  view.from = "http://127.0.0.1:9090/metrics";
  return view;
}

Growth with_flows() {
  return growth_of_pages(std::string(kFirstPage), second_page() + std::string(kFlowsPage));
}

// Headings are marked by "#".
std::string screen(const View& view, size_t width, size_t height) {
  std::string text;
  std::vector<ScreenLine> lines = screen_lines(view, width, height);
  ck_assert_uint_le(lines.size(), height);
  for (const ScreenLine& line : lines) {
    ck_assert_uint_le(line.text.size(), width);
    text += (line.heading ? "#" : "") + line.text + "\n";
  }
  return text;
}

START_TEST(text) {
  Growth growth = with_flows();
  CHECK_TEXT(
      table_text(view_of(growth)),
      "kubepulse 0.4.0 on n1, http://127.0.0.1:9090/metrics: 2 workloads, 150 series, CPU 0.5 %, "
      "RSS 3M\n"
      "events 30/s, lost 0/s (1 in all); beyond bounds: packets 5/s\n"
      "IN/S, OUT/S: TCP payload alone; sorted by bytes\n"
      "\n"
      "NAMESPACE   POD          CONN/S FAIL/S    P50    P95  DNS/S    NX%   IN/S  OUT/S DROP/S "
      "RETR/S    RTT\n"
      "shop        web-0             6      1    1ms  9.1ms      2     25     5K     1K    0.5   "
      "   0      -\n"
      "docker      f7a1b2c3d4e5      2      0      -      -      0      -      0      0      0   "
      "   0      -\n"
      "systemd     sshd.service      0      0      -      -      0      -      0      0      0   "
      "   0      -\n"
      "\n"
      "WORKLOAD                 PEER                     BYTES/S PKTS/S    DIR  PROTO\n"
      "shop/web-0               shop/db                      2K      4    out    tcp\n"
      "shop/web-0               external                    300    1.5     in    udp\n");
  View few = view_of(growth);
  few.rows_max = 1;
  std::string text = table_text(few);
  ck_assert(text.find("2 more\n") != text.npos && text.find("1 more\n") != text.npos);
  ck_assert(text.find("sshd") == text.npos && text.find("external") == text.npos);
}
END_TEST

START_TEST(without_flows) {
  Growth growth = growth_of_pages(std::string(kFirstPage), second_page());
  std::string text = table_text(view_of(growth));
  ck_assert(text.find("\n\nno flows on the page of this daemon\n") != text.npos);
  std::string drawn = screen(view_of(growth), 80, 24);
  ck_assert(drawn.find("\n\nno flows on the page of this daemon\n") != drawn.npos);
}
END_TEST

START_TEST(screens) {
  Growth growth = with_flows();
  CHECK_TEXT(screen(view_of(growth), 80, 14),
             "kubepulse 0.4.0 on n1, http://127.0.0.1:9090/metrics: 2 workloads, 150 series, C\n"
             "events 30/s, lost 0/s (1 in all); beyond bounds: packets 5/s\n"
             "IN/S, OUT/S: TCP payload alone; sorted by bytes\n"
             "#NAMESPACE   POD          CONN/S FAIL/S    P50    P95  DNS/S    NX%   IN/S  OUT/S\n"
             "shop        web-0             6      1    1ms  9.1ms      2     25     5K     1K\n"
             "docker      f7a1b2c3d4e5      2      0      -      -      0      -      0      0\n"
             "systemd     sshd.service      0      0      -      -      0      -      0      0\n"
             "\n"
             "#WORKLOAD                 PEER                     BYTES/S PKTS/S    DIR  PROTO\n"
             "shop/web-0               shop/db                      2K      4    out    tcp\n"
             "\n\n\n"
             "q quit  r reverse  space pause  h help  sort: b c f 5 9 d n i o p t l a\n");
  CHECK_TEXT(screen(view_of(growth), 40, 8),
             "kubepulse 0.4.0 on n1, http://127.0.0.1:\n"
             "events 30/s, lost 0/s (1 in all); beyond\n"
             "IN/S, OUT/S: TCP payload alone; sorted b\n"
             "#NAMESPACE   POD          CONN/S FAIL/S\n"
             "shop        web-0             6      1\n"
             "docker      f7a1b2c3d4e5      2      0\n"
             "systemd     sshd.service      0      0\n"
             "q quit  r reverse  space pause  h help  \n");
}
END_TEST

START_TEST(any_size) {
  Growth growth = with_flows();
  for (bool help : {false, true})
    for (size_t width = 0; width < 130; width += width < 30 ? 1 : 10)
      for (size_t height = 0; height < 40; height++) {
        View view = view_of(growth);
        view.controls.help = help;
        screen(view, width, height);
        view.growth = nullptr;
        screen(view, width, height);
      }
}
END_TEST

START_TEST(states) {
  View view;
  view.from = "a daemon of its own";
  CHECK_TEXT(screen(view, 60, 4),
             "kubepulse, a daemon of its own\n\nwaiting for two pages ...\n"
             "q quit  r reverse  space pause  h help  sort: b c f 5 9 d n \n");
  Growth growth = with_flows();
  growth.left_out = 7;
  view = view_of(growth);
  view.controls.paused = view.controls.reverse = true;
  std::string drawn = screen(view, 100, 8);
  ck_assert(drawn.find("sorted by bytes, reversed; PAUSED; not shown: 7 samples\n") != drawn.npos);
  view.trouble = "it is gone\x1b[2J; trying again";
  drawn = screen(view, 100, 8);
  ck_assert(drawn.find("\n! it is gone?[2J; trying again\n") != drawn.npos);
  view.controls.help = true;
  drawn = screen(view, 100, 24);
  ck_assert(drawn.find("r  turns the order around") != drawn.npos);
  ck_assert(drawn.find("web-0") == drawn.npos);
}
END_TEST

std::string order(Growth& growth, SortBy by, bool reverse = false) {
  View view = view_of(growth);
  view.controls.sort = by;
  view.controls.reverse = reverse;
  std::string pods;
  for (const RowGrowth* each : sorted_workloads(view, 0))
    pods += each->label(kPod) + " ";
  return pods;
}

START_TEST(orders) {
  Growth growth = with_flows();
  CHECK_TEXT(order(growth, SortBy::connections), "web-0 f7a1b2c3d4e5 sshd.service ");
  CHECK_TEXT(order(growth, SortBy::connections, true), "sshd.service f7a1b2c3d4e5 web-0 ");
  CHECK_TEXT(order(growth, SortBy::name), "f7a1b2c3d4e5 web-0 sshd.service ");
  for (SortBy by : {SortBy::bytes, SortBy::failures, SortBy::p50, SortBy::p95, SortBy::dns,
                    SortBy::nxdomain, SortBy::received, SortBy::sent, SortBy::drops})
    CHECK_TEXT(order(growth, by), "web-0 f7a1b2c3d4e5 sshd.service ");
  growth.workloads[1].grown[kRetransmits] = 1;
  CHECK_TEXT(order(growth, SortBy::retransmits), "sshd.service f7a1b2c3d4e5 web-0 ");
  growth.workloads[2].grown[kRoundTripP50] = 1;
  CHECK_TEXT(order(growth, SortBy::rtt), "f7a1b2c3d4e5 web-0 sshd.service ");
}
END_TEST

// Nothing that a page says can steer the terminal.
START_TEST(hostile_names) {
  std::string page = R"(kubepulse_build_info{node="n\n1",version="]0;x)"
                     "\x07"
                     R"("} 1
kubepulse_overflow_total{table="a)"
                     "\x1b"
                     R"([2J"} 3
kubepulse_tcp_sent_bytes_total{namespace="a\nb",pod=")"
                     "\xc2\x9b"
                     "\x1b"
                     R"(]x"} 1
kubepulse_flow_bytes_total{namespace="a",pod=")"
                     "\x9b"
                     R"(",peer="\r",direction=")"
                     "\x1b"
                     R"([1m"} 1
)";
  Growth growth = growth_of_pages("", page);
  View view = view_of(growth);
  for (char c : table_text(view) + screen(view, 200, 40))
    ck_assert_msg(c == '\n' || (c >= 0x20 && c < 0x7F), "%d", c);
}
END_TEST

}  // namespace

CHECK_MAIN("view", text, without_flows, screens, any_size, states, orders, hostile_names)
