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

namespace kubepulse {

struct Flavour {
  const char* name;                   // "fentry", "tracepoint", ...
  std::vector<const char*> programs;  // all of them, or the flavour is refused
};

struct Signal {
  const char* name;
  std::vector<Flavour> flavours;  // the best first
};

// What became of a signal.
struct Attached {
  std::string signal;
  std::string flavour;  // empty: none works
  std::string refused;  // why not the better ones: "fentry: ...; kprobe: ..."
};

struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkDeleter>;

struct Loaded {
  std::vector<Attached> outcome;
  std::vector<Link> links;  // detaches when destroyed
};

// Opens the skeleton anew (dropping an earlier one) with its sizes and constants set; null on
// error.
using OpenSkeleton = std::function<bpf_object_skeleton*()>;

// After it, the skeleton that `open` gave last is loaded with what could be attached. `only`: the
// one flavour allowed to signals that have it, or "auto". An iterator program ("iter") is attached
// like the others; its link stands in Loaded too. Fails only where the object itself cannot be
// opened or none of its programs loaded with its maps.
Result<Loaded> load_signals(const OpenSkeleton& open, const std::vector<Signal>& signals,
                            std::string_view only);

// Whether this process may use BPF at all; the Status says what is missing and what to do.
Status check_bpf_usable();

}  // namespace kubepulse

#endif
