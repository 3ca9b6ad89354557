// From DNS records to counts: queries are matched with their answers, or time out.
#ifndef KUBEPULSE_PUBLISH_DNS_RECORDER_H
#define KUBEPULSE_PUBLISH_DNS_RECORDER_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bpf/event.h"
#include "collect/dns_flight.h"
#include "identity/domain.h"
#include "identity/workloads.h"
#include "publish/event_log.h"
#include "publish/store.h"

namespace kubepulse {

class DnsRecorder {
 public:
  // Nothing is owned; `log` is null where events are not logged. `seed` is random.
  DnsRecorder(Workloads& workloads, Store& store, EventLog* log, const DomainRules& rules,
              uint64_t seed);

  // A record of the ring; `payload` holds its record.captured bytes.
  void take(const dns_record& record, const uint8_t* payload);

  // Queries that no answer followed become timeouts. Up to `now_ns` the ring has been drained.
  void expire(uint64_t now_ns);
  // When to call expire() next; none while nothing is in flight.
  std::optional<uint64_t> next_due_ns() const { return flights_.next_due_ns(); }

  uint64_t evicted() const { return evicted_; }  // timed out early, the table being full
  uint64_t unread() const { return unread_; }    // answers whose header could not be read

 private:
  void query(const dns_record& record, const uint8_t* payload);
  void answer(const dns_record& record, const uint8_t* payload);
  DnsCounts& counts_of(Workloads::Owner owner) { return store_.dns(workloads_.index(owner)); }
  void timed_out(const DnsFlight& flight);
  void log(const DnsFlight& flight, std::string_view rcode, std::optional<uint64_t> latency_ns);

  Workloads& workloads_;
  Store& store_;
  EventLog* log_;
  std::string line_;
  const DomainRules& rules_;
  DnsFlightTable flights_;
  uint64_t evicted_ = 0;
  uint64_t unread_ = 0;
};

}  // namespace kubepulse

#endif
