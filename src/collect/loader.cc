#include "collect/loader.h"

#include <bpf/bpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "base/fd.h"

namespace kubepulse {

namespace {

// libbpf tells why only through its log: the first warning that names a program is the reason.
std::string g_libbpf_log;

int collect_libbpf_log(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[512];
  int length = vsnprintf(line, sizeof line, format, arguments);
  if (length > 0 && g_libbpf_log.size() < 16384) g_libbpf_log += line;
  return 0;
}

struct Choice {
  size_t flavour = 0;  // index; past the end: none is left
  std::string refused;
};

bool allowed(const Signal& signal, const Flavour& flavour, std::string_view only) {
  if (only == "auto") return true;
  bool has = std::any_of(signal.flavours.begin(), signal.flavours.end(),
                         [only](const Flavour& f) { return only == f.name; });
  return !has || only == flavour.name;
}

void skip_disallowed(const Signal& signal, Choice& choice, std::string_view only) {
  while (choice.flavour < signal.flavours.size() &&
         !allowed(signal, signal.flavours[choice.flavour], only))
    choice.flavour++;
}

void refuse(const Signal& signal, Choice& choice, const std::string& reason,
            std::string_view only) {
  if (!choice.refused.empty()) choice.refused += "; ";
  choice.refused += signal.flavours[choice.flavour].name;
  choice.refused += ": ";
  choice.refused += reason;
  choice.flavour++;
  skip_disallowed(signal, choice, only);
}

const Flavour* chosen(const Signal& signal, const Choice& choice) {
  return choice.flavour < signal.flavours.size() ? &signal.flavours[choice.flavour] : nullptr;
}

// The last line that libbpf or the verifier had to say, else the errno.
std::string reason_from_log(int error) {
  std::string reason = strerror(error < 0 ? -error : error);
  for (std::string_view wanted : {"BPF program load failed", "failed to create", "failed to attach",
                                  "failed to find", "is not found", "not found in kernel"}) {
    size_t at = g_libbpf_log.find(wanted);
    if (at == std::string::npos) continue;
    size_t begin = g_libbpf_log.rfind('\n', at);
    begin = begin == std::string::npos ? 0 : begin + 1;
    std::string line = g_libbpf_log.substr(begin, g_libbpf_log.find('\n', at) - begin);
    if (line.rfind("libbpf: ", 0) == 0) line.erase(0, 8);
    return line;
  }
  return reason;
}

// Which signal the failed load was about: the one whose program libbpf named first.
size_t blamed(const std::vector<Signal>& signals, const std::vector<Choice>& choices) {
  size_t found = signals.size(), found_at = std::string::npos;
  for (size_t i = 0; i < signals.size(); i++) {
    const Flavour* flavour = chosen(signals[i], choices[i]);
    if (flavour == nullptr) continue;
    for (const char* program : flavour->programs) {
      size_t at = g_libbpf_log.find("prog '" + std::string(program) + "'");
      if (at < found_at) {
        found_at = at;
        found = i;
      }
    }
  }
  return found;
}

void select_programs(bpf_object* object, const std::vector<Signal>& signals,
                     const std::vector<Choice>& choices) {
  bpf_program* program;
  bpf_object__for_each_program(program, object) bpf_program__set_autoload(program, false);
  for (size_t i = 0; i < signals.size(); i++)
    if (const Flavour* flavour = chosen(signals[i], choices[i]))
      for (const char* name : flavour->programs)
        if (bpf_program* wanted = bpf_object__find_program_by_name(object, name))
          bpf_program__set_autoload(wanted, true);
}

// Attaches all programs of a flavour, or none and says why.
Status attach(bpf_object* object, const Flavour& flavour, std::vector<Link>& links) {
  std::vector<Link> fresh;
  for (const char* name : flavour.programs) {
    g_libbpf_log.clear();
    bpf_program* program = bpf_object__find_program_by_name(object, name);
    if (program == nullptr) return Status::error("no such program in the object");
    errno = 0;
    bpf_link* link = bpf_program__attach(program);
    if (link == nullptr) return Status::error(reason_from_log(errno));
    fresh.emplace_back(link);
  }
  for (Link& link : fresh)
    links.push_back(std::move(link));
  return {};
}

}  // namespace

Result<Loaded> load_signals(const OpenSkeleton& open, const std::vector<Signal>& signals,
                            std::string_view only) {
  libbpf_set_print(collect_libbpf_log);
  std::vector<Choice> choices(signals.size());
  for (size_t i = 0; i < signals.size(); i++)
    skip_disallowed(signals[i], choices[i], only);
  // Each round either succeeds or refuses one more flavour, so it ends.
  for (;;) {
    g_libbpf_log.clear();
    bpf_object_skeleton* skeleton = open();
    if (skeleton == nullptr) return Status::error("cannot open the BPF object: " + g_libbpf_log);
    select_programs(*skeleton->obj, signals, choices);
    if (int error = bpf_object__load_skeleton(skeleton); error != 0) {
      size_t guilty = blamed(signals, choices);
      if (guilty == signals.size()) {
        std::string log = g_libbpf_log.substr(0, g_libbpf_log.find('\n'));
        return Status::error("cannot load the BPF object: " + log, -error);
      }
      refuse(signals[guilty], choices[guilty], reason_from_log(error), only);
      continue;
    }
    Loaded loaded;
    bool again = false;
    for (size_t i = 0; i < signals.size() && !again; i++) {
      const Flavour* flavour = chosen(signals[i], choices[i]);
      if (flavour == nullptr) continue;
      Status status = attach(*skeleton->obj, *flavour, loaded.links);
      if (status.ok()) continue;
      refuse(signals[i], choices[i], status.message(), only);
      again = true;
    }
    if (again) continue;
    for (size_t i = 0; i < signals.size(); i++) {
      const Flavour* flavour = chosen(signals[i], choices[i]);
      loaded.outcome.push_back(
          Attached{signals[i].name, flavour ? flavour->name : "", choices[i].refused});
    }
    return loaded;
  }
}

Status check_bpf_usable() {
  utsname kernel{};
  uname(&kernel);
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    return Status::error(std::string("this kernel (") + kernel.release +
                         ") offers no BTF in /sys/kernel/btf/vmlinux, from which kubepulse learns "
                         "its layout; boot one built with CONFIG_DEBUG_INFO_BTF=y");
  // A map is the least that bpf(2) can be asked for; what refuses it refuses everything.
  Fd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, nullptr, 4, 8, 1, nullptr));
  if (map) return {};
  int error = errno;
  if (error == EPERM)
    return Status::error(
        "bpf(2) is refused to this process; run it as root, or with CAP_BPF, CAP_PERFMON and "
        "CAP_DAC_READ_SEARCH",
        error);
  if (error == ENOSYS)
    return Status::error("this kernel has no bpf(2); boot one built with CONFIG_BPF_SYSCALL=y",
                         error);
  return Status::from_errno("bpf(2)", error);
}

}  // namespace kubepulse
