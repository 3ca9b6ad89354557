#include "collect/loader.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "base/fd.h"
#include "collect/cgroup_root.h"
#include "collect/packed_object.h"
#include "collect/refusal.h"

namespace kubepulse {

namespace {

constexpr size_t kLogBytesMax = 64 << 10;

// libbpf tells why only through its log.
std::string g_libbpf_log;

int collect_libbpf_log(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0 || g_libbpf_log.size() > kLogBytesMax) return 0;
  std::string text(static_cast<size_t>(length) + 1, '\0');
  vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  // The verifier's log can have megabytes; who is meant stands at its beginning, why at its end.
  if (text.size() > kLogBytesMax) text.erase(kLogBytesMax / 2, text.size() - kLogBytesMax);
  g_libbpf_log += text;
  return 0;
}

Hook hook_of(const bpf_program* program) {
  switch (bpf_program__type(program)) {
    case BPF_PROG_TYPE_TRACING:
      break;
    case BPF_PROG_TYPE_RAW_TRACEPOINT:
      return Hook::raw_tracepoint;
    case BPF_PROG_TYPE_KPROBE:
      return Hook::kprobe;
    case BPF_PROG_TYPE_XDP:
      return Hook::xdp;
    default:
      return Hook::cgroup;
  }
  switch (bpf_program__expected_attach_type(program)) {
    case BPF_TRACE_RAW_TP:
      return Hook::typed_tracepoint;
    case BPF_TRACE_ITER:
      return Hook::iterator;
    default:
      return Hook::function;
  }
}

// One object, and the attempts to load it.
class ObjectLoader {
 public:
  ObjectLoader(const OpenSkeleton& open, const std::vector<Signal>& signals,
               const LoadSettings& settings)
      : open_(open), signals_(signals), settings_(settings) {}

  Verdict attempt(const Choice& choice) {
    links_.clear();
    attached_.clear();
    g_libbpf_log.clear();
    const Host& host = settings_.host;
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    if (host.has_foreign_btf()) options.btf_custom_path = host.btf.c_str();
    bpf_object_skeleton* skeleton = open_(&options);
    release_object();
    if (skeleton == nullptr)
      return Verdict::refused(Verdict::kNobody, "cannot open the BPF object: " + g_libbpf_log);
    object_ = *skeleton->obj;
    if (Verdict verdict = prepare(choice); !verdict.ok) return verdict;
    if (int error = bpf_object__load_skeleton(skeleton); error != 0) return blame(choice, -error);
    for (size_t i = 0; i < choice.size(); i++)
      if (Verdict verdict = attach(choice, i); !verdict.ok) return verdict;
    return {};
  }

  std::vector<Link> take_links() { return std::move(links_); }

 private:
  // Before the kernel is asked: which programs, and whether anything speaks against them.
  Verdict prepare(const Choice& choice) {
    bpf_program* program;
    bpf_object__for_each_program(program, object_) bpf_program__set_autoload(program, false);
    for (size_t i = 0; i < choice.size(); i++)
      for (const char* name : programs(choice[i])) {
        program = bpf_object__find_program_by_name(object_, name);
        if (program == nullptr)
          return Verdict::refused(i, std::string("no program ") + name + " in the object");
        bpf_program__set_autoload(program, true);
        if (std::string reason = refusal_beforehand(hook_of(program), settings_.host);
            !reason.empty())
          return Verdict::refused(i, reason);
        if (hook_of(program) == Hook::cgroup && !root_) {
          Result<Fd> root = open_cgroup_root(settings_.cgroup_root);
          if (!root.ok()) return Verdict::refused(i, root.status().message());
          root_ = std::move(root.value());
        }
        if (!is_broken(i, program)) continue;
        if (hook_of(program) == Hook::xdp) bpf_program__set_flags(program, UINT32_MAX);
        if (bpf_program__type(program) != BPF_PROG_TYPE_TRACING) continue;
        // Typed programs are looked up in the kernel's BTF here; the others when attached.
        int error = bpf_program__set_attach_target(program, 0, target_of(i, program).c_str());
        if (error != 0) return refuse(i, program, -error, false);
      }
    return {};
  }

  static const std::vector<const char*>& programs(const Flavour* flavour) {
    static const std::vector<const char*> none;
    return flavour == nullptr ? none : flavour->programs;
  }

  bool is_broken(size_t signal, const bpf_program* program) const {
    return std::any_of(settings_.broken.begin(), settings_.broken.end(), [&](const auto& name) {
      return name == signals_[signal].name || name == bpf_program__name(program);
    });
  }

  // What stands behind the slash in SEC("tp_btf/inet_sock_set_state").
  std::string target_of(size_t signal, const bpf_program* program) const {
    std::string target = bpf_program__section_name(program);
    target.erase(0, target.find('/') + 1);
    return is_broken(signal, program) ? target + "_renamed" : target;
  }

  Verdict refuse(size_t signal, const bpf_program* program, int error, bool attaching) const {
    Refusal refusal{hook_of(program), target_of(signal, program), attaching, error, g_libbpf_log};
    return Verdict::refused(signal, refusal_reason(refusal, settings_.host));
  }

  // Loading ends with the first program that fails, and that is the one that libbpf names, if any.
  Verdict blame(const Choice& choice, int error) const {
    const bpf_program* guilty = nullptr;
    size_t signal = Verdict::kNobody, found_at = std::string::npos;
    for (size_t i = 0; i < choice.size(); i++)
      for (const char* name : programs(choice[i])) {
        size_t at = g_libbpf_log.find("prog '" + std::string(name) + "'");
        if (at >= found_at) continue;
        found_at = at;
        signal = i;
        guilty = bpf_object__find_program_by_name(object_, name);
      }
    if (guilty != nullptr) return refuse(signal, guilty, error, false);
    Refusal refusal;
    refusal.error = error < __LIBBPF_ERRNO__START ? error : 0;
    refusal.target = "the BPF object";
    refusal.log = g_libbpf_log;
    return Verdict::refused(Verdict::kNobody, refusal_reason(refusal, settings_.host));
  }

  Verdict attach(const Choice& choice, size_t signal) {
    for (const char* name : programs(choice[signal])) {
      g_libbpf_log.clear();
      bpf_program* program = bpf_object__find_program_by_name(object_, name);
      if (hook_of(program) == Hook::xdp) continue;
      bool broken = is_broken(signal, program);
      if (!broken && std::count(attached_.begin(), attached_.end(), program) != 0) continue;
      bpf_link* link = broken ? attach_broken(signal, program) : attach_whole(program);
      if (link == nullptr) return refuse(signal, program, errno, true);
      links_.emplace_back(link);
      attached_.push_back(program);
    }
    return {};
  }

  // A link to a cgroup always has the sense of BPF_F_ALLOW_MULTI (kernel/bpf/cgroup.c).
  bpf_link* attach_whole(const bpf_program* program) const {
    if (hook_of(program) == Hook::cgroup) return bpf_program__attach_cgroup(program, root_.get());
    std::string_view section = bpf_program__section_name(program);
    if (section != "iter/bpf_map_elem") return bpf_program__attach(program);
    const bpf_map* map = bpf_object__find_map_by_name(object_, "connections");
    bpf_iter_link_info info{};
    if (map != nullptr) info.map.map_fd = static_cast<uint32_t>(bpf_map__fd(map));
    bpf_iter_attach_opts options{};
    options.sz = sizeof options;
    options.link_info = &info;
    options.link_info_len = sizeof info;
    return bpf_program__attach_iter(program, &options);
  }

  bpf_link* attach_broken(size_t signal, bpf_program* program) const {
    std::string target = target_of(signal, program);
    switch (hook_of(program)) {
      case Hook::raw_tracepoint:
        return bpf_program__attach_raw_tracepoint(program, target.c_str());
      case Hook::kprobe:
        return bpf_program__attach_kprobe(program, false, target.c_str());
      default:
        return bpf_program__attach_cgroup(program, -1);
    }
  }

  const OpenSkeleton& open_;
  const std::vector<Signal>& signals_;
  const LoadSettings& settings_;
  bpf_object* object_ = nullptr;
  Fd root_;  // of cgroup v2, once it is asked for
  std::vector<Link> links_;
  std::vector<const bpf_program*> attached_;  // what is behind them
};

}  // namespace

Loaded load_signals(const OpenSkeleton& open, const std::vector<Signal>& signals,
                    std::string_view only, const LoadSettings& settings) {
  libbpf_set_print(collect_libbpf_log);
  ObjectLoader loader(open, signals, settings);
  Loaded loaded;
  loaded.outcome = choose_flavours(
      signals, only, [&loader](const Choice& choice) { return loader.attempt(choice); });
  bool any = std::any_of(loaded.outcome.begin(), loaded.outcome.end(),
                         [](const Attached& attached) { return !attached.flavour.empty(); });
  if (any) loaded.links = loader.take_links();
  return loaded;
}

uint64_t skipped_runs(const bpf_program* program) {
  bpf_prog_info info{};
  uint32_t size = sizeof info;
  int fd = bpf_program__fd(program);
  bool told = fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0;
  return told ? info.recursion_misses : 0;
}

void each_loaded(const bpf_object* object, const VisitProgram& visit) {
  bpf_program* program;
  bpf_object__for_each_program(program, object) if (bpf_program__fd(program) >= 0) visit(program);
}

Status check_bpf_usable() {
  utsname kernel{};
  uname(&kernel);
  // Asks for CAP_BPF, where other maps are for everybody if the administrator says so.
  uint32_t bytes = static_cast<uint32_t>(sysconf(_SC_PAGESIZE));
  Fd map(bpf_map_create(BPF_MAP_TYPE_RINGBUF, nullptr, 0, 0, bytes, nullptr));
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
  if (error == EINVAL)
    return Status::error(std::string("this kernel (") + kernel.release +
                             ") has no BPF ring buffer; boot Linux 5.8 or later",
                         error);
  return Status::from_errno("bpf(2)", error);
}

Status check_btf_file(const std::string& path) {
  libbpf_set_print(collect_libbpf_log);
  std::string flag = "--btf=" + path;
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return Status::from_errno(flag, errno);
  btf* kernel = btf__parse(path.c_str(), nullptr);
  if (kernel == nullptr)
    return Status::error(flag + ": there is no BTF in it, neither raw nor in a section .BTF");
  bool is_kernel = btf__find_by_name_kind(kernel, "sock", BTF_KIND_STRUCT) > 0;
  btf__free(kernel);
  return is_kernel ? Status() : Status::error(flag + ": this is not the BTF of a kernel");
}

}  // namespace kubepulse
