// Why the kernel drops packets, in its own words. Pure: of a kernel's BTF.
#ifndef KUBEPULSE_COLLECT_DROP_REASONS_H
#define KUBEPULSE_COLLECT_DROP_REASONS_H

#include <cstdint>
#include <string>
#include <unordered_map>

struct btf;

namespace kubepulse {

class DropReasons {
 public:
  // Of enum skb_drop_reason and of those of subsystems (mac80211_drop_reason, ovs_drop_reason, ...)
  // as far as they stand in this BTF. Before 5.17 no reason is told.
  static DropReasons from(const btf* kernel);

  // "NO_SOCKET", without the prefix SKB_DROP_REASON_; of a subsystem's as it is. A number that has
  // no name is its own.
  std::string name(uint32_t reason) const;

 private:
  std::unordered_map<uint32_t, std::string> names_;
};

// How many arguments the tracepoint has; 0 where there is no such one.
uint32_t tracepoint_arguments(const btf* kernel, const char* tracepoint);

}  // namespace kubepulse

#endif
