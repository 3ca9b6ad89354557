// The `domain` label of a DNS query: few values, each of which says whose name was asked for.
#ifndef KUBEPULSE_IDENTITY_DOMAIN_H
#define KUBEPULSE_IDENTITY_DOMAIN_H

#include <string>
#include <string_view>

namespace kubepulse {

class DomainRules {
 public:
  // `cluster_domain` is what the cluster's DNS serves, "cluster.local" in any spelling; "" is none.
  explicit DomainRules(std::string_view cluster_domain = "cluster.local");

  // `name` is in lower case with single dots between labels and none at the end, the root is ".".
  // `plain`: the query was well-formed and each label is letters, digits, '-' and '_' (DnsMessage:
  // well_formed and not odd). The answer is a part of `name` or static text:
  //
  //   "invalid"      the query was not plain, or the last label is a number, as of an IP address
  //   "."            the root
  //   "in-addr.arpa" and "ip6.arpa": names of addresses
  //   a whole name   of a service or pod in the cluster: redis.shop.svc.cluster.local
  //   "search"       a name with the cluster's search list tried on it that cannot be a cluster's:
  //                  example.com.default.svc.cluster.local, redis.shop.cluster.local
  //   the registrable domain of every other, single labels themselves
  std::string_view domain_of(std::string_view name, bool plain) const;

 private:
  std::string behind_;  // ".cluster.local"; empty where there is no cluster
};

}  // namespace kubepulse

#endif
