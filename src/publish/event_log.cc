#include "publish/event_log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "collect/connect_failure.h"

namespace kubepulse {

namespace {

// Lines are held back until so many bytes can go out together.
constexpr size_t kFlushBytes = 64 << 10;

void append_text(std::string& out, std::string_view key, std::string_view text) {
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, text);
}

// "10.0.0.1:443", "[2001:db8::1]:443"; inet_ntop(3) writes IPv6 as RFC 5952 wants it, and IPv4 by
// printf(3), which takes ten times as long as this.
void append_address(std::string& out, std::string_view key, int family, const uint8_t* address,
                    uint16_t port) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (family != AF_INET) inet_ntop(family, address, text, sizeof text);
  bool bracketed = family == AF_INET6;
  out += ",\"";
  out += key;
  out += bracketed ? "\":\"[" : "\":\"";
  if (family == AF_INET) {
    for (int i = 0; i < 4; i++) {
      if (i > 0) out += '.';
      append_number(out, uint64_t{address[i]});
    }
  } else {
    out += text;
  }
  out += bracketed ? "]:" : ":";
  append_number(out, uint64_t{port});
  out += '"';
}

void append_head(std::string& out, uint64_t realtime_ns, std::string_view message) {
  out += "{\"level\":\"info\",\"ts\":\"";
  append_rfc3339(out, realtime_ns);
  out += "\",\"msg\":\"";
  out += message;
  out += '"';
}

void append_process(std::string& out, uint32_t pid, std::string_view comm) {
  if (pid == 0) return;
  out += ",\"pid\":";
  append_number(out, uint64_t{pid});
  append_text(out, "comm", comm);
}

void append_latency_ms(std::string& out, uint64_t ns) {
  out += ",\"latency_ms\":";
  append_milliseconds(out, ns);
}

void append_owner(std::string& out, std::string_view ns, std::string_view pod) {
  append_text(out, "namespace", ns);
  append_text(out, "pod", pod);
  out += "}\n";
}

std::optional<uint64_t> latency_ns(const tcp_record& record) {
  bool opened = record.kind == TCP_KIND_OPENED;
  if (record.start_ns == 0 || (opened && record.direction == TCP_DIRECTION_IN)) return std::nullopt;
  uint64_t end_ns = opened || record.close_ns == 0 ? record.time_ns : record.close_ns;
  if (end_ns < record.start_ns) return std::nullopt;
  return end_ns - record.start_ns;
}

void append_tcp_what(std::string& out, const tcp_record& record) {
  bool is_in = record.direction == TCP_DIRECTION_IN, is_out = record.direction == TCP_DIRECTION_OUT;
  if (record.kind == TCP_KIND_OPENED) {
    append_text(out, "event", is_in ? "accept" : "connect");
  } else if (record.kind == TCP_KIND_FAILED) {
    append_text(out, "event", "fail");
    append_text(out, "reason", failure_reason(record.error));
  } else {
    append_text(out, "event", "close");
    append_text(out, "direction", is_in ? "in" : is_out ? "out" : "unknown");
  }
}

// `number` hundredths.
void append_hundredths(std::string& out, uint64_t number) {
  append_number(out, number / 100);
  out += '.';
  out += static_cast<char>('0' + number / 10 % 10);
  out += static_cast<char>('0' + number % 10);
}

}  // namespace

void append_human_latency(std::string& out, uint64_t ns) {
  // Rounded before the unit is chosen, so that none says "1000us".
  uint64_t us = (ns + 500) / 1000;
  uint64_t ms_hundredths = (ns + 5000) / 10000;
  if (us < 1000) {
    append_number(out, us);
    out += "us";
  } else if (ms_hundredths < 100000) {
    append_hundredths(out, ms_hundredths);
    out += "ms";
  } else {
    append_hundredths(out, (ns + 5 * kNsPerMs) / (10 * kNsPerMs));
    out += 's';
  }
}

void append_tcp_event(std::string& out, const tcp_record& record, uint64_t realtime_ns,
                      std::string_view ns, std::string_view pod) {
  if (record.kind != TCP_KIND_OPENED && record.kind != TCP_KIND_FAILED &&
      record.kind != TCP_KIND_CLOSED)
    return;
  append_head(out, realtime_ns, "tcp_event");
  append_tcp_what(out, record);
  append_process(out, record.pid, {record.comm, strnlen(record.comm, sizeof record.comm)});
  bool is_in = record.direction == TCP_DIRECTION_IN;
  append_address(out, "src", record.family, is_in ? record.remote : record.local,
                 is_in ? record.remote_port : record.local_port);
  append_address(out, "dst", record.family, is_in ? record.local : record.remote,
                 is_in ? record.local_port : record.remote_port);
  if (std::optional<uint64_t> latency = latency_ns(record)) {
    append_latency_ms(out, *latency);
    out += ",\"latency_human\":\"";
    append_human_latency(out, *latency);
    out += '"';
  }
  append_owner(out, ns, pod);
}

void append_dns_event(std::string& out, const DnsEvent& event) {
  append_head(out, event.realtime_ns, "dns_event");
  append_process(out, event.pid, event.comm);
  append_text(out, "query", event.query);
  append_text(out, "domain", event.domain);
  append_address(out, "dns_server", event.family, event.server, event.server_port);
  append_text(out, "rcode", event.rcode);
  if (event.latency_ns) append_latency_ms(out, *event.latency_ns);
  append_owner(out, event.ns, event.pod);
}

// O_NONBLOCK is no property of the descriptor but of what it was opened as, which standard output
// shares with the shell and whoever else writes to that terminal or pipe: setting it would break
// them, and a crash would leave it set. So it is not set on `fd`. A socket can be asked not to wait
// by each send; a pipe and a terminal are opened again through /proc, for ourselves only. Where
// that is refused (a pipe that another user made), we ask whether there is room before each write,
// of at most what then fits.
EventLog::EventLog(Loop& loop, int fd) : loop_(loop), fd_(fd) {
  buffer_.reserve(kBufferMax);  // only what is used of it becomes memory
  struct stat status {};
  if (fstat(fd, &status) != 0) return;
  is_socket_ = S_ISSOCK(status.st_mode);
  is_file_ = S_ISREG(status.st_mode);
  if (is_socket_ || is_file_) return;
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  own_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

EventLog::~EventLog() {
  flush();
  if (waiting_) loop_.forget(target());
}

void EventLog::append(std::string_view line) {
  if (!open_ || held() + line.size() > kBufferMax) {
    dropped_++;
    return;
  }
  // The written part goes before the buffer would grow for it: it stays within its bound.
  if (buffer_.size() + line.size() > kBufferMax) {
    buffer_.erase(0, written_);
    written_ = 0;
  }
  buffer_ += line;
  if (!waiting_ && held() >= kFlushBytes) flush();
}

void EventLog::flush() {
  while (open_ && held() > 0) {
    // At most PIPE_BUF bytes, and whole lines where they are shorter: so other writers to the same
    // pipe, our own standard error perhaps, do not come in between (pipe(7)).
    std::string_view text = std::string_view(buffer_).substr(written_, PIPE_BUF);
    if (size_t newline = text.rfind('\n'); newline != text.npos) text = text.substr(0, newline + 1);
    ssize_t wrote = write_some(text);
    if (wrote >= 0) {
      written_ += static_cast<size_t>(wrote);
    } else if (errno == EAGAIN) {
      wait();
      return;
    } else if (errno == ENOSPC || errno == EDQUOT) {
      return;  // the disk may have room again at the next flush
    } else if (errno != EINTR) {
      stop(errno);
    }
  }
  buffer_.clear();
  written_ = 0;
  if (waiting_) loop_.forget(target());
  waiting_ = false;
}

ssize_t EventLog::write_some(std::string_view text) const {
  if (is_socket_) return send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (own_ || is_file_) return write(target(), text.data(), text.size());
  pollfd room{fd_, POLLOUT, 0};
  if (int ready = poll(&room, 1, 0); ready <= 0) {
    if (ready == 0) errno = EAGAIN;
    return -1;
  }
  return write(fd_, text.data(), text.size());
}

void EventLog::wait() {
  if (waiting_) return;
  waiting_ = loop_.watch(target(), EPOLLOUT, [this](uint32_t) { flush(); }).ok();
}

void EventLog::stop(int error_number) {
  dropped_ += static_cast<uint64_t>(
      std::count(buffer_.begin() + static_cast<ptrdiff_t>(written_), buffer_.end(), '\n'));
  open_ = false;
  log_warn("the event log has ended: standard output cannot be written to",
           {{"error", strerror(error_number)}});
}

}  // namespace kubepulse
