// Loads and attaches the programs of one BPF object, each signal in the best flavour that this
// kernel takes. A signal that no flavour serves is left out and said; it never stops the others.
#ifndef KUBEPULSE_COLLECT_LOADER_H
#define KUBEPULSE_COLLECT_LOADER_H

#include <bpf/libbpf.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collect/flavours.h"
#include "collect/host.h"
#include "collect/map_stats.h"
#include "collect/program_stats.h"

namespace kubepulse {

struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkDeleter>;

struct Loaded {
  std::vector<Attached> outcome;
  std::vector<Link> links;  // detaches when destroyed

  bool any() const { return !links.empty(); }
};

// What is the same for each object.
struct LoadSettings {
  Host host;
  std::string cgroup_root;  // where cgroup v2 is mounted, "": nowhere
  // Names of programs or signals whose attach target is renamed before the kernel sees it, so that
  // it refuses them; of XDP the flags are wrong, and modes may be named: for tests.
  std::vector<std::string> broken;
};

// Opens the skeleton anew (dropping an earlier one), with these options, and with its sizes and
// constants set; null on error.
using OpenSkeleton = std::function<bpf_object_skeleton*(const bpf_object_open_opts* options)>;

// After it, the skeleton that `open` gave last is loaded with what could be attached; where that is
// nothing at all it is not loaded, and has no maps. Never fails: what is missing is in the outcome.
// `only`: the one flavour allowed to signals that have it, or "auto". An iterator program ("iter")
// is attached like the others; its link stands in Loaded too, in the order of the signals. One of
// "iter/bpf_map_elem" is attached to the map `connections`. Programs
// of the hook `cgroup` are attached to the root of cgroup v2, beside what others have there; one
// that several signals share is attached once. One of XDP is loaded alone: whoever knows the
// interface attaches it.
Loaded load_signals(const OpenSkeleton& open, const std::vector<Signal>& signals,
                    std::string_view only, const LoadSettings& settings);

// How often the kernel skipped a loaded program, as it runs none while it runs already on that CPU
// (recursion_misses of bpf_prog_info, Linux 5.12; of kprobes 6.7); 0: never, or that is not known.
uint64_t skipped_runs(const bpf_program* program);

// The programs of `object` that were loaded.
void each_loaded(const bpf_object* object, const VisitProgram& visit);

// Whether this process may use BPF at all; the Status says what is missing and what to do.
Status check_bpf_usable();

// Whether `path`, of --btf, holds the BTF of a kernel, raw or in an ELF file.
Status check_btf_file(const std::string& path);

}  // namespace kubepulse

#endif
