// The addresses of a host name, inside the loop and without libc's resolver: literals, localhost,
// /etc/hosts, then DNS over UDP.
#ifndef KUBEPULSE_IDENTITY_RESOLVER_H
#define KUBEPULSE_IDENTITY_RESOLVER_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/status.h"
#include "identity/address.h"
#include "identity/dns_answer.h"
#include "identity/resolver_text.h"

namespace kubepulse {

// The files are read at each call, 256 KiB of them at most.
struct ResolverSettings {
  std::string hosts_path = "/etc/hosts";
  std::string resolv_path = "/etc/resolv.conf";
  uint16_t dns_port = 53;
  uint64_t attempt_ns = 2 * kNsPerSecond;  // that a nameserver has to answer
  unsigned rounds = 2;                     // through the nameservers, for one question
};

class Resolver {
 public:
  using Addresses = std::vector<Address>;
  // Once, from the loop, never within resolve(). At least one address, at most kAddressesMax, with
  // the port, in the order to try: as the file has them; from DNS those of IPv4 first. An error
  // names the host. The resolver may be used again or destroyed within.
  using Done = std::function<void(Result<Addresses>)>;

  Resolver(Loop& loop, ResolverSettings settings) : loop_(loop), settings_(std::move(settings)) {}
  ~Resolver() { stop(); }  // `done` is not called any more
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // One at a time: a new call replaces the one before. `host` is without brackets.
  void resolve(std::string_view host, uint16_t port, Done done);

 private:
  void stop();
  void begin();
  void ask(uint16_t type);
  void send_question();
  void receive();
  void take(const DnsAnswer& answer);
  void next_server();
  void next_name();
  void fail(const std::string& why);
  void finish(Result<Addresses> result);

  Loop& loop_;
  ResolverSettings settings_;
  Done done_;
  std::string host_;
  uint16_t port_ = 0;
  ResolvConf conf_;
  std::vector<std::string> names_;  // still to ask for; the last one is next
  DnsQuestion question_;
  size_t server_ = 0;      // index of the nameserver that is asked
  unsigned attempts_ = 0;  // at this question
  bool silent_ = false;    // no attempt at it got an answer
  std::string trouble_;    // of the last attempt that failed
  std::string verdict_;    // of the names that were asked for: "" where there are none such
  Addresses found_;
  Fd fd_;
  Loop::TimerId timer_ = 0;
};

}  // namespace kubepulse

#endif
