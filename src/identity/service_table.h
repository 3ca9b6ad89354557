// Whose an address of the cluster is: a service's, or a pod's on any node. Filled from lists and
// single changes. Pure, bounded.
#ifndef KUBEPULSE_IDENTITY_SERVICE_TABLE_H
#define KUBEPULSE_IDENTITY_SERVICE_TABLE_H

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "identity/address.h"
#include "identity/service.h"

namespace kubepulse {

// The views are valid until the table changes.
struct Peer {
  enum class Kind : uint8_t { service, pod };
  Kind kind = Kind::service;
  std::string_view ns, name;
};

class ServiceTable {
 public:
  // A cluster of Kubernetes is to have at most 10,000 services and 150,000 pods; a pod's address
  // takes some 200 bytes here.
  static constexpr size_t kServicesMax = 16384;
  static constexpr size_t kSlicesMax = 16384;
  static constexpr size_t kNamespacesMax = 4096;
  static constexpr size_t kAddressesMax = 32768;

  enum class Kind : uint8_t { service, slice };

  // A new list of that kind: begin, put each, and commit it, which removes what was not put since.
  // One that breaks is not committed; what was put of it stays: each was true when it was told.
  void begin(Kind kind);
  void commit(Kind kind);

  // Instead of what there was of that name.
  void put(const Service& service);
  void put(const EndpointSlice& slice);
  void remove(const Service& service) {
    remove(Kind::service, service.ns.view(), service.name.view());
  }
  void remove(const EndpointSlice& slice) {
    remove(Kind::slice, slice.ns.view(), slice.name.view());
  }

  // A service's own address is its before it is a pod's. Nothing is guessed: what two services or
  // two pods claim, such as the address of a node, is nobody's. O(1).
  std::optional<Peer> find(const Address& address) const;

  size_t services() const { return counts_[0]; }
  size_t slices() const { return counts_[1]; }
  size_t addresses() const { return claims_.size() - free_claims_.size(); }
  // Calls visit(ns, services) for each namespace that has some.
  template <typename Visit>
  void each_namespace(Visit&& visit) const {
    for (const auto& [ns, services] : namespaces_)
      visit(std::string_view(ns), services);
  }

  // Services, slices and addresses that were left out for want of room, in all lists so far.
  uint64_t overflow() const { return overflow_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // That an address is that of a service or pod; slices tell of the same pods.
  struct Claim {
    IpBytes address;
    std::string name;       // "namespace/name"
    uint32_t next = kNone;  // another one of the same address
    uint32_t holders = 0;   // services or slices that say so
    Peer::Kind kind;
  };
  // A service or a slice.
  struct Object {
    Kind kind;
    bool held = false;
    uint32_t round = 0;  // of the list that had it last
    std::string name;    // "namespace/name"
    std::vector<uint32_t> claims;
  };

  static uint64_t key_of(const IpBytes& address);
  static uint64_t key_of(Kind kind, std::string_view name);

  Object* object(Kind kind, std::string_view ns, std::string_view name);
  void remove(Kind kind, std::string_view ns, std::string_view name);
  void remove(uint32_t index);
  void count_namespace(std::string_view name, bool more);
  void claim(std::vector<uint32_t>& into, const IpBytes& address, Peer::Kind kind,
             std::string_view ns, std::string_view name);
  void release(const std::vector<uint32_t>& claims);

  // Deques: what grows moves nothing.
  std::deque<Object> objects_;
  std::vector<uint32_t> free_objects_;
  std::deque<Claim> claims_;
  std::vector<uint32_t> free_claims_;
  FlatMap<uint32_t> by_address_{kAddressesMax};
  FlatMap<uint32_t> by_name_{kServicesMax + kSlicesMax};
  std::map<std::string, size_t, std::less<>> namespaces_;
  uint32_t rounds_[2] = {};
  size_t counts_[2] = {};
  uint64_t overflow_ = 0;
};

}  // namespace kubepulse

#endif
