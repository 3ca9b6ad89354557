// The part of the harness that compares.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "tests/check.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"

namespace kubepulse::live {

namespace {

constexpr const char* kRetransmits = "kubepulse_tcp_retransmits_total";

struct Row {
  const char* key;
  const char* metric;
  const char* label;  // null: none
  const char* value;
};
constexpr Row kTcpRows[] = {
    {"out", "kubepulse_tcp_connections_total", "direction", "out"},
    {"in", "kubepulse_tcp_connections_total", "direction", "in"},
    {"active_out", "kubepulse_tcp_connections_active", "direction", "out"},
    {"active_in", "kubepulse_tcp_connections_active", "direction", "in"},
    {"handshakes", "kubepulse_tcp_connect_latency_seconds_count", nullptr, nullptr},
    {"lifetimes", "kubepulse_tcp_latency_seconds_count", nullptr, nullptr},
    {"refused", "kubepulse_tcp_connect_failures_total", "reason", "refused"},
    {"timeout", "kubepulse_tcp_connect_failures_total", "reason", "timeout"},
    {"unreachable", "kubepulse_tcp_connect_failures_total", "reason", "unreachable"},
    {"reset", "kubepulse_tcp_connect_failures_total", "reason", "reset"},
    {"canceled", "kubepulse_tcp_connect_failures_total", "reason", "canceled"},
    {"other", "kubepulse_tcp_connect_failures_total", "reason", "other"},
    {"sent", "kubepulse_tcp_sent_bytes_total", nullptr, nullptr},
    {"received", "kubepulse_tcp_received_bytes_total", nullptr, nullptr},
    {"retransmits", kRetransmits, nullptr, nullptr},
    {"reset_sent", "kubepulse_tcp_resets_total", "direction", "sent"},
    {"reset_received", "kubepulse_tcp_resets_total", "direction", "received"},
};

// What of `wants` the page does not say, empty where it says all.
std::string difference(const Page& page, const std::vector<Want>& wants) {
  constexpr size_t kTextMax = 2000;  // of what Check takes
  std::string text;
  for (const Want& want : wants) {
    if (text.size() > kTextMax) return text + "\n  ...";
    double got = page.value(want.name, want.labels);
    if (got == want.value) continue;
    // None of the test's own making, but the kernel counts some, too.
    if (want.value == 0 && want.name == kRetransmits && got <= double(retransmits_in_test()))
      continue;
    Sample sample{want.name, want.labels, want.value};
    text += "\n  want " + sample.text();
    char number[40];
    snprintf(number, sizeof number, ", got %.9g", got);
    text += number;
  }
  return text;
}

// Where it fails, the message has all of the first owner, and where else the rest may have gone.
void check_page(const Page& page, const std::vector<Want>& wants, const char* when) {
  std::string text = difference(page, wants);
  if (text.empty()) return;
  Labels owner;
  for (const auto& label : wants.front().labels)
    if (label.first == "namespace" || label.first == "pod") owner.push_back(label);
  text += "\n" + page.text_of(owner) + page.text_of({{"namespace", "unknown"}});
  for (const Sample& sample : page.samples())
    for (const char* loss : {"kubepulse_events_dropped", "kubepulse_overflow", "kubepulse_attrib"})
      if (sample.value != 0 && sample.name.compare(0, strlen(loss), loss) == 0)
        text += "  " + sample.text() + "\n";
  ck_abort_msg("%s%.7000s", when, text.c_str());  // Check cuts what is over BUFSIZ, 8 KiB
}

Labels with(Labels labels, const char* name, const std::string& value) {
  labels.emplace_back(name, value);
  return labels;
}

}  // namespace

void expect(const Daemon& daemon, const std::vector<Want>& wants) {
  // Also where the machine stands still for some seconds.
  uint64_t give_up_ns = monotonic_ns() + 8 * kNsPerSecond;
  Page page = daemon.scrape();
  while (!difference(page, wants).empty() && monotonic_ns() < give_up_ns) {
    sleep_ms(10);
    page = daemon.scrape();
  }
  check_page(page, wants, "");
  sleep_ms(100);
  check_page(daemon.scrape(), wants, "100 ms later:");
}

std::vector<Want> tcp_wants(const Owner& owner, const Counts& counts, const Words& but) {
  std::vector<Want> wants;
  Counts left = counts;
  for (const Row& row : kTcpRows) {
    if (std::find(but.begin(), but.end(), row.key) != but.end()) continue;
    Labels labels = owner.labels();
    if (row.label != nullptr) labels.emplace_back(row.label, row.value);
    auto count = left.find(row.key);
    wants.push_back({row.metric, labels, count == left.end() ? 0 : double(count->second)});
    if (count != left.end()) left.erase(count);
  }
  ck_assert_msg(left.empty(), "the test asks for an unknown \"%s\"",
                left.empty() ? "" : left.begin()->first.c_str());
  return wants;
}

void expect_tcp(const Daemon& daemon, const Owner& owner, const Counts& counts, const Words& but) {
  expect(daemon, tcp_wants(owner, counts, but));
}

void expect_dns(const Daemon& daemon, const Owner& owner, const DnsCounts& counts) {
  std::vector<Want> wants;
  uint64_t queries = 0, answers = 0;
  for (const auto& [domain, count] : counts.domains) {
    wants.push_back({"kubepulse_dns_queries_total", with(owner.labels(), "domain", domain),
                     static_cast<double>(count)});
    queries += count;
  }
  for (const auto& [rcode, count] : counts.rcodes) {
    wants.push_back({"kubepulse_dns_responses_total", with(owner.labels(), "rcode", rcode),
                     static_cast<double>(count)});
    answers += count;
  }
  wants.push_back({"kubepulse_dns_queries_total", owner.labels(), double(queries)});
  wants.push_back({"kubepulse_dns_responses_total", owner.labels(), double(answers)});
  wants.push_back({"kubepulse_dns_timeouts_total", owner.labels(), double(counts.timeouts)});
  wants.push_back(
      {"kubepulse_dns_latency_seconds_count", owner.labels(), double(counts.latencies)});
  expect(daemon, wants);
}

std::string flavour_of(const Daemon& daemon, const std::string& signal) {
  Page page = daemon.scrape();
  for (const Sample& sample : page.samples())
    if (sample.name == "kubepulse_bpf_program_attached" && sample.value == 1 &&
        *sample.label("program") == signal)
      return *sample.label("flavour");
  return "";
}

bool knows_the_gone(const Daemon& daemon) {
  return !flavour_of(daemon, "cgroup_mkdir").empty();
}

void check_histogram(const Page& page, const std::string& name, const Owner& owner, uint64_t count,
                     double min_s, double max_s) {
  int buckets = 0;
  for (const Sample& sample : page.samples()) {
    if (sample.name != name + "_bucket" || !sample.has_all(owner.labels())) continue;
    buckets++;
    const std::string& text = *sample.label("le");
    double bound = text == "+Inf" ? INFINITY : strtod(text.c_str(), nullptr);
    if (bound < min_s)
      ck_assert_msg(sample.value == 0, "%s, all above %g", sample.text().c_str(), min_s);
    if (bound >= max_s)
      ck_assert_msg(sample.value == double(count), "%s, %d below %g", sample.text().c_str(),
                    int(count), max_s);
  }
  ck_assert_msg(buckets > 0, "no buckets of %s", name.c_str());
  double sum = page.value(name + "_sum", owner.labels());
  ck_assert_msg(sum >= min_s * double(count) && sum <= max_s * double(count),
                "the sum of %s is %g, not in %d times [%g, %g]", name.c_str(), sum, int(count),
                min_s, max_s);
}

}  // namespace kubepulse::live
