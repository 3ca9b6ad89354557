// What this kernel offers, and what this process may do with it.
#ifndef KUBEPULSE_COLLECT_HOST_H
#define KUBEPULSE_COLLECT_HOST_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kubepulse {

enum class Lockdown { unknown, none, integrity, confidentiality };

// Of /sys/kernel/security/lockdown, "none [integrity] confidentiality"; unknown where it is not
// like that.
Lockdown parse_lockdown(std::string_view text);
const char* lockdown_name(Lockdown lockdown);

// Bits by capability number: CapEff of /proc/self/status, which is `status`; none where it does not
// stand there.
std::optional<uint64_t> parse_effective_capabilities(std::string_view status);

struct Capability {
  int number;  // of <linux/capability.h>
  const char* name;
  const char* purpose;  // "to ..."
};

// Those that some flavour needs and `effective` has not. CAP_SYS_ADMIN stands in for CAP_BPF and
// CAP_PERFMON, as it does in the kernel.
std::vector<Capability> missing_capabilities(uint64_t effective);

constexpr const char* kOwnBtf = "/sys/kernel/btf/vmlinux";

struct Host {
  std::string release;
  std::string machine;
  Lockdown lockdown = Lockdown::unknown;
  uint64_t capabilities = UINT64_MAX;  // effective; all of them where the kernel does not tell
  bool has_kprobes = true;
  // The kernel's own BTF, which programs that are typed by it (tp_btf, fentry, iter) need: no other
  // file will do for them.
  bool has_own_btf = false;
  // What programs are relocated by (CO-RE): the file given, else the kernel's own; empty: none.
  std::string btf;

  // `root` stands before /sys and /proc; `btf` is the file of --btf, or empty.
  static Host look(const std::string& root, const std::string& btf);

  bool may(int capability) const { return (capabilities >> capability & 1) != 0; }
  // A kernel with a foreign BTF, or with none, is to be given one explicitly.
  bool has_foreign_btf() const { return !btf.empty() && btf != kOwnBtf; }
};

// "nothing can be observed here: ...", with what is in the way and what to do about it, as far as
// the host tells.
std::string nothing_works(const Host& host);

}  // namespace kubepulse

#endif
