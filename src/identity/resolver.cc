#include "identity/resolver.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "base/random.h"
#include "collect/dns_message.h"

namespace kubepulse {

namespace {

constexpr size_t kFileBytesMax = size_t{256} << 10;
constexpr size_t kAnswerBytesMax = 2048;  // 512 without EDNS, but not every server knows
constexpr unsigned kNxdomain = 3;

// What cannot be read is empty, as for libc.
std::string read_beginning(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string text;
  char piece[4096];
  ssize_t size = 0;
  while (file && text.size() < kFileBytesMax && (size = read(file.get(), piece, sizeof piece)) > 0)
    text.append(piece, static_cast<size_t>(size));
  return text;
}

uint16_t random_id() {
  // Early at boot the kernel may have no randomness; the port is still the kernel's choice.
  return static_cast<uint16_t>(random_seed());
}

}  // namespace

void Resolver::stop() {
  loop_.cancel(timer_);
  timer_ = 0;
  if (fd_) loop_.forget(fd_.get());
  fd_.reset();
}

void Resolver::resolve(std::string_view host, uint16_t port, Done done) {
  stop();
  host_ = host;
  port_ = port;
  done_ = std::move(done);
  timer_ = loop_.after(0, [this] {
    timer_ = 0;
    begin();
  });
}

void Resolver::begin() {
  found_.clear();
  if (auto literal = Address::parse(host_)) return finish(Addresses{*literal});
  if (host_.find('%') != host_.npos)
    return fail("an address with a scope (%) is not supported; give one without");
  if (is_localhost(host_))
    return finish(Addresses{*Address::parse("127.0.0.1"), *Address::parse("::1")});
  found_ = addresses_in_hosts(read_beginning(settings_.hosts_path), host_);
  if (!found_.empty()) return finish(std::move(found_));

  conf_ = parse_resolv_conf(read_beginning(settings_.resolv_path));
  names_ = names_to_ask(host_, conf_);
  if (names_.empty()) return fail("this is neither an address nor a host name");
  std::reverse(names_.begin(), names_.end());
  server_ = 0;
  verdict_.clear();
  next_name();
}

void Resolver::next_name() {
  if (!found_.empty()) return finish(std::move(found_));
  if (names_.empty()) return fail(verdict_.empty() ? "DNS knows no such name" : verdict_);
  question_.name = std::move(names_.back());
  names_.pop_back();
  ask(kDnsTypeA);
}

// One question at a time: of two at once from one port, connection tracking before a cluster's DNS
// may lose one.
void Resolver::ask(uint16_t type) {
  question_.type = type;
  attempts_ = 0;
  silent_ = true;
  send_question();
}

// On a port of its own, to which the kernel lets only this nameserver answer.
void Resolver::send_question() {
  stop();
  question_.id = random_id();
  Address server = conf_.nameservers[server_];
  server.set_port(settings_.dns_port);
  std::string query = dns_query(question_);
  fd_ = Fd(socket(server.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  bool sent = fd_ && connect(fd_.get(), server.get(), server.length) == 0 &&
              send(fd_.get(), query.data(), query.size(), MSG_NOSIGNAL) >= 0;
  Status status = sent ? loop_.watch(fd_.get(), EPOLLIN, [this](uint32_t) { receive(); })
                       : Status::from_errno("asking it", errno);
  trouble_ = "the nameserver " + server.text() +
             (status.ok() ? " did not answer in time" : " is out of reach: " + status.message());
  timer_ = loop_.after(status.ok() ? settings_.attempt_ns : 0, [this] {
    timer_ = 0;
    next_server();
  });
}

void Resolver::receive() {
  uint8_t payload[kAnswerBytesMax];
  ssize_t size = recv(fd_.get(), payload, sizeof payload, 0);
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    trouble_ = "the nameserver " + conf_.nameservers[server_].text() +
               " is out of reach: " + Status::from_errno("asking it", errno).message();
    return next_server();
  }
  // What is no answer to the question is passed over: the answer may still come.
  if (auto answer = read_dns_answer(payload, static_cast<size_t>(size), question_)) take(*answer);
}

void Resolver::take(const DnsAnswer& answer) {
  if (answer.rcode == kNxdomain) return next_name();
  bool useless = answer.addresses.empty() && answer.cut;
  if (answer.rcode != 0 || useless) {
    silent_ = false;
    trouble_ = "the nameserver " + conf_.nameservers[server_].text() +
               (useless ? " sends an answer that is cut or malformed"
                        : std::string(" answers ") + rcode_name(answer.rcode));
    return next_server();
  }
  for (const Address& address : answer.addresses)
    if (found_.size() < kAddressesMax) found_.push_back(address);
  if (question_.type == kDnsTypeA) return ask(kDnsTypeAaaa);
  if (found_.empty() && verdict_.empty()) verdict_ = "DNS knows the name, but no address of it";
  next_name();
}

void Resolver::next_server() {
  // Having an address is enough: some servers never answer questions for IPv6.
  if (!found_.empty()) return finish(std::move(found_));
  server_ = (server_ + 1) % conf_.nameservers.size();
  if (++attempts_ < settings_.rounds * conf_.nameservers.size()) return send_question();
  // Whom nobody answered, nobody will answer about another name; a refusal may concern this one.
  if (silent_) return fail(trouble_);
  verdict_ = trouble_;
  next_name();
}

void Resolver::fail(const std::string& why) {
  finish(Status::error("cannot resolve \"" + host_ + "\": " + why));
}

void Resolver::finish(Result<Addresses> result) {
  stop();
  if (result.ok())
    for (Address& address : result.value())
      address.set_port(port_);
  Done done = std::move(done_);
  done(std::move(result));
}

}  // namespace kubepulse
