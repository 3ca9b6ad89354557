#include "collect/refusal.h"

#include <linux/capability.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/text.h"

namespace kubepulse {

namespace {

constexpr size_t kSaidBytesMax = 160;
constexpr int kNotSupported = 524;  // ENOTSUPP, which only the kernel knows

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

bool is_typed(Hook hook) {
  return hook == Hook::typed_tracepoint || hook == Hook::function || hook == Hook::iterator;
}

const char* kind_of(Hook hook) {
  switch (hook) {
    case Hook::typed_tracepoint:
    case Hook::raw_tracepoint:
      return "tracepoint";
    case Hook::function:
    case Hook::kprobe:
      return "function";
    case Hook::iterator:
      return "iterator";
    case Hook::cgroup:
      return "cgroup";
    case Hook::xdp:
      return "interface";
  }
  return "";
}

std::string error_text(int error) {
  return error == kNotSupported ? "not supported by this kernel" : strerror(error);
}

bool is_before_5_13(const std::string& release) {
  int major = 0, minor = 0;
  if (sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return false;  // NOLINT: no overflow
  return major < 5 || (major == 5 && minor < 13);
}

// The last line of the verifier that is no statistics; empty where it has not spoken.
std::string_view verifier_line(std::string_view log) {
  constexpr std::string_view kBegin = "-- BEGIN PROG LOAD LOG --\n";
  size_t begin = log.find(kBegin);
  if (begin == log.npos) return {};
  log.remove_prefix(begin + kBegin.size());
  log = log.substr(0, log.find("-- END PROG LOAD LOG --"));
  std::string_view last;
  while (!log.empty()) {
    std::string_view line = next_piece(log, '\n');
    bool counted = false;
    for (std::string_view word : {"processed ", "verification time ", "stack depth ", "libbpf: "})
      counted = counted || line.substr(0, word.size()) == word;
    if (!line.empty() && !counted) last = line;
  }
  return last;
}

// The line about a map that could not be made, as "map 'tcp_ring': failed to create: ...".
std::string_view map_line(std::string_view log) {
  size_t at = log.find("': failed to create: ");
  if (at == log.npos) return {};
  size_t begin = log.rfind("map '", at);
  if (begin == log.npos) return {};
  return log.substr(begin, log.find('\n', begin) - begin);
}

// Empty where no right is missing.
std::string missing_right(const Refusal& refusal, const Host& host) {
  for (const Capability& missing : missing_capabilities(host.capabilities)) {
    bool needed = missing.number != CAP_DAC_READ_SEARCH && missing.number != CAP_SYS_PTRACE &&
                  (missing.number != CAP_NET_ADMIN || refusal.hook == Hook::cgroup ||
                   refusal.hook == Hook::xdp) &&
                  (refusal.hook != Hook::cgroup || strcmp(missing.name, "CAP_PERFMON") != 0);
    if (needed) return std::string("the capability ") + missing.name + " is missing";
  }
  // kernel.perf_event_paranoid above 2, as some distributions have it.
  if (refusal.hook == Hook::kprobe && refusal.attaching && !host.may(CAP_SYS_ADMIN))
    return "the capability CAP_SYS_ADMIN is missing, which this kernel wants for kprobes";
  return {};
}

std::string not_permitted(const Refusal& refusal, const Host& host) {
  if (std::string right = missing_right(refusal, host); !right.empty()) return right;
  if (host.lockdown == Lockdown::confidentiality && refusal.hook != Hook::cgroup &&
      refusal.hook != Hook::xdp)
    return std::string("lockdown=confidentiality forbids ") +
           (refusal.hook == Hook::kprobe ? "kprobes" : "to read kernel memory");
  bool known = host.lockdown != Lockdown::unknown;
  return refusal.target + ": " + error_text(refusal.error) + ", though no capability is missing (" +
         (known ? "" : "lockdown or ") + "a security module?)";
}

std::string missing_target(const Refusal& refusal, const Host& host) {
  std::string text = std::string("no ") + kind_of(refusal.hook) + ' ' + refusal.target;
  return text + (is_typed(refusal.hook) ? " in the BTF of kernel " : " in kernel ") + host.release;
}

}  // namespace

std::string refusal_beforehand(Hook hook, const Host& host) {
  if (hook == Hook::cgroup || hook == Hook::xdp) return {};
  if (host.btf.empty()) return std::string("no BTF: there is no ") + kOwnBtf + ", and no --btf";
  if (is_typed(hook) && !host.has_own_btf)
    return "no BTF of the kernel's own, for which --btf is no substitute";
  // Newer ones refuse to load it, see above; before ff40e51043af it loads, and reads nothing.
  if (host.lockdown == Lockdown::confidentiality && is_before_5_13(host.release))
    return "lockdown=confidentiality forbids to read kernel memory";
  return {};
}

std::string refusal_reason(const Refusal& refusal, const Host& host) {
  int error = refusal.error;
  if (std::string_view map = map_line(refusal.log); !map.empty())
    return std::string(cut_text(map, kSaidBytesMax));
  if (refusal.attaching && refusal.hook == Hook::kprobe && !host.has_kprobes)
    return "kprobes are compiled out of kernel " + host.release + " (CONFIG_KPROBE_EVENTS)";
  std::string_view said = verifier_line(refusal.log);
  // Lockdown takes the helper away (bpf_base_func_proto, kernel/bpf/helpers.c).
  if (contains(said, "bpf_probe_read") &&
      (contains(said, "unknown func") || contains(said, "cannot use helper")))
    return "lockdown forbids to read kernel memory";
  if (!said.empty()) return "the verifier: " + std::string(cut_text(said, kSaidBytesMax));
  if (error == EPERM || error == EACCES) return not_permitted(refusal, host);
  if (error == ENOENT || (error == ESRCH && is_typed(refusal.hook)))
    return missing_target(refusal, host);
  if (error != 0) return refusal.target + ": " + error_text(error);
  std::string_view first = refusal.log;
  return std::string(cut_text(next_piece(first, '\n'), kSaidBytesMax));
}

}  // namespace kubepulse
