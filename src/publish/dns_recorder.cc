#include "publish/dns_recorder.h"

#include <cstring>

#include "base/clock.h"
#include "collect/dns_message.h"

namespace kubepulse {

namespace {

DnsFlightKey key_of(const dns_record& record, uint16_t txid) {
  DnsFlightKey key;
  key.family = record.family;
  key.txid = txid;
  key.server_port = record.server_port;
  memcpy(key.server, record.server, sizeof key.server);
  if (record.socket != 0) {
    memcpy(key.client, &record.socket, sizeof record.socket);
    return key;
  }
  key.netns = record.netns;
  key.client_port = record.client_port;
  memcpy(key.client, record.client, sizeof key.client);
  return key;
}

// FNV-1a.
uint32_t hash(uint32_t seed, const void* bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    seed = (seed ^ static_cast<const uint8_t*>(bytes)[i]) * 16777619U;
  return seed;
}

uint32_t question_of(const DnsMessage& message, const uint8_t* payload, size_t size) {
  constexpr uint32_t kSeed = 2166136261U;
  std::string_view name = message.name();
  if (name.empty()) return hash(kSeed, payload, size);  // malformed: the bytes as they are
  return hash(hash(kSeed, name.data(), name.size()), &message.qtype, sizeof message.qtype);
}

}  // namespace

DnsRecorder::DnsRecorder(Workloads& workloads, Store& store, EventLog* log,
                         const DomainRules& rules, uint64_t seed)
    : workloads_(workloads),
      store_(store),
      log_(log),
      rules_(rules),
      flights_(seed, log != nullptr) {}

void DnsRecorder::take(const dns_record& record, const uint8_t* payload) {
  if (record.kind == DNS_KIND_QUERY)
    query(record, payload);
  else if (record.kind == DNS_KIND_ANSWER)
    answer(record, payload);
}

void DnsRecorder::query(const dns_record& record, const uint8_t* payload) {
  Workloads::Owner owner = workloads_.of(record.cgroup, record.pid, record.time_ns);
  counts_of(owner).records++;
  DnsMessage message;
  DnsParse parse = parse_dns_message(payload, record.captured, message);
  if (parse == DnsParse::too_short) {
    // Nothing to match an answer by, so that it cannot time out either.
    store_.count_query(workloads_.index(owner), "invalid");
    return;
  }
  DnsQuery query;
  query.sent_ns = record.time_ns;
  query.owner = owner;
  query.pid = record.pid;
  memcpy(query.comm, record.comm, sizeof query.comm);
  query.question = question_of(message, payload, record.captured);
  query.plain = parse == DnsParse::well_formed && !message.odd;
  std::string_view name = parse == DnsParse::well_formed ? message.name() : std::string_view();
  std::string_view domain = rules_.domain_of(name, query.plain);
  if (domain.data() + domain.size() == name.data() + name.size())
    query.domain_bytes = static_cast<uint8_t>(domain.size());
  DnsFlightTable::Sent sent = flights_.sent(key_of(record, message.id), query, name);
  if (sent.evicted) evicted_++;
  if (sent.lost) timed_out(*sent.lost);
  if (sent.inserted) store_.count_query(workloads_.index(owner), domain);
}

void DnsRecorder::answer(const dns_record& record, const uint8_t* payload) {
  DnsMessage message;
  if (parse_dns_message(payload, record.captured, message) == DnsParse::too_short) {
    unread_++;
    return;
  }
  auto flight = flights_.answered(key_of(record, message.id), record.time_ns);
  if (!flight) return;
  uint64_t sent_ns = flight->query.sent_ns;
  uint64_t latency_ns = record.time_ns > sent_ns ? record.time_ns - sent_ns : 0;
  DnsCounts& counts = counts_of(flight->query.owner);
  counts.records++;
  counts.responses[rcode_index(message.rcode)]++;
  counts.latency.observe(store_.bounds(), latency_ns);
  if (log_ != nullptr) log(*flight, rcode_name(message.rcode), latency_ns);
}

void DnsRecorder::expire(uint64_t now_ns) {
  flights_.expire(now_ns, [this](const DnsFlight& flight) { timed_out(flight); });
}

void DnsRecorder::timed_out(const DnsFlight& flight) {
  counts_of(flight.query.owner).timeouts++;
  if (log_ != nullptr) log(flight, "TIMEOUT", std::nullopt);
}

void DnsRecorder::log(const DnsFlight& flight, std::string_view rcode,
                      std::optional<uint64_t> latency_ns) {
  Workloads::Index index = workloads_.index(flight.query.owner);
  if (index == Workloads::kFiltered || !log_->wants_line()) return;
  const WorkloadLabels& labels = workloads_.labels(index);
  DnsEvent event;
  event.realtime_ns =
      latency_ns ? wall_ns(flight.query.sent_ns + *latency_ns) : wall_ns(monotonic_ns());
  event.pid = flight.query.pid;
  event.comm = std::string_view(flight.query.comm, strnlen(flight.query.comm, 16));
  event.query = flight.name;
  size_t known = flight.query.domain_bytes;
  event.domain = known > 0 ? flight.name.substr(flight.name.size() - known)
                           : rules_.domain_of(flight.name, flight.query.plain);
  memcpy(event.server, flight.key.server, sizeof event.server);
  event.family = static_cast<uint8_t>(flight.key.family);
  event.server_port = flight.key.server_port;
  event.rcode = rcode;
  event.latency_ns = latency_ns;
  event.ns = labels.ns;
  event.pod = labels.pod;
  line_.clear();
  append_dns_event(line_, event);
  log_->append(line_);
}

}  // namespace kubepulse
