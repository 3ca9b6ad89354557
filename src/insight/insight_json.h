// Insights as JSON, for GET /insights, `sniff -o json` and the event log. Pure; any bytes in names
// are safe, and no byte of them ends a line.
//
// GET /insights is one object:
//
//   {"version":1,"node":"NODE","time":"2026-01-02T03:04:05.678901Z","interval_seconds":10,
//    "insights":[INSIGHT,...]}
//
// "time" is that of the last tick, null before the first; the next one is due "interval_seconds"
// later, and nothing changes before.
//
// `sniff -o json` writes one INSIGHT a line. Members that say nothing are left out, but for those
// marked +:
//
//   id+          16 hex digits: of type, namespace, pod, container and object, and nothing else;
//   the
//                same whenever this comes back, on whichever start of the daemon
//   state+       "active", in an answer; "raised" or "resolved", in a stream
//   type+        "oom_predicted", ...
//   severity+    "warning" or "critical"; it rises while the insight is active, and does not fall
//   origin+      "kernel": by what was counted; "kubernetes": by what the kubelet says
//   namespace+, pod+, container    as in the labels of the metrics; pod "" is the node
//   owner        {"kind":"deployment","name":"web"}: who makes the pod
//   object       what of it: a mount point, a resource, a container, a type of insight
//   reason       as somebody else has put it: "OOMKilled", "ErrImagePull", "refused"
//   peer         {"namespace":"shop","name":"db"}: with whom
//   since+       when it was found first, by the wall clock of then
//   summary+     one sentence for people; its wording may change
//   evidence+    [{"name":"working_set","value":503316480,"unit":"bytes"},...]: numbers of the last
//                look; units: count, bytes, bytes_per_second, seconds, share (0 to 1), per_second
//   prediction   {"probability":0.83,"confidence":0.9,"seconds":200,"seconds_low":150,
//                "seconds_high":null}: to the event; null: perhaps never
//   cause        the id of another insight that explains this one
//   actions+     [{"what":"...","command":"kubectl ...","risk":"medium","effect":"..."},...]; risk:
//                none, low, medium, high; without a command where none fits; nothing is executed
#ifndef KUBEPULSE_INSIGHT_INSIGHT_JSON_H
#define KUBEPULSE_INSIGHT_INSIGHT_JSON_H

#include <cstdint>
#include <string>
#include <string_view>

#include "insight/insight_table.h"

namespace kubepulse {

// One INSIGHT, without a line's end. `wall_offset_ns` is what the wall clock is ahead of the clock
// of Insight::since_ns, modulo 2^64: for an insight that does not know its wall time.
void append_insight(std::string& out, const Insight& insight, std::string_view state,
                    uint64_t wall_offset_ns);

// A line of the event log: level, ts and msg as its other lines have them, then the members of an
// INSIGHT, its state "raised" or "resolved".
void append_insight_event(std::string& out, const Insight& insight, bool raised, uint64_t now_ns,
                          uint64_t wall_offset_ns);

// When the table was brought up to date.
struct InsightTicks {
  uint64_t last_ns = 0;  // of the clock of Insight::since_ns; 0: never
  uint64_t interval_ns = 0;
};

// The whole object, with a line's end. The worst come first, then those of longest standing.
void append_insights(std::string& out, const InsightTable& table, std::string_view node,
                     const InsightTicks& ticks, uint64_t wall_offset_ns);

}  // namespace kubepulse

#endif
