// Against nameservers of our own: child processes on 127.0.0.1 and 127.0.0.2, on one port.
#include "identity/resolver.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>

#include "collect/dns_message.h"
#include "tests/check.h"
#include "tests/dns_records.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string folder;

std::string write_file(const char* name, const std::string& text) {
  std::string path = folder + "/" + name;
  FILE* file = fopen(path.c_str(), "we");
  ck_assert(file != nullptr && fwrite(text.data(), 1, text.size(), file) == text.size());
  fclose(file);
  return path;
}

// What a nameserver sends, in this order, for a question.
using Serve = std::function<std::vector<std::string>(std::string_view name, bool v6,
                                                     const std::string& query)>;

Address asker;  // in the nameserver's process: who has sent the question

class Nameserver {
 public:
  // Port 0: one of the kernel's choice.
  explicit Nameserver(const Serve& serve, const char* on = "127.0.0.1", uint16_t its_port = 0) {
    Address address = *Address::parse(on);
    address.set_port(its_port);
    fd_ = Fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ck_assert_int_eq(bind(fd_.get(), address.get(), address.length), 0);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    port = ntohs(reinterpret_cast<const sockaddr_in&>(*address.get()).sin_port);
    child_ = fork();
    if (child_ != 0) return;
    for (;;) {
      char bytes[512];
      auto* peer = reinterpret_cast<sockaddr*>(&asker.storage);
      asker.length = sizeof asker.storage;
      ssize_t size = recvfrom(fd_.get(), bytes, sizeof bytes, 0, peer, &asker.length);
      if (size <= 0) _exit(1);
      std::string query(bytes, static_cast<size_t>(size));
      DnsMessage message;
      parse_dns_message(reinterpret_cast<uint8_t*>(bytes), query.size(), message);
      for (const std::string& reply : serve(message.name(), message.qtype == kDnsTypeAaaa, query))
        sendto(fd_.get(), reply.data(), reply.size(), 0, peer, asker.length);
    }
  }
  ~Nameserver() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  uint16_t port = 0;

 private:
  Fd fd_;
  pid_t child_ = -1;
};

Result<Loop> loop = Status::error("not made");

ResolverSettings settings(uint16_t dns_port, const std::string& resolv_conf) {
  ResolverSettings made;
  made.hosts_path = write_file("hosts", "");
  made.resolv_path = write_file("resolv.conf", resolv_conf);
  made.dns_port = dns_port;
  made.attempt_ns = 200 * kNsPerMs;
  return made;
}

std::string shown(Result<Resolver::Addresses>& result) {
  if (!result.ok()) return result.status().message();
  std::string text;
  for (const Address& address : result.value()) {
    text += (text.empty() ? "" : " ") + address.text();
    ck_assert_uint_eq(ntohs(reinterpret_cast<const sockaddr_in&>(*address.get()).sin_port), 6443);
  }
  return text;
}

// The addresses, or the error.
std::string resolve(const ResolverSettings& with, std::string_view host) {
  if (!loop.ok()) loop = Loop::create();
  ck_assert(loop.ok());
  std::optional<std::string> got;
  auto resolver = std::make_unique<Resolver>(loop.value(), with);
  resolver->resolve(host, 6443, [&](Result<Resolver::Addresses> result) {
    ck_assert_msg(!got, "done was called twice");
    got = shown(result);
    resolver.reset();
  });
  ck_assert_msg(!got, "done was called within resolve()");
  for (int turns = 0; turns < 400 && !got; turns++)
    CHECK_OK(loop.value().turn(50));
  ck_assert_msg(got.has_value(), "it did not end");
  return *got;
}

// A nameserver that knows these: name, then its addresses; another name is NXDOMAIN.
Serve knows(const std::string& known, const std::vector<std::string>& addresses) {
  return [=](std::string_view name, bool v6, const std::string& query) {
    std::string records;
    unsigned count = 0;
    for (const std::string& address : addresses) {
      if ((address.find(':') != address.npos) != v6) continue;
      records += address_record(known, address);
      count++;
    }
    if (name != known) return std::vector{answer_to(query, "", 0, kAnswerFlags | 3)};
    return std::vector{answer_to(query, records, count)};
  };
}

std::vector<std::string> silence(std::string_view, bool, const std::string&) {
  return {};
}

std::vector<std::string> servfail(std::string_view, bool, const std::string& query) {
  return {answer_to(query, "", 0, kAnswerFlags | 2)};
}

const char kFirst[] = "nameserver 127.0.0.1\n";
const char kBoth[] = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n";

START_TEST(without_asking) {
  ResolverSettings none = settings(1, kFirst);
  CHECK_TEXT(resolve(none, "10.0.0.1"), "10.0.0.1");
  CHECK_TEXT(resolve(none, "fd00::1"), "fd00::1");
  CHECK_TEXT(resolve(none, "localhost"), "127.0.0.1 ::1");
  CHECK_TEXT(resolve(none, "fe80::1%2"),
             "cannot resolve \"fe80::1%2\": an address with a scope (%) is not supported; give one "
             "without");
  for (const char* bad : {"", "a b", "a..b", "::1::"})
    CHECK_TEXT(resolve(none, bad), "cannot resolve \"" + std::string(bad) +
                                       "\": this is neither an address nor a host name");
}
END_TEST

START_TEST(hosts_file) {
  Nameserver server(knows("node", {"10.0.0.9"}));
  ResolverSettings with = settings(server.port, kFirst);
  CHECK_TEXT(resolve(with, "node"), "10.0.0.9");
  write_file("hosts", "10.0.0.1 node\nfd00::1 node\n");
  CHECK_TEXT(resolve(with, "node"), "10.0.0.1 fd00::1");
  // What is beyond the bound is not read.
  write_file("hosts", std::string(size_t{256} << 10, '\n') + "10.0.0.1 node\n");
  CHECK_TEXT(resolve(with, "node"), "10.0.0.9");
}
END_TEST

START_TEST(both_families) {
  Nameserver server(knows("api.example.com", {"fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2"}));
  CHECK_TEXT(resolve(settings(server.port, kFirst), "API.example.com"),
             "10.0.0.1 10.0.0.2 fd00::1 fd00::2");
}
END_TEST

START_TEST(one_family) {
  Nameserver v4(knows("api.example.com", {"10.0.0.1"}));
  CHECK_TEXT(resolve(settings(v4.port, kFirst), "api.example.com"), "10.0.0.1");
  Nameserver v6(knows("api.example.com", {"fd00::1"}));
  CHECK_TEXT(resolve(settings(v6.port, kFirst), "api.example.com"), "fd00::1");
}
END_TEST

START_TEST(an_alias) {
  Nameserver server([](std::string_view, bool v6, const std::string& query) {
    std::string records = alias("api.example.com", "lb.example.net") +
                          address_record("lb.example.net", v6 ? "fd00::1" : "10.0.0.1");
    return std::vector{answer_to(query, records, 2)};
  });
  CHECK_TEXT(resolve(settings(server.port, kFirst), "api.example.com"), "10.0.0.1 fd00::1");
}
END_TEST

START_TEST(search_domains) {
  Nameserver server(knows("api.two.example", {"10.0.0.1"}));
  ResolverSettings with =
      settings(server.port, std::string(kFirst) + "search one.example two.example\n");
  CHECK_TEXT(resolve(with, "api"), "10.0.0.1");
  CHECK_TEXT(resolve(with, "api.two.example"), "10.0.0.1");
  CHECK_TEXT(resolve(with, "api."), "cannot resolve \"api.\": DNS knows no such name");
  CHECK_TEXT(resolve(with, "other"), "cannot resolve \"other\": DNS knows no such name");
}
END_TEST

START_TEST(a_name_without_address) {
  Nameserver server(knows("api.example.com", {}));
  CHECK_TEXT(resolve(settings(server.port, kFirst), "api.example.com"),
             "cannot resolve \"api.example.com\": DNS knows the name, but no address of it");
}
END_TEST

START_TEST(the_second_server) {
  for (const Serve& first : {Serve(silence), Serve(servfail)}) {
    Nameserver one(first);
    Nameserver two(knows("api.example.com", {"10.0.0.1", "fd00::1"}), "127.0.0.2", one.port);
    ResolverSettings with = settings(one.port, kBoth);
    uint64_t begun_ns = monotonic_ns();
    CHECK_TEXT(resolve(with, "api.example.com"), "10.0.0.1 fd00::1");
    // The server that answered is asked for the other family first.
    ck_assert_uint_lt(monotonic_ns() - begun_ns, 2 * with.attempt_ns);
  }
}
END_TEST

START_TEST(the_second_round) {
  int questions = 0;
  auto deaf_at_first = [&](std::string_view name, bool v6, const std::string& query) {
    if (++questions == 1) return std::vector<std::string>();
    return knows("api.example.com", {"10.0.0.1"})(name, v6, query);
  };
  Nameserver server(deaf_at_first);
  CHECK_TEXT(resolve(settings(server.port, kFirst), "api.example.com"), "10.0.0.1");
}
END_TEST

START_TEST(nobody_answers) {
  Nameserver one(silence);
  Nameserver two(silence, "127.0.0.2", one.port);
  ResolverSettings with = settings(one.port, std::string(kBoth) + "search one.example\n");
  uint64_t begun_ns = monotonic_ns();
  CHECK_TEXT(resolve(with, "api"),
             "cannot resolve \"api\": the nameserver 127.0.0.2 did not answer in time");
  uint64_t took_ns = monotonic_ns() - begun_ns;
  ck_assert_uint_ge(took_ns, 4 * with.attempt_ns);
  ck_assert_uint_lt(took_ns, 6 * with.attempt_ns);
}
END_TEST

START_TEST(nobody_there) {
  uint16_t port = Nameserver(silence).port;
  CHECK_TEXT(resolve(settings(port, kFirst), "api"),
             "cannot resolve \"api\": the nameserver 127.0.0.1 is out of reach: asking it: "
             "Connection refused");
}
END_TEST

// Why the servers refuse is told, though a later name does not exist; that one is asked for.
START_TEST(refusals) {
  Nameserver server([](std::string_view name, bool v6, const std::string& query) {
    return name == "api.x" ? servfail(name, v6, query) : knows("api.x.example", {})("", v6, query);
  });
  ResolverSettings with = settings(server.port, std::string(kFirst) + "search example\n");
  CHECK_TEXT(resolve(with, "api.x"),
             "cannot resolve \"api.x\": the nameserver 127.0.0.1 answers SERVFAIL");

  Nameserver other([](std::string_view name, bool v6, const std::string& query) {
    return name == "api.x" ? servfail(name, v6, query)
                           : knows("api.x.example", {"10.0.0.1"})(name, v6, query);
  });
  with.dns_port = other.port;
  CHECK_TEXT(resolve(with, "api.x"), "10.0.0.1");
}
END_TEST

START_TEST(only_ipv4_is_answered) {
  Nameserver server([](std::string_view name, bool v6, const std::string& query) {
    return v6 ? silence(name, v6, query) : knows("api.example.com", {"10.0.0.1"})(name, v6, query);
  });
  ResolverSettings with = settings(server.port, kFirst);
  uint64_t begun_ns = monotonic_ns();
  CHECK_TEXT(resolve(with, "api.example.com"), "10.0.0.1");
  ck_assert_uint_lt(monotonic_ns() - begun_ns, 2 * with.attempt_ns);
}
END_TEST

// Forged and broken datagrams before the answer change nothing.
START_TEST(wrong_answers) {
  Nameserver server([](std::string_view, bool v6, const std::string& query) {
    auto forged = [v6](const std::string& to) {
      return answer_to(to, address_record("api.example.com", v6 ? "fd00::bad" : "10.6.6.6"), 1);
    };
    std::string other_id = query, other_name = query;
    other_id[0] = static_cast<char>(other_id[0] ^ 1);
    other_name[13] = 'b';
    std::string good =
        answer_to(query, address_record("api.example.com", v6 ? "fd00::1" : "10.0.0.1"), 1);
    return std::vector{forged(other_id),       forged(other_name),        query, std::string(),
                       std::string("garbage"), std::string(2000, '\xff'), good};
  });
  CHECK_TEXT(resolve(settings(server.port, kFirst), "api.example.com"), "10.0.0.1 fd00::1");
}
END_TEST

START_TEST(an_answer_from_elsewhere) {
  Fd elsewhere(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Nameserver server([&](std::string_view, bool, const std::string& query) {
    std::string forged = answer_to(query, address_record("api.example.com", "10.6.6.6"), 1);
    sendto(elsewhere.get(), forged.data(), forged.size(), 0, asker.get(), asker.length);
    return std::vector{answer_to(query)};
  });
  ResolverSettings with = settings(server.port, kFirst);
  CHECK_TEXT(resolve(with, "api.example.com"),
             "cannot resolve \"api.example.com\": DNS knows the name, but no address of it");
}
END_TEST

START_TEST(cut_answers) {
  auto cut_at = [](size_t addresses) {
    return [=](std::string_view, bool v6, const std::string& query) {
      std::string records;
      for (size_t i = 0; i < addresses && !v6; i++)
        records += address_record("api.example.com", "10.0.0.1");
      unsigned flags = v6 ? kAnswerFlags : kAnswerFlags | kTruncated;
      return std::vector{
          answer_to(query, records, v6 ? 0 : static_cast<unsigned>(addresses), flags)};
    };
  };
  Nameserver some(cut_at(2));
  CHECK_TEXT(resolve(settings(some.port, kFirst), "api.example.com"), "10.0.0.1 10.0.0.1");
  Nameserver none(cut_at(0));
  CHECK_TEXT(resolve(settings(none.port, kFirst), "api.example.com"),
             "cannot resolve \"api.example.com\": the nameserver 127.0.0.1 sends an answer that is "
             "cut or malformed");
}
END_TEST

START_TEST(at_most_eight) {
  std::vector<std::string> addresses(10, "10.0.0.1");
  addresses.emplace_back("fd00::1");
  Nameserver server(knows("api.example.com", addresses));
  CHECK_TEXT(resolve(settings(server.port, kFirst), "api.example.com"),
             "10.0.0.1 10.0.0.1 10.0.0.1 10.0.0.1 10.0.0.1 10.0.0.1 10.0.0.1 10.0.0.1");
}
END_TEST

START_TEST(given_up) {
  Nameserver server(silence);
  auto never = [](Result<Resolver::Addresses>) { ck_abort_msg("done was called"); };
  loop = Loop::create();
  ResolverSettings with = settings(server.port, kFirst);
  with.attempt_ns = kNsPerMs;
  for (int turns = 0; turns < 5; turns++) {
    Resolver resolver(loop.value(), with);
    resolver.resolve("api", 6443, never);
    for (int turn = 0; turn < turns; turn++)
      CHECK_OK(loop.value().turn(0));
  }
  CHECK_OK(loop.value().turn(20));
}
END_TEST

// The second call replaces the first one; a call from within `done` works.
START_TEST(again) {
  Nameserver server(knows("api.example.com", {"10.0.0.1"}));
  loop = Loop::create();
  Resolver resolver(loop.value(), settings(server.port, kFirst));
  std::vector<std::string> got;
  resolver.resolve("never.example.com", 6443,
                   [](Result<Resolver::Addresses>) { ck_abort_msg("done was called"); });
  CHECK_OK(loop.value().turn(0));
  resolver.resolve("api.example.com", 6443, [&](Result<Resolver::Addresses> first) {
    got.push_back(shown(first));
    resolver.resolve("10.0.0.2", 6443,
                     [&](Result<Resolver::Addresses> second) { got.push_back(shown(second)); });
  });
  for (int turns = 0; turns < 100 && got.size() < 2; turns++)
    CHECK_OK(loop.value().turn(50));
  ck_assert_uint_eq(got.size(), 2);
  CHECK_TEXT(got[0], "10.0.0.1");
  CHECK_TEXT(got[1], "10.0.0.2");
}
END_TEST

}  // namespace

// The folder is made and removed out here: a failed check ends its process.
int main() {
  char name[] = "/tmp/kubepulse_resolver_XXXXXX";
  if (mkdtemp(name) == nullptr) return EXIT_FAILURE;
  folder = name;
  int result = run_suite(
      "resolver", {without_asking, hosts_file, both_families, one_family, an_alias, search_domains,
                   a_name_without_address, the_second_server, the_second_round, nobody_answers,
                   nobody_there, refusals, only_ipv4_is_answered, wrong_answers,
                   an_answer_from_elsewhere, cut_answers, at_most_eight, given_up, again});
  for (const char* file : {"/hosts", "/resolv.conf"})
    unlink((folder + file).c_str());
  rmdir(folder.c_str());
  return result;
}
