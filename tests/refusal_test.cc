#include "collect/refusal.h"

#include <linux/capability.h>

#include <cerrno>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t bit(int capability) {
  return uint64_t{1} << capability;
}
constexpr uint64_t kBpf = bit(39), kPerfmon = bit(38);

Host modern() {
  Host host;
  host.release = "6.1.0";
  host.lockdown = Lockdown::none;
  host.has_own_btf = true;
  host.btf = kOwnBtf;
  return host;
}

std::string verifier(const std::string& lines) {
  return "libbpf: prog 'x': BPF program load failed: Invalid argument\n"
         "libbpf: prog 'x': -- BEGIN PROG LOAD LOG --\n" +
         lines + "-- END PROG LOAD LOG --\nlibbpf: prog 'x': failed to load: -22\n";
}

START_TEST(missing_targets) {
  Host host = modern();
  CHECK_TEXT(refusal_reason({Hook::function, "ip_send", false, ESRCH, ""}, host),
             "no function ip_send in the BTF of kernel 6.1.0");
  CHECK_TEXT(refusal_reason({Hook::typed_tracepoint, "set", false, ESRCH, ""}, host),
             "no tracepoint set in the BTF of kernel 6.1.0");
  CHECK_TEXT(refusal_reason({Hook::iterator, "task", false, ENOENT, ""}, host),
             "no iterator task in the BTF of kernel 6.1.0");
  CHECK_TEXT(refusal_reason({Hook::raw_tracepoint, "set", true, ENOENT,
                             "libbpf: prog 'x': failed to attach to raw tracepoint 'set': No such "
                             "file or directory\n"},
                            host),
             "no tracepoint set in kernel 6.1.0");
  CHECK_TEXT(refusal_reason({Hook::kprobe, "ip_send", true, ENOENT, ""}, host),
             "no function ip_send in kernel 6.1.0");
}
END_TEST

START_TEST(kprobes_compiled_out) {
  Host host = modern();
  host.has_kprobes = false;
  for (int error : {ENOENT, EACCES})
    CHECK_TEXT(refusal_reason({Hook::kprobe, "ip_send", true, error, ""}, host),
               "kprobes are compiled out of kernel 6.1.0 (CONFIG_KPROBE_EVENTS)");
}
END_TEST

START_TEST(capabilities) {
  Host host = modern();
  host.capabilities = kBpf;
  CHECK_TEXT(refusal_reason({Hook::raw_tracepoint, "set", false, EPERM, ""}, host),
             "the capability CAP_PERFMON is missing");
  CHECK_TEXT(refusal_reason({Hook::cgroup, "egress", false, EPERM, ""}, host),
             "the capability CAP_NET_ADMIN is missing");
  host.capabilities = kBpf | kPerfmon;
  CHECK_TEXT(refusal_reason({Hook::kprobe, "ip_send", true, EACCES, ""}, host),
             "the capability CAP_SYS_ADMIN is missing, which this kernel wants for kprobes");
  // What no capability is about is not blamed on one.
  CHECK_TEXT(refusal_reason({Hook::raw_tracepoint, "set", true, ENOENT, ""}, host),
             "no tracepoint set in kernel 6.1.0");
}
END_TEST

START_TEST(not_permitted) {
  Host host = modern();
  Refusal refusal{Hook::function, "ip_send", false, EPERM,
                  "libbpf: prog 'x': BPF program load failed: Operation not permitted\n"};
  CHECK_TEXT(refusal_reason(refusal, host),
             "ip_send: Operation not permitted, though no capability is missing (a security "
             "module?)");
  host.lockdown = Lockdown::unknown;
  CHECK_TEXT(refusal_reason(refusal, host),
             "ip_send: Operation not permitted, though no capability is missing (lockdown or a "
             "security module?)");
  host.lockdown = Lockdown::confidentiality;
  CHECK_TEXT(refusal_reason(refusal, host),
             "lockdown=confidentiality forbids to read kernel memory");
  refusal.hook = Hook::kprobe;
  refusal.attaching = true;
  CHECK_TEXT(refusal_reason(refusal, host), "lockdown=confidentiality forbids kprobes");
}
END_TEST

START_TEST(what_the_verifier_says) {
  Host host = modern();
  auto reason = [&host](const std::string& lines) {
    return refusal_reason({Hook::raw_tracepoint, "set", false, EINVAL, verifier(lines)}, host);
  };
  CHECK_TEXT(reason("0: (85) call bpf_probe_read_kernel#113\n"
                    "unknown func bpf_probe_read_kernel#113\n"
                    "processed 1 insns (limit 1000000)\n"),
             "lockdown forbids to read kernel memory");
  CHECK_TEXT(reason("program of this type cannot use helper bpf_probe_read_kernel#113\n"),
             "lockdown forbids to read kernel memory");
  CHECK_TEXT(reason("func 'x' doesn't have 3-th argument\nverification time 20 usec\n"
                    "stack depth 0\nprocessed 0 insns (limit 1000000)\n\n"),
             "the verifier: func 'x' doesn't have 3-th argument");
  CHECK_TEXT(reason("0: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> "
                    "[13] struct sk_buff.sk (0:1 @ offset 8)\nprocessed 1 insns (limit 1)\n"),
             "the verifier: failed to resolve CO-RE relocation <byte_off> [13] struct sk_buff.sk "
             "(0:1 @ offset 8)");
  ck_assert_uint_le(reason(std::string(5000, 'x') + "\n").size(), 200);
  CHECK_TEXT(reason(""), "set: Invalid argument");
}
END_TEST

START_TEST(others) {
  Host host = modern();
  Refusal refusal{Hook::raw_tracepoint, "the BPF object", false, ENOMEM,
                  "libbpf: Error in bpf_create_map_xattr(ring)\nlibbpf: map 'ring': failed to "
                  "create: Cannot allocate memory(-12)\nlibbpf: failed to load object 'x'\n"};
  CHECK_TEXT(refusal_reason(refusal, host),
             "map 'ring': failed to create: Cannot allocate memory(-12)");
  // ENOTSUPP, which strerror(3) does not know: no trampolines on this machine.
  CHECK_TEXT(refusal_reason({Hook::function, "ip_send", true, 524, ""}, host),
             "ip_send: not supported by this kernel");
  CHECK_TEXT(refusal_reason({Hook::kprobe, "ip_send", true, EBUSY, ""}, host),
             "ip_send: Device or resource busy");
  CHECK_TEXT(refusal_reason({Hook::kprobe, "", false, 0, "libbpf: first\nlibbpf: second\n"}, host),
             "libbpf: first");
}
END_TEST

START_TEST(beforehand) {
  Host host = modern();
  for (Hook hook : {Hook::typed_tracepoint, Hook::function, Hook::iterator, Hook::raw_tracepoint,
                    Hook::kprobe, Hook::cgroup})
    CHECK_TEXT(refusal_beforehand(hook, host), "");
  host.has_own_btf = false;
  host.btf = "/boot/btf";
  CHECK_TEXT(refusal_beforehand(Hook::kprobe, host), "");
  CHECK_TEXT(refusal_beforehand(Hook::iterator, host),
             "no BTF of the kernel's own, for which --btf is no substitute");
  host.btf.clear();
  CHECK_TEXT(refusal_beforehand(Hook::kprobe, host),
             "no BTF: there is no /sys/kernel/btf/vmlinux, and no --btf");
  CHECK_TEXT(refusal_beforehand(Hook::cgroup, host), "");
  CHECK_TEXT(refusal_beforehand(Hook::xdp, host), "");
  host = modern();
  host.lockdown = Lockdown::confidentiality;
  for (const char* release : {"5.10.0-8-amd64", "5.8.0", "5.12.19"}) {
    host.release = release;
    CHECK_TEXT(refusal_beforehand(Hook::raw_tracepoint, host),
               "lockdown=confidentiality forbids to read kernel memory");
    CHECK_TEXT(refusal_beforehand(Hook::cgroup, host), "");
  }
  for (const char* release : {"5.13.0", "6.1.0", "odd"}) {
    host.release = release;
    CHECK_TEXT(refusal_beforehand(Hook::raw_tracepoint, host), "");
  }
}
END_TEST

START_TEST(of_interfaces) {
  Host host = modern();
  Refusal refusal{Hook::xdp, "frames_in", false, EPERM, ""};
  for (int missing : {39, 38, CAP_NET_ADMIN}) {
    host.capabilities = ~bit(missing) & ~bit(CAP_SYS_ADMIN);
    const char* name = missing == 39 ? "CAP_BPF" : missing == 38 ? "CAP_PERFMON" : "CAP_NET_ADMIN";
    CHECK_TEXT(refusal_reason(refusal, host),
               std::string("the capability ") + name + " is missing");
  }
  host.capabilities = UINT64_MAX;
  host.lockdown = Lockdown::confidentiality;
  CHECK_TEXT(refusal_reason(refusal, host),
             "frames_in: Operation not permitted, though no capability is missing (a security "
             "module?)");
}
END_TEST

}  // namespace

CHECK_MAIN("refusal", missing_targets, kprobes_compiled_out, capabilities, not_permitted,
           what_the_verifier_says, others, beforehand, of_interfaces)
