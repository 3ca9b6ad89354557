#include "identity/resolver_text.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string joined(const std::vector<Address>& addresses) {
  std::vector<std::string> texts;
  for (const Address& address : addresses)
    texts.push_back(address.text());
  return joined(texts);
}

START_TEST(hosts) {
  constexpr std::string_view kHosts =
      "# 1.1.1.1 node\n"
      "127.0.0.1\tlocalhost\n"
      "\n"
      "10.0.0.1 node node.example.com # master\n"
      "  10.0.0.2\t other \tNODE.example.com\n"
      "fd00::1 node\n"
      "fd00::2 node\n"
      "not-an-address node\n"
      "10.0.0.3\n"
      "10.0.0.4 last";
  auto find = [&](std::string_view host) { return joined(addresses_in_hosts(kHosts, host)); };
  CHECK_TEXT(find("node"), "10.0.0.1 fd00::1 fd00::2");
  CHECK_TEXT(find("Node.Example.com"), "10.0.0.1 10.0.0.2");
  CHECK_TEXT(find("node.example.com."), "10.0.0.1 10.0.0.2");
  CHECK_TEXT(find("last"), "10.0.0.4");
  for (const char* none : {"nod", "master", "10.0.0.1", "", "."})
    CHECK_TEXT(find(none), "");
  std::string many;
  for (int i = 0; i < 20; i++)
    many += "10.0.0." + std::to_string(i) + " many\n";
  ck_assert_uint_eq(addresses_in_hosts(many, "many").size(), kAddressesMax);
}
END_TEST

START_TEST(resolv_conf) {
  ResolvConf conf = parse_resolv_conf(
      "# nameserver 1.1.1.1\n"
      "; nameserver 1.1.1.2\n"
      "domain lost.example\n"
      "search default.svc.cluster.local\tsvc.cluster.local Cluster.Local. .  bad..name\n"
      "nameserver 10.96.0.10\n"
      "nameserver\tfd00::a \n"
      "nameserver fe80::1%eth0\n"
      "nameserver\n"
      "nameserver 10.0.0.3 trailing\n"
      "nameserver 10.0.0.4\n"
      "options edns0 ndots:5 timeout:1 ndots:x\n");
  CHECK_TEXT(joined(conf.nameservers), "10.96.0.10 fd00::a 10.0.0.3");
  CHECK_TEXT(joined(conf.search), "default.svc.cluster.local svc.cluster.local cluster.local");
  ck_assert_uint_eq(conf.ndots, 5);

  conf = parse_resolv_conf("search a b c d e f g h\ndomain corp.example\noptions ndots:99");
  CHECK_TEXT(joined(conf.nameservers), "127.0.0.1");
  CHECK_TEXT(joined(conf.search), "corp.example");
  ck_assert_uint_eq(conf.ndots, 15);

  conf = parse_resolv_conf("search a b c d e f g h");
  CHECK_TEXT(joined(conf.search), "a b c d e f");
  ck_assert_uint_eq(conf.ndots, 1);
}
END_TEST

START_TEST(names) {
  ResolvConf conf;
  conf.search = {"one.example", "two.example"};
  auto ask = [&](std::string_view host) { return joined(names_to_ask(host, conf)); };
  CHECK_TEXT(ask("API"), "api.one.example api.two.example api");
  CHECK_TEXT(ask("api.x"), "api.x api.x.one.example api.x.two.example");
  CHECK_TEXT(ask("api."), "api");
  conf.ndots = 2;
  CHECK_TEXT(ask("api.x"), "api.x.one.example api.x.two.example api.x");
  conf.ndots = 0;
  CHECK_TEXT(ask("api"), "api api.one.example api.two.example");

  std::string longest(63, 'a');
  longest = longest + "." + longest + "." + longest + "." + std::string(61, 'a');
  ck_assert_uint_eq(longest.size(), 253);
  CHECK_TEXT(ask(longest), longest);
  CHECK_TEXT(ask(longest + "a"), "");
  for (const std::string bad : {"", ".", "a..b", ".a", "a..", "a b", "a\n", "\xC3\xA4", "a/b"})
    CHECK_TEXT(ask(bad), "");
  CHECK_TEXT(ask(std::string(64, 'a')), "");
}
END_TEST

START_TEST(localhost) {
  for (const char* host : {"localhost", "LocalHost.", "x.localhost", "a.b.localhost."})
    ck_assert_msg(is_localhost(host), "%s", host);
  for (const char* host : {"", "local", "xlocalhost", "localhost.x", "localhost.."})
    ck_assert_msg(!is_localhost(host), "%s", host);
}
END_TEST

}  // namespace

CHECK_MAIN("resolver_text", hosts, resolv_conf, names, localhost)
