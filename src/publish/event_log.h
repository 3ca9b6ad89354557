// The event log: one JSON object a line for each connect, accept, failure, close and DNS query.
// The two that format are pure; EventLog writes.
#ifndef KUBEPULSE_PUBLISH_EVENT_LOG_H
#define KUBEPULSE_PUBLISH_EVENT_LOG_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/loop.h"
#include "bpf/event.h"

namespace kubepulse {

// Appends a whole line; nothing for a record that is no event (TCP_KIND_OPEN, TCP_KIND_LISTEN,
// ...).
//
//   event: "connect", "accept", "fail" (then "reason") or "close" (then "direction")
//   pid, comm: not where the pid is unknown
//   src, dst: of the connection, so that src is who opened it; where that is unknown, src is local
//   latency_ms, latency_human: the handshake of a connect; from the start to the application's
//     close of the others, or to their end where it did not close. Not for an accept, nor where the
//     start is unknown
void append_tcp_event(std::string& out, const tcp_record& record, uint64_t realtime_ns,
                      std::string_view ns, std::string_view pod);

struct DnsEvent {
  uint64_t realtime_ns = 0;
  uint32_t pid = 0;  // 0: not known, and `comm` neither
  std::string_view comm;
  std::string_view query;  // any bytes
  std::string_view domain;
  uint8_t server[16] = {};  // as in dns_record
  uint8_t family = 0;       // AF_INET or AF_INET6
  uint16_t server_port = 0;
  std::string_view rcode;              // "TIMEOUT" where no answer came
  std::optional<uint64_t> latency_ns;  // none where no answer came
  std::string_view ns;
  std::string_view pod;
};

void append_dns_event(std::string& out, const DnsEvent& event);

// As a person would say it: "850us", "12.40ms", "1.20s".
void append_human_latency(std::string& out, uint64_t ns);

// Writes lines to `fd` and never waits for who reads them (but for the disk, where it is a file).
// What cannot be written yet is kept, up to a bound; beyond, whole lines are dropped and counted.
class EventLog {
 public:
  static constexpr size_t kBufferMax = 256 << 10;

  // Neither is owned, and both outlive the log. SIGPIPE is ignored by the process.
  EventLog(Loop& loop, int fd);
  ~EventLog();  // writes what can be written at once
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // `line` is one whole line. It is held until flush(), or until there are many.
  void append(std::string_view line);
  // Writes what it can; the loop goes on with the rest.
  void flush();

  // While load is shed no line is to be made.
  void shed(bool on) { sheds_ = on; }
  // Whether a line is wanted of an event that has come; counts it where not.
  bool wants_line() {
    shed_ += sheds_ ? 1 : 0;
    return !sheds_;
  }

  uint64_t dropped() const { return dropped_; }
  uint64_t shed_lines() const { return shed_; }
  // False once the reader has gone; from then on each line is dropped.
  bool open() const { return open_; }

 private:
  ssize_t write_some(std::string_view text) const;
  void wait();
  void stop(int error_number);
  size_t held() const { return buffer_.size() - written_; }

  Loop& loop_;
  int fd_;
  Fd own_;  // the same pipe or terminal, opened again
  bool is_socket_ = false;
  bool is_file_ = false;
  bool open_ = true;
  bool waiting_ = false;  // the loop watches target()
  int target() const { return own_ ? own_.get() : fd_; }

  std::string buffer_;
  size_t written_ = 0;  // of `buffer_`, from its beginning
  uint64_t dropped_ = 0;
  bool sheds_ = false;
  uint64_t shed_ = 0;
};

}  // namespace kubepulse

#endif
