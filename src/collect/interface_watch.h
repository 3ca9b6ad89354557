// The interfaces of our network namespace as the kernel tells of them (rtnetlink): when one
// appears, changes or goes, and how one is now. Nothing is waited for: the kernel answers within
// the call.
#ifndef KUBEPULSE_COLLECT_INTERFACE_WATCH_H
#define KUBEPULSE_COLLECT_INTERFACE_WATCH_H

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/loop.h"
#include "base/short_text.h"
#include "base/status.h"

namespace kubepulse {

struct InterfaceState {
  uint32_t index = 0;
  ShortText<15> name;  // IFNAMSIZ - 1
  uint32_t mtu = 0;
  // The XDP program that it has, by id, 0: none; and where: XDP_ATTACHED_DRV, ... of
  // <linux/if_link.h>. Of several programs (XDP_ATTACHED_MULTI) no id is told.
  uint32_t xdp_program = 0;
  uint8_t xdp_attached = 0;
};

// Calls `visit` for each interface that these messages of rtnetlink tell of; `gone`: it was
// deleted, or has left the network namespace. What is malformed is passed over. The errno of an
// NLMSG_ERROR, or 0. Pure.
using VisitInterface = std::function<void(const InterfaceState& state, bool gone)>;
int parse_interface_messages(std::string_view bytes, const VisitInterface& visit);

// None where no interface has that name.
Result<std::optional<InterfaceState>> look_at_interface(const std::string& name);

class InterfaceWatch {
 public:
  // `changed` is called with the name and the index of each interface of which there is news, and
  // with "" and 0 where news were lost: all are to be looked at.
  using Changed = std::function<void(std::string_view name, uint32_t index)>;
  // `loop` outlives it.
  static Result<std::unique_ptr<InterfaceWatch>> start(Loop& loop, Changed changed);
  ~InterfaceWatch();

 private:
  InterfaceWatch(Loop& loop, Fd netlink, Changed changed);
  void read_some();

  Loop& loop_;
  Fd netlink_;
  Changed changed_;
  std::vector<char> buffer_;
};

}  // namespace kubepulse

#endif
