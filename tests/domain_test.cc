#include "identity/domain.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Case {
  const char* name;
  const char* domain;  // "=": the name itself
};

void check_all(const DomainRules& rules, std::initializer_list<Case> cases) {
  for (const Case& each : cases) {
    std::string want = std::string_view(each.domain) == "=" ? each.name : each.domain;
    std::string got(rules.domain_of(each.name, true));
    ck_assert_msg(got == want, "%s\n  got:  %s\n  want: %s", each.name, got.c_str(), want.c_str());
  }
}

START_TEST(invalid_names) {
  DomainRules rules;
  CHECK_TEXT(rules.domain_of("", false), "invalid");
  CHECK_TEXT(rules.domain_of("", true), "invalid");
  CHECK_TEXT(rules.domain_of("a.b.com", false), "invalid");
  CHECK_TEXT(rules.domain_of(".", false), "invalid");
  CHECK_TEXT(rules.domain_of("redis.shop.svc.cluster.local", false), "invalid");
  check_all(rules, {{"10.0.0.1", "invalid"},
                    {"1", "invalid"},
                    {"example.123", "invalid"},
                    {"web-0", "="},
                    {"123.com", "="},
                    {"example.1a", "="}});
}
END_TEST

START_TEST(outside_names) {
  check_all(DomainRules(), {{".", "."},
                            {"localhost", "="},
                            {"redis", "="},
                            {"com", "="},
                            {"www.google.com", "google.com"},
                            {"a.b.c.example.co.uk", "example.co.uk"},
                            {"co.uk", "="},
                            {"_dmarc.example.com", "example.com"},
                            {"_sip._tcp.example.com", "example.com"},
                            {"me.github.io", "="},
                            {"ip-10-0-0-1.us-west-2.compute.internal", "compute.internal"},
                            {"printer.local", "="},
                            {"kubernetes.default", "="},
                            {"kubernetes.default.svc", "default.svc"},
                            {"mycluster.local", "="},
                            {"redis.shop.svc.mycluster.local", "mycluster.local"}});
}
END_TEST

START_TEST(names_of_addresses) {
  check_all(
      DomainRules(),
      {{"1.0.0.10.in-addr.arpa", "in-addr.arpa"},
       {"in-addr.arpa", "="},
       {"b._dns-sd._udp.0.0.0.10.in-addr.arpa", "in-addr.arpa"},
       {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "ip6.arpa"},
       {"ip6.arpa", "="},
       {"xin-addr.arpa", "="},
       {"1.0.0.10.in-addr.arpa.default.svc.cluster.local", "search"}});
}
END_TEST

START_TEST(cluster_names) {
  check_all(DomainRules(), {
                               {"cluster.local", "="},
                               {"svc.cluster.local", "="},
                               {"pod.cluster.local", "="},
                               // A namespace, a service.
                               {"default.svc.cluster.local", "="},
                               {"kubernetes.default.svc.cluster.local", "="},
                               {"redis.shop.svc.cluster.local", "="},
                               {"api.dev.svc.cluster.local", "="},
                               {"api.app.svc.cluster.local", "="},
                               {"api.qa.svc.cluster.local", "="},
                               {"api.io.svc.cluster.local", "="},
                               {"web-0.qa.svc.cluster.local", "="},
                               // A pod of a headless service.
                               {"web-0.nginx.default.svc.cluster.local", "="},
                               {"busybox.sub.default.svc.cluster.local", "="},
                               {"10-0-0-1.nginx.default.svc.cluster.local", "="},
                               {"web-0.app.default.svc.cluster.local", "="},
                               {"web-12.com.default.svc.cluster.local", "="},
                               {"10-0-0-1.dev.default.svc.cluster.local", "="},
                               // SRV.
                               {"_http._tcp.web.shop.svc.cluster.local", "="},
                               {"_http._tcp.web-0.web.shop.svc.cluster.local", "="},
                               {"_http._tcp.web-0.app.shop.svc.cluster.local", "="},
                               {"_http._tcp.shop.svc.cluster.local", "="},
                               // Pods by address.
                               {"shop.pod.cluster.local", "="},
                               {"10-0-0-1.shop.pod.cluster.local", "="},
                           });
}
END_TEST

START_TEST(search_list) {
  check_all(DomainRules(), {
                               // NAME.NS.svc
                               {"google.com.default.svc.cluster.local", "search"},
                               {"www.google.com.default.svc.cluster.local", "search"},
                               {"a.b.c.www.google.com.default.svc.cluster.local", "search"},
                               {"cluster0.io.default.svc.cluster.local", "search"},
                               {"web.dev.default.svc.cluster.local", "search"},
                               {"x-1a.com.default.svc.cluster.local", "search"},
                               {"web-.com.default.svc.cluster.local", "search"},
                               {"10.0.0.1.default.svc.cluster.local", "search"},
                               {"_dmarc.google.com.default.svc.cluster.local", "search"},
                               {"_sip._tcp.example.com.default.svc.cluster.local", "search"},
                               {"_sip._tcp.www.example.com.default.svc.cluster.local", "search"},
                               {"redis.shop.svc.default.svc.cluster.local", "search"},
                               {"redis.shop.svc.cluster.local.default.svc.cluster.local", "search"},
                               // NAME.svc
                               {"google.com.svc.cluster.local", "search"},
                               {"python.org.svc.cluster.local", "search"},
                               {"mit.edu.svc.cluster.local", "search"},
                               {"www.google.com.svc.cluster.local", "search"},
                               {"web-0.google.com.svc.cluster.local", "search"},
                               {"_sip._tcp.example.com.svc.cluster.local", "search"},
                               // NAME
                               {"google.com.cluster.local", "search"},
                               {"kubernetes.default.cluster.local", "search"},
                               {"kube-dns.kube-system.cluster.local", "search"},
                               {"redis.cluster.local", "search"},
                               {"cluster.local.cluster.local", "search"},
                               {"xsvc.cluster.local", "search"},
                               {"a.b.c.pod.cluster.local", "search"},
                           });
}
END_TEST

START_TEST(other_cluster_domain) {
  for (const char* spelling : {"k8s.example.com", ".K8S.Example.com.", "k8s.example.com.."})
    check_all(DomainRules(spelling), {{"redis.shop.svc.k8s.example.com", "="},
                                      {"google.com.default.svc.k8s.example.com", "search"},
                                      {"k8s.example.com", "="},
                                      {"www.example.com", "example.com"},
                                      {"xk8s.example.com", "example.com"},
                                      {"redis.shop.svc.cluster.local", "cluster.local"}});
  for (const char* none : {"", ".", ".."})
    check_all(DomainRules(none),
              {{"redis.shop.svc.cluster.local", "cluster.local"}, {"redis", "="}, {".", "."}});
}
END_TEST

START_TEST(answer_is_part_of_the_name) {
  DomainRules rules;
  std::string name = "www.example.com";
  ck_assert(rules.domain_of(name, true).data() == name.data() + 4);
  name = "redis.shop.svc.cluster.local";
  ck_assert(rules.domain_of(name, true).data() == name.data());
}
END_TEST

}  // namespace

CHECK_MAIN("domain", invalid_names, outside_names, names_of_addresses, cluster_names, search_list,
           other_cluster_domain, answer_is_part_of_the_name)
