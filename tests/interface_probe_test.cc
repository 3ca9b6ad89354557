#include "collect/interface_probe.h"

#include <linux/if_link.h>

#include <cerrno>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

InterfaceState like(uint32_t mtu, uint8_t attached = XDP_ATTACHED_NONE, uint32_t program = 0) {
  InterfaceState state;
  state.mtu = mtu;
  state.xdp_attached = attached;
  state.xdp_program = program;
  return state;
}

START_TEST(refusals) {
  constexpr XdpMode kNative = XdpMode::native, kGeneric = XdpMode::generic;
  const char* advice =
      ", which stays; detach it (`bpftool net` tells whose it is) or leave this interface out";
  for (int error : {EBUSY, EEXIST}) {
    CHECK_TEXT(xdp_refusal(error, kNative, like(1500, XDP_ATTACHED_DRV, 57)),
               std::string("another XDP program is attached (id 57, native)") + advice);
    CHECK_TEXT(xdp_refusal(error, kGeneric, like(1500, XDP_ATTACHED_SKB, 58)),
               std::string("another XDP program is attached (id 58, generic)") + advice);
    CHECK_TEXT(xdp_refusal(error, kGeneric, like(1500, XDP_ATTACHED_MULTI)),
               std::string("another XDP program is attached (several)") + advice);
  }
  CHECK_TEXT(xdp_refusal(EBUSY, kNative, like(1500)),
             "another XDP program is attached, which stays");
  CHECK_TEXT(xdp_refusal(EEXIST, kNative, like(1500)),
             "an interface above it, such as a bond, has an XDP program; name that one instead");
  CHECK_TEXT(xdp_refusal(EOPNOTSUPP, kNative, like(1500)), "the driver has no XDP");
  CHECK_TEXT(xdp_refusal(ERANGE, kNative, like(9000)),
             "the driver refuses it (Numerical result out of range; MTU 9000)");
  CHECK_TEXT(xdp_refusal(EINVAL, kNative, like(9000)),
             "the driver refuses it (Invalid argument; MTU 9000)");
  CHECK_TEXT(xdp_refusal(EINVAL, kGeneric, like(1500)),
             "the kernel refuses it (Invalid argument; MTU 1500); before Linux 5.9 there are no "
             "links of XDP");
  CHECK_TEXT(xdp_refusal(EPERM, kGeneric, like(1500)),
             "the capability CAP_NET_ADMIN is missing, or a security module forbids it");
}
END_TEST

START_TEST(modes) {
  CHECK_TEXT(xdp_mode_name(XdpMode::native), "native");
  CHECK_TEXT(xdp_mode_name(XdpMode::generic), "generic");
  ck_assert_uint_eq(InterfaceProbe::flavours().size(), 2);
}
END_TEST

}  // namespace

CHECK_MAIN("interface_probe", refusals, modes)
