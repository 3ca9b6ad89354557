#include "collect/host.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <iterator>

#include "base/fd.h"
#include "base/text.h"

namespace kubepulse {

namespace {

// Younger than some kernel headers.
constexpr int kCapPerfmon = 38;
constexpr int kCapBpf = 39;

constexpr Capability kNeeded[] = {
    {kCapBpf, "CAP_BPF", "to load programs and to make maps"},
    {kCapPerfmon, "CAP_PERFMON", "to trace the kernel and to read its memory"},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "to learn a cgroup's path from its id"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to see the filesystems of containers"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", "to count packets, and for the flavour cgroup"},
};

constexpr const char* kLockdownNames[] = {"unknown", "none", "integrity", "confidentiality"};

std::string read_some(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  ssize_t size = file ? read(file.get(), text, sizeof text) : 0;
  return {text, size > 0 ? static_cast<size_t>(size) : 0};
}

bool exists(const std::string& path, int mode = F_OK) {
  return access(path.c_str(), mode) == 0;
}

}  // namespace

Lockdown parse_lockdown(std::string_view text) {
  size_t begin = text.find('['), end = text.find(']');
  if (begin == text.npos || end == text.npos || end < begin) return Lockdown::unknown;
  std::string_view mode = text.substr(begin + 1, end - begin - 1);
  for (size_t i = 1; i < std::size(kLockdownNames); i++)
    if (mode == kLockdownNames[i]) return static_cast<Lockdown>(i);
  return Lockdown::unknown;
}

const char* lockdown_name(Lockdown lockdown) {
  return kLockdownNames[static_cast<size_t>(lockdown)];
}

std::optional<uint64_t> parse_effective_capabilities(std::string_view status) {
  while (!status.empty()) {
    std::string_view line = next_piece(status, '\n');
    if (next_piece(line, '\t') != "CapEff:") continue;
    bool whole = line.size() == 16 && line.find_first_of("ABCDEF") == line.npos;
    return whole ? parse_hex(line) : std::nullopt;
  }
  return std::nullopt;
}

std::vector<Capability> missing_capabilities(uint64_t effective) {
  std::vector<Capability> missing;
  bool admin = (effective >> CAP_SYS_ADMIN & 1) != 0;
  for (const Capability& needed : kNeeded) {
    bool stood_in = admin && (needed.number == kCapBpf || needed.number == kCapPerfmon);
    if ((effective >> needed.number & 1) == 0 && !stood_in) missing.push_back(needed);
  }
  return missing;
}

Host Host::look(const std::string& root, const std::string& btf) {
  Host host;
  utsname kernel{};
  uname(&kernel);
  host.release = kernel.release;
  host.machine = kernel.machine;
  host.lockdown = parse_lockdown(read_some(root + "/sys/kernel/security/lockdown"));
  if (auto bits = parse_effective_capabilities(read_some(root + "/proc/self/status")))
    host.capabilities = *bits;
  // Since 4.17 each kernel with CONFIG_KPROBE_EVENTS has this source of events.
  std::string sources = root + "/sys/bus/event_source/devices";
  host.has_kprobes = !exists(sources) || exists(sources + "/kprobe");
  host.has_own_btf = exists(root + kOwnBtf, R_OK);
  host.btf = !btf.empty() ? btf : host.has_own_btf ? kOwnBtf : "";
  return host;
}

std::string nothing_works(const Host& host) {
  std::string text = "nothing can be observed here: ";
  for (const Capability& missing : missing_capabilities(host.capabilities))
    if (missing.number == kCapBpf || missing.number == kCapPerfmon)
      return text + "the capability " + missing.name +
             " is missing; run it as root, or with CAP_BPF, CAP_PERFMON and CAP_DAC_READ_SEARCH";
  if (host.btf.empty())
    return text + "this kernel (" + host.release + ") has no BTF in " + kOwnBtf +
           "; give its BTF with --btf=FILE, or boot one built with CONFIG_DEBUG_INFO_BTF=y";
  if (host.lockdown == Lockdown::confidentiality)
    return text + "lockdown=confidentiality forbids it; boot with lockdown=integrity or less";
  return text + "neither TCP nor DNS; kubepulse --check says what the kernel refused, and why";
}

}  // namespace kubepulse
