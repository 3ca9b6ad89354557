// What anybody may send to port 53, and back from it.
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/dns_wire.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kHost = "127.53.0.1";

// A name of exactly `size` bytes on the wire that ends with .com, of which the registrable domain
// is the last label but one.
std::string long_name(size_t size, std::string& domain) {
  std::vector<std::string> labels(3, std::string(63, 'a'));
  labels.emplace_back(size - 3 * 64 - 1 - 4 - 1, 'b');
  labels.emplace_back("com");
  domain = labels[3] + ".com";
  return dns_labels(labels);
}

// Each with a number of its own where it has one: the same number would be the same query again.
std::vector<std::string> junk_queries() {
  std::string domain;
  uint16_t txid = 0;
  auto named = [&txid](const std::string& name) { return dns_query(++txid, name); };
  auto good = [&named] { return named(dns_name("www.example.com")); };
  std::string no_question = good();
  no_question[5] = 0;
  std::string many_questions = good();
  many_questions[4] = many_questions[5] = '\xFF';
  many_questions.resize(12);
  std::string all_ones(300, '\xFF');
  all_ones[2] = 1;  // a query still
  return {
      "",
      "x",
      std::string(11, '\0'),
      std::string(12, '\0'),
      good().substr(0, 20),                 // cut inside the name
      good().substr(0, good().size() - 3),  // cut behind the name
      no_question,
      many_questions,
      all_ones,
      named(std::string("\xC0\x0C", 2)),     // a pointer to itself
      named(std::string("\1a\xC0\x0C", 4)),  // a loop
      named(std::string("\xC0\xFF", 2)),     // a pointer beyond the end
      named(std::string("\x41"
                        "abc\0",
                        5)),  // a length of no meaning
      named(long_name(256, domain)),
      named(dns_labels({"quote\"back\\slash", "com"})),
      named(dns_labels({"line\nbreak", "com"})),
      named(dns_labels({"\xFF\xFE\x80", "com"})),
      named(dns_labels({std::string("nul\0nul", 7), "com"})),
      named(dns_labels({"a.b", "com"})),
      named(dns_labels({"} 1\nfake_metric 1\n#", "example", "com"})),
      std::string(9000, 'Z'),
  };
}

START_TEST(junk_to_port_53) {
  enter_new_netns().ok();
  Cgroup client = make_unit("junk");
  DnsServer server(make_unit("junk-server"), kHost);
  Fd socket = dns_client(client, server.address());
  std::vector<std::string> all = junk_queries();
  for (const std::string& query : all) {
    send_query(socket, server.address(), query);
    server.take(static_cast<int>(query.size()));
  }
  std::vector<Want> wants;
  Labels labels = client.owner.labels();
  wants.push_back({"kubepulse_dns_queries_total", labels, double(all.size())});
  labels.emplace_back("domain", "invalid");
  wants.push_back({"kubepulse_dns_queries_total", labels, double(all.size())});
  expect(shared_daemon(), wants);
}
END_TEST

START_TEST(longest_name) {
  enter_new_netns().ok();
  Cgroup client = make_unit("longest-name");
  DnsServer server(make_unit("longest-name-server"), kHost);
  std::string domain;
  std::string name = long_name(255, domain);
  ck_assert(name.size() == 255);
  Fd socket = dns_client(client, server.address());
  send_query(socket, server.address(), dns_query(1, name));
  server.take();
  server.answer(kNoError);
  receive_answer(socket);
  expect_dns(shared_daemon(), client.owner, {{{domain, 1}}, {{"NOERROR", 1}}, 1, 0});
}
END_TEST

// Answers of any bytes do no harm to what is counted beside them.
START_TEST(junk_from_port_53) {
  enter_new_netns().ok();
  Cgroup client = make_unit("junk-back");
  DnsServer server(make_unit("junk-back-server"), kHost);
  Fd socket = dns_client(client, server.address());
  send_query(socket, server.address(), dns_query(0x7001, dns_name("example.com")));
  server.take();
  for (const std::string& bytes : junk_queries()) {
    server.send_back(bytes);
    receive_answer(socket);
  }
  server.answer(kNoError);
  receive_answer(socket);
  std::vector<Want> wants;
  Labels labels = client.owner.labels();
  wants.push_back({"kubepulse_dns_queries_total", labels, 1});
  wants.push_back({"kubepulse_dns_latency_seconds_count", labels, 1});
  labels.emplace_back("rcode", "NOERROR");
  wants.push_back({"kubepulse_dns_responses_total", labels, 1});
  expect(shared_daemon(), wants);
}
END_TEST

// More domains than are kept: what exceeds the bound is `other`, and nothing is lost.
START_TEST(domains_beyond_the_bound) {
  constexpr int kDomains = 300;
  enter_new_netns().ok();
  Cgroup client = make_unit("many-domains");
  DnsServer server(make_unit("many-domains-server"), kHost);
  Fd socket = dns_client(client, server.address());
  for (int number = 0; number < kDomains; number++)
    exchange(socket, server, static_cast<uint16_t>(number),
             "www.domain-" + std::to_string(number) + ".com");
  expect(shared_daemon(),
         {{"kubepulse_dns_queries_total", client.owner.labels(), kDomains},
          {"kubepulse_dns_latency_seconds_count", client.owner.labels(), kDomains}});
  Page page = shared_daemon().scrape();
  int series = 0;
  for (const Sample& sample : page.samples())
    if (sample.name == "kubepulse_dns_queries_total" && sample.has_all(client.owner.labels()))
      series++;
  ck_assert_msg(series <= 101, "%d domains of one workload", series);
}
END_TEST

START_TEST(cluster_domain_of_our_own) {
  Daemon daemon = Daemon::start({{"--cluster-domain=corp.example", "--node-name=no\"de\\1"}});
  enter_new_netns().ok();
  Cgroup client = make_unit("cluster-domain");
  DnsServer server(make_unit("cluster-domain-server"), kHost);
  Fd socket = dns_client(client, server.address());
  exchange(socket, server, 1, "web.shop.svc.corp.example");
  exchange(socket, server, 2, "google.com.shop.svc.corp.example");
  expect_dns(daemon, client.owner,
             {{{"web.shop.svc.corp.example", 1}, {"search", 1}}, {{"NOERROR", 2}}, 2, 0});
  Page page = daemon.scrape();
  for (const Sample& sample : page.samples())
    if (const std::string* node = sample.label("node")) CHECK_TEXT(*node, "no\"de\\1");
  daemon.stop();
}
END_TEST

}  // namespace

Case dns_junk_case() {
  return {"dns-junk",
          true,
          {junk_to_port_53, longest_name, junk_from_port_53, domains_beyond_the_bound,
           cluster_domain_of_our_own}};
}

}  // namespace kubepulse::live
