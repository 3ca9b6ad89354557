#include "identity/peers.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kubepulse {

namespace {

// IPVS needs a service's address on the node, and so does the cache to answer in its stead.
bool is_for_services(std::string_view interface) {
  return interface == "kube-ipvs0" || interface == "nodelocaldns";
}

bool is_loopback(const IpBytes& address) {
  static constexpr IpBytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127};
  static constexpr IpBytes kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return memcmp(address.data(), kMapped.data(), 13) == 0 || address == kLoopback6;
}

bool is_unspecified(const IpBytes& address) {
  static constexpr IpBytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return address == IpBytes{} || address == kMapped;
}

}  // namespace

Result<OwnAddresses> own_addresses() {
  OwnAddresses addresses;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return Status::from_errno("getifaddrs", errno);
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    IpBytes bytes{};
    if (each->ifa_addr->sa_family == AF_INET) {
      bytes[10] = bytes[11] = 0xFF;
      memcpy(&bytes[12], &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr, 4);
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr, 16);
    } else {
      continue;
    }
    bool is_own = !is_for_services(each->ifa_name);
    (is_own ? addresses.own : addresses.for_services).push_back(bytes);
  }
  freeifaddrs(all);
  for (std::vector<IpBytes>* each : {&addresses.own, &addresses.for_services})
    std::sort(each->begin(), each->end());
  return addresses;
}

bool Peers::is_host(const IpBytes& address) const {
  return is_unspecified(address) || is_loopback(address) ||
         std::binary_search(own_.own.begin(), own_.own.end(), address) ||
         (pods_ != nullptr && pods_->is_host_address(address));
}

Peers::Name Peers::find(const IpBytes& address) const {
  if (is_host(address)) return {"", "host"};
  if (pods_ != nullptr)
    if (std::optional<PodName> pod = pods_->find_address(address)) return {pod->ns, pod->pod};
  if (services_ != nullptr)
    if (std::optional<Peer> peer = services_->find(Address::of(AF_INET6, address.data())))
      return {peer->ns, peer->name};
  const std::vector<IpBytes>& bound = own_.for_services;
  if (std::binary_search(bound.begin(), bound.end(), address)) return {"", "host"};
  return {"", "external", false};
}

}  // namespace kubepulse
