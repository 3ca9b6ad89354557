// Rules of a test's own in the kernel's packet filter, made without any tool. They go with the
// network namespace.
#ifndef KUBEPULSE_TESTS_LIVE_NETFILTER_H
#define KUBEPULSE_TESTS_LIVE_NETFILTER_H

#include <netinet/in.h>

// The kernel's own headers go together with that one only behind it.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace kubepulse::live {

// Messages to nf_tables, which takes them all or none.
class NetfilterBatch {
 public:
  NetfilterBatch();

  // A table with one chain, "out", at the hook of what leaves. More may be added to the chain.
  void begin_out(const std::string& table, const std::string& chain_type, int32_t priority);
  void begin(uint16_t type);
  void attribute(uint16_t type, const void* value, size_t size);
  void text(uint16_t type, const std::string& value);
  void number(uint16_t type, uint32_t value);
  // What is added until close() is in it.
  size_t open(uint16_t type);
  void close(size_t at);

  // Each message has its answer. EPROTONOSUPPORT where the kernel has none of it.
  int send();

 private:
  void message(uint16_t type, uint8_t family, uint16_t resource, uint16_t flags);
  void end_message();
  void append(const void* value, size_t size);

  alignas(nlmsghdr) char bytes_[1024] = {};
  size_t size_ = 0;
  size_t message_ = 0;
  int asked_ = 0;
};

}  // namespace kubepulse::live

#endif
