// What the kernel programs cost, by the kernel's own count.
#ifndef KUBEPULSE_COLLECT_PROGRAM_STATS_H
#define KUBEPULSE_COLLECT_PROGRAM_STATS_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

struct bpf_program;

namespace kubepulse {

struct ProgramStats {
  std::string name;
  uint64_t runs = 0;
  uint64_t run_time_ns = 0;
};

using VisitProgram = std::function<void(const bpf_program* program)>;

// Of each name among the loaded `programs`: those that share one, as each interface has its own,
// are added up. Empty where the kernel does not count and never has: kernel.bpf_stats_enabled is 0.
std::vector<ProgramStats> read_program_stats(const std::vector<const bpf_program*>& programs,
                                             const std::string& proc_root);

}  // namespace kubepulse

#endif
