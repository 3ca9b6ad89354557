// What a rule has found: what is the matter, with whom, and the numbers that show it.
#ifndef KUBEPULSE_INSIGHT_FINDING_H
#define KUBEPULSE_INSIGHT_FINDING_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kubepulse {

enum class InsightType : uint8_t {
  oom_predicted,
  oom_killed,
  memory_leak,
  crash_loop,
  pod_pending,
  pod_not_ready,
  image_pull,
  cpu_throttled,
  dns_failing,
  dns_search_amplification,
  connect_failing,
  retransmitting,
  accept_queue_overflow,
  node_pressure,
  filesystem_filling,
  systemic,
};
constexpr size_t kInsightTypes = 16;

// "oom_predicted", ...
const char* insight_type_name(InsightType type);

enum class Severity : uint8_t { warning, critical };
constexpr size_t kSeverities = 2;
const char* severity_name(Severity severity);

// Who knows it: what the kernel counts, or what Kubernetes says.
enum class Origin : uint8_t { kernel, kubernetes };
Origin origin_of(InsightType type);

// Whoever makes the pods: what a change is to be made to.
struct Owner {
  enum class Kind : uint8_t { none, deployment, replica_set, stateful_set, daemon_set, job, other };
  Kind kind = Kind::none;
  std::string_view name;
};

// Whom it is about: a container, a pod, the node where `pod` is "". The labels of its series.
struct Subject {
  std::string_view ns, pod;
  std::string_view container;
  bool is_pod = false;  // of Kubernetes; a namespace of one may be called "systemd", too
  Owner owner;
};

enum class Unit : uint8_t { count, bytes, bytes_per_second, seconds, share, per_second };
const char* unit_name(Unit unit);

struct Evidence {
  const char* name;  // static text, as metrics are named: "working_set"
  double value;
  Unit unit;
};

class EvidenceList {
 public:
  static constexpr size_t kMax = 8;

  void add(const char* name, double value, Unit unit) {
    if (size_ < kMax) items_[size_++] = {name, value, unit};
  }
  const Evidence* begin() const { return items_.data(); }
  const Evidence* end() const { return items_.data() + size_; }
  size_t size() const { return size_; }
  // Null where there is none of that name.
  const Evidence* find(std::string_view name) const;

 private:
  std::array<Evidence, kMax> items_;
  size_t size_ = 0;
};

struct Prediction {
  double probability = 0;  // within the horizon of the rule
  double confidence = 0;   // 0 to 1: how much of what there was to see has been seen
  double seconds = 0;      // to the event; low and high about it; infinite: perhaps never
  double seconds_low = 0, seconds_high = 0;
};

// The views are valid as long as those of the facts that it was found in.
struct Finding {
  InsightType type;
  Severity severity = Severity::warning;
  bool urgent = false;  // to be reported at once, however sure
  Subject subject;
  // What else tells two of one type about one subject apart: a mount point, a resource. Mostly "".
  std::string_view object;
  // As somebody else has put it: the reason of the last exit, of a waiting image. Any bytes.
  std::string_view reason;
  // With whom: a peer's namespace and name, where known.
  std::string_view peer_ns, peer;
  EvidenceList evidence;
  std::optional<Prediction> prediction;
};

}  // namespace kubepulse

#endif
