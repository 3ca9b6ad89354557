#include "collect/host.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kAll = 0x000001ffffffffff;
constexpr int kPerfmon = 38, kBpf = 39;

std::string temporary_dir;

constexpr uint64_t bit(int capability) {
  return uint64_t{1} << capability;
}

std::string names(uint64_t effective) {
  std::string text;
  for (const Capability& missing : missing_capabilities(effective)) {
    text += std::string(missing.name) + " ";
    ck_assert(missing.purpose[0] != '\0');
  }
  return text;
}

void write_file(const std::string& path, const std::string& text) {
  std::string full = temporary_dir + path;
  for (size_t at = temporary_dir.size() + 1; (at = full.find('/', at)) != full.npos; at++)
    mkdir(full.substr(0, at).c_str(), 0755);
  FILE* file = fopen(full.c_str(), "we");
  ck_assert(file != nullptr);
  fwrite(text.data(), 1, text.size(), file);
  fclose(file);
}

START_TEST(lockdown) {
  ck_assert(parse_lockdown("[none] integrity confidentiality\n") == Lockdown::none);
  ck_assert(parse_lockdown("none [integrity] confidentiality\n") == Lockdown::integrity);
  ck_assert(parse_lockdown("none integrity [confidentiality]\n") == Lockdown::confidentiality);
  for (const char* text : {"", "none integrity confidentiality\n", "[", "]", "][", "[]", "[new]",
                           "[unknown]", "]none[", "[none", "[ none]"})
    ck_assert_msg(parse_lockdown(text) == Lockdown::unknown, "%s", text);
  CHECK_TEXT(lockdown_name(Lockdown::unknown), "unknown");
  CHECK_TEXT(lockdown_name(Lockdown::none), "none");
  CHECK_TEXT(lockdown_name(Lockdown::confidentiality), "confidentiality");
}
END_TEST

START_TEST(effective_capabilities) {
  auto bits = parse_effective_capabilities(
      "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t000000c000000004\nCapBnd:\t0\n");
  ck_assert(bits && *bits == (bit(kBpf) | bit(kPerfmon) | bit(CAP_DAC_READ_SEARCH)));
  bits = parse_effective_capabilities("CapEff:\t0000000000000000");
  ck_assert(bits && *bits == 0);
  for (const char* text : {"", "CapEff:", "CapEff:\t\n", "CapEff:\t1ff\n",
                           "CapEff:\t00000000000000000\n", "CapEff:\t00000000000000g0\n",
                           "CapEff:\t0000000000000A00\n", "xCapEff:\t0000000000000000\n"})
    ck_assert_msg(!parse_effective_capabilities(text), "%s", text);
}
END_TEST

START_TEST(what_is_missing) {
  CHECK_TEXT(names(kAll), "");
  CHECK_TEXT(names(0), "CAP_BPF CAP_PERFMON CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_NET_ADMIN ");
  CHECK_TEXT(names(bit(kBpf) | bit(kPerfmon) | bit(CAP_DAC_READ_SEARCH)),
             "CAP_SYS_PTRACE CAP_NET_ADMIN ");
  CHECK_TEXT(names(bit(CAP_SYS_ADMIN)), "CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_NET_ADMIN ");
  CHECK_TEXT(names(kAll & ~bit(kPerfmon) & ~bit(CAP_SYS_ADMIN)), "CAP_PERFMON ");
}
END_TEST

START_TEST(empty_root) {
  Host host = Host::look(temporary_dir, "");
  ck_assert(host.lockdown == Lockdown::unknown && host.has_kprobes && !host.has_own_btf);
  ck_assert(host.btf.empty() && !host.has_foreign_btf() && host.may(CAP_SYS_ADMIN));
  ck_assert(!host.release.empty() && !host.machine.empty());
  host = Host::look(temporary_dir, "/boot/btf");
  ck_assert(!host.has_own_btf && host.has_foreign_btf());
  CHECK_TEXT(host.btf, "/boot/btf");
}
END_TEST

START_TEST(filled_root) {
  write_file("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  write_file("/sys/kernel/btf/vmlinux", "x");
  write_file("/sys/bus/event_source/devices/software/type", "1\n");
  write_file("/proc/self/status", "Name:\tx\nCapEff:\t0000008000000000\n");
  Host host = Host::look(temporary_dir, "");
  ck_assert(host.lockdown == Lockdown::integrity && !host.has_kprobes && host.has_own_btf);
  ck_assert(host.may(kBpf) && !host.may(kPerfmon));
  CHECK_TEXT(host.btf, kOwnBtf);
  ck_assert(!host.has_foreign_btf());
  write_file("/sys/bus/event_source/devices/kprobe/type", "6\n");
  host = Host::look(temporary_dir, "/boot/btf");
  ck_assert(host.has_kprobes && host.has_own_btf && host.has_foreign_btf());
}
END_TEST

START_TEST(what_to_do) {
  auto says = [](const Host& host, const char* part) {
    std::string text = nothing_works(host);
    ck_assert_msg(text.find(part) != text.npos && text.find('\n') == text.npos, "%s", text.c_str());
  };
  Host host;
  host.btf = kOwnBtf;
  says(host, "kubepulse --check");
  host.lockdown = Lockdown::confidentiality;
  says(host, "lockdown=confidentiality forbids");
  host.btf.clear();
  says(host, "--btf=FILE");
  host.capabilities = kAll & ~bit(kPerfmon) & ~bit(CAP_SYS_ADMIN);
  says(host, "CAP_PERFMON is missing; run it as root");
}
END_TEST

void setup() {
  char name[] = "/tmp/kubepulse-host-XXXXXX";
  temporary_dir = mkdtemp(name);
}

void teardown() {
  std::string command = "rm -rf '" + temporary_dir + "'";
  if (system(command.c_str()) != 0) printf("left behind: %s\n", temporary_dir.c_str());
}

}  // namespace

int main() {
  setup();
  int failed = run_suite("host", {lockdown, effective_capabilities, what_is_missing, empty_root,
                                  filled_root, what_to_do});
  teardown();
  return failed;
}
