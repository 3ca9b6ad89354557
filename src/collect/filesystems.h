// How full the file systems of processes are: asked in rounds, by a helper process that is there
// for the round only, and remembered. Nothing here waits for a file system.
//
// Each file system has what amounts to a circuit breaker: one that does not answer within
// `patience_ns` is left alone (open); once that time is over the next round asks it once
// (half-open), and an answer brings it back (closed), or none leaves it alone for twice as long.
#ifndef KUBEPULSE_COLLECT_FILESYSTEMS_H
#define KUBEPULSE_COLLECT_FILESYSTEMS_H

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "base/loop.h"
#include "collect/mounts.h"
#include "collect/statfs_helper.h"

namespace kubepulse {

struct Filesystem {
  std::string point;  // where it is mounted, as the process sees it
  FilesystemSize size;
  uint64_t device = 0;  // as of Mount, and so the next
  std::string upper;
};

// Whose mounts are to be read: those that process `pid` sees.
struct FilesystemOwner {
  uint64_t key = 0;  // the caller's, each once, not 0
  uint32_t pid = 0;
};

// How long what takes.
struct FilesystemPace {
  uint64_t pause_ns = 15 * kNsPerSecond;    // from the start of one round to that of the next
  uint64_t patience_ns = 1 * kNsPerSecond;  // for one answer
  // For how long a file system that gave none is left alone: twice as long each time.
  uint64_t stuck_ns_min = 30 * kNsPerSecond;
  uint64_t stuck_ns_max = 600 * kNsPerSecond;
};

struct FilesystemCounts {
  uint64_t timeouts = 0;     // answers that never came
  uint64_t unread = 0;       // owners that were not read, or not wholly: there was no helper
  uint64_t left_out = 0;     // mounts beyond kMountsMax, in the last round
  size_t stuck = 0;          // file systems that are left alone now
  size_t helpers_ended = 0;  // which the kernel has not let go of yet
};

class Filesystems {
 public:
  static constexpr size_t kOwnersMax = 4096;
  static constexpr size_t kInFlightMax = 32;  // questions that the helper has not answered
  static constexpr size_t kStuckMax = 256;
  // With that many helpers that do not end there are no further ones, until one has ended.
  static constexpr size_t kEndedMax = 4;

  // `loop` outlives it.
  Filesystems(Loop& loop, std::string proc_root, FilesystemPace pace = FilesystemPace());
  // Kills all helpers and waits for none.
  ~Filesystems();
  Filesystems(const Filesystems&) = delete;
  Filesystems& operator=(const Filesystems&) = delete;

  // Whether refresh() would begin a round.
  bool due() const;
  // Begins a round, which the loop goes on with: for an owner of four file systems some 60 us here
  // and 20 in the helper, and some 300 us to fork. Where it is not due nothing happens. With the
  // round's end what is not among `owners` is forgotten; beyond kOwnersMax they are passed over.
  void refresh(std::vector<FilesystemOwner> owners);

  // As of the last round that has ended; empty where nothing is known. What did not answer is not
  // among them, nor files that are mounted, nor what has no size. Valid until the loop turns.
  const std::vector<Filesystem>& of(uint64_t key);
  // When that round ended; 0: none has.
  uint64_t told_ns() const { return told_ns_; }

  FilesystemCounts counts() const;

 private:
  struct Held {
    uint64_t round = 0;
    std::vector<Filesystem> now;   // as of the last round
    std::vector<Filesystem> next;  // of the one that runs
  };
  struct Question {
    uint64_t number;
    FilesystemOwner owner;
    Mount mount;
  };
  struct Stuck {
    uint64_t device;
    uint64_t pause_ns;
    uint64_t until_ns;
  };

  void step();
  bool take_answers();
  void take(const Question& question, const StatfsAnswer& answer);
  void read_owners();
  void read_owner(const FilesystemOwner& owner);
  bool send();
  Status start_helper();
  void give_up_first();
  void end_round();
  void release_helper();
  void reap(int pidfd);
  bool is_stuck(uint64_t device) const;
  void mark_stuck(uint64_t device);
  bool forget_stuck(uint64_t device);

  Loop& loop_;
  std::string proc_root_;
  FilesystemPace pace_;
  FlatMap<Held> held_{kOwnersMax};
  std::vector<Stuck> stuck_;
  FilesystemCounts counts_;
  std::vector<std::unique_ptr<StatfsHelper>> ended_;  // killed or dismissed, and watched
  uint64_t next_round_ns_ = 0;
  uint64_t told_ns_ = 0;
  bool complained_ = false;  // that there is no helper

  // Of the round that runs.
  bool running_ = false;
  uint64_t round_ = 0;
  std::vector<FilesystemOwner> owners_;
  size_t owners_read_ = 0;
  std::deque<Question> questions_;  // without an answer; the first sent_ are with the helper
  size_t sent_ = 0;
  uint64_t number_ = 0;
  uint64_t waiting_since_ns_ = 0;
  uint64_t look_ns_ = 0;
  std::unique_ptr<StatfsHelper> helper_;
  Loop::TimerId timer_ = 0;
};

}  // namespace kubepulse

#endif
