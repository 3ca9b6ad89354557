// Who is at the other end of a flow, as far as its address tells. Pure, but for own_addresses().
#ifndef KUBEPULSE_IDENTITY_PEERS_H
#define KUBEPULSE_IDENTITY_PEERS_H

#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "identity/pod_table.h"
#include "identity/service_table.h"

namespace kubepulse {

// Of this process's network namespace, each in order.
struct OwnAddresses {
  std::vector<IpBytes> own;
  // Those that kube-proxy and the node-local DNS cache bind here to be reached by: most are
  // services', too.
  std::vector<IpBytes> for_services;
};
// Asks the kernel, which may let it wait while interfaces are being changed.
Result<OwnAddresses> own_addresses();

class Peers {
 public:
  // Neither is owned; null: nobody tells.
  void set_pods(const PodTable* pods) { pods_ = pods; }
  void set_services(const ServiceTable* services) { services_ = services; }
  void set_own(OwnAddresses addresses) { own_ = std::move(addresses); }

  struct Name {
    std::string_view ns, name;  // valid until one of the tables changes
    bool is_known = true;       // false: "external", for want of anything better
  };
  // In this order: "host", without a namespace, is this node itself, loopback included; a pod of
  // this node; a service, or a pod of another node; "host" again, where it is bound here for a
  // service that nobody tells of; "external", without one, is all else. O(log N).
  Name find(const IpBytes& address) const;

 private:
  bool is_host(const IpBytes& address) const;

  const PodTable* pods_ = nullptr;
  const ServiceTable* services_ = nullptr;
  OwnAddresses own_;
};

}  // namespace kubepulse

#endif
