#include "collect/drop_reasons.h"

#include <bpf/btf.h>

#include <memory>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Free {
  void operator()(btf* types) const { btf__free(types); }
};

// The BTF of a kernel, as far as it is asked for.
class Kernel {
 public:
  Kernel& add_enum(const char* name) {
    ck_assert_int_gt(btf__add_enum(types_.get(), name, 4), 0);
    return *this;
  }
  Kernel& value(const char* name, uint32_t number) {
    ck_assert_int_eq(btf__add_enum_value(types_.get(), name, number), 0);
    return *this;
  }
  // typedef void (*btf_trace_NAME)(void *, ...);
  Kernel& tracepoint(const char* name, int arguments) {
    int pointer = btf__add_ptr(types_.get(), 0);
    int function = btf__add_func_proto(types_.get(), 0);
    ck_assert(pointer > 0 && function > 0);
    for (int i = 0; i <= arguments; i++)
      ck_assert_int_eq(btf__add_func_param(types_.get(), "", pointer), 0);
    int to_function = btf__add_ptr(types_.get(), function);
    ck_assert_int_gt(btf__add_typedef(types_.get(), name, to_function), 0);
    return *this;
  }
  const btf* get() const { return types_.get(); }
  DropReasons reasons() const { return DropReasons::from(types_.get()); }

 private:
  std::unique_ptr<btf, Free> types_{btf__new_empty()};
};

START_TEST(core) {
  Kernel kernel;
  kernel.add_enum("skb_drop_reason_subsys").value("SKB_DROP_REASON_SUBSYS_CORE", 0);
  kernel.add_enum("skb_drop_reason")
      .value("SKB_NOT_DROPPED_YET", 0)
      .value("SKB_CONSUMED", 1)
      .value("SKB_DROP_REASON_NOT_SPECIFIED", 2)
      .value("SKB_DROP_REASON_NO_SOCKET", 3)
      .value("SKB_DROP_REASON_SUBSYS_MASK", 0xFFFF0000);
  DropReasons reasons = kernel.reasons();
  CHECK_TEXT(reasons.name(2), "NOT_SPECIFIED");
  CHECK_TEXT(reasons.name(3), "NO_SOCKET");
  CHECK_TEXT(reasons.name(1), "SKB_CONSUMED");
  CHECK_TEXT(reasons.name(4), "4");
  CHECK_TEXT(reasons.name(0xFFFF0000), "4294901760");
}
END_TEST

// As of 5.17, where they begin at 0.
START_TEST(first_ones) {
  Kernel kernel;
  kernel.add_enum("skb_drop_reason")
      .value("SKB_DROP_REASON_NOT_SPECIFIED", 0)
      .value("SKB_DROP_REASON_NO_SOCKET", 1);
  CHECK_TEXT(kernel.reasons().name(0), "NOT_SPECIFIED");
  CHECK_TEXT(kernel.reasons().name(1), "NO_SOCKET");
}
END_TEST

START_TEST(subsystems) {
  Kernel kernel;
  kernel.add_enum("mac80211_drop_reason")
      .value("RX_CONTINUE", 1)
      .value("___RX_DROP_UNUSABLE", 0x10000)
      .value("RX_DROP_U_MIC_FAIL", 0x10001);
  kernel.add_enum("skb_drop_reason").value("SKB_DROP_REASON_NO_SOCKET", 1);
  kernel.add_enum("ovs_drop_reason")
      .value("__OVS_DROP_REASON", 0x20000)
      .value("OVS_DROP_LAST_ACTION", 0x20001);
  kernel.add_enum("drop_reasons").value("OTHER", 0x20002);
  DropReasons reasons = kernel.reasons();
  CHECK_TEXT(reasons.name(0x10001), "RX_DROP_U_MIC_FAIL");
  CHECK_TEXT(reasons.name(0x20001), "OVS_DROP_LAST_ACTION");
  CHECK_TEXT(reasons.name(1), "NO_SOCKET");
  CHECK_TEXT(reasons.name(0x10000), "65536");
  CHECK_TEXT(reasons.name(0x20000), "131072");
  CHECK_TEXT(reasons.name(0x20002), "131074");
}
END_TEST

START_TEST(none) {
  CHECK_TEXT(Kernel().reasons().name(0), "NOT_SPECIFIED");
  CHECK_TEXT(Kernel().add_enum("skb_drop_reason").reasons().name(0), "NOT_SPECIFIED");
  CHECK_TEXT(Kernel().reasons().name(1), "1");
  CHECK_TEXT(DropReasons().name(7), "7");
}
END_TEST

START_TEST(arguments) {
  Kernel kernel;
  kernel.tracepoint("btf_trace_consume_skb", 1).tracepoint("btf_trace_kfree_skb", 4);
  ck_assert_uint_eq(tracepoint_arguments(kernel.get(), "kfree_skb"), 4);
  ck_assert_uint_eq(tracepoint_arguments(kernel.get(), "consume_skb"), 1);
  ck_assert_uint_eq(tracepoint_arguments(kernel.get(), "free_skb"), 0);
  // Of that name, but no tracepoint.
  int number = btf__add_int(const_cast<btf*>(kernel.get()), "int", 4, BTF_INT_SIGNED);
  ck_assert_int_gt(btf__add_typedef(const_cast<btf*>(kernel.get()), "btf_trace_no", number), 0);
  ck_assert_uint_eq(tracepoint_arguments(kernel.get(), "no"), 0);
}
END_TEST

}  // namespace

CHECK_MAIN("drop_reasons", core, first_ones, subsystems, none, arguments)
