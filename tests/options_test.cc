#include "options.h"

#include "groups.h"

#include <regex.h>

#include <map>
#include <set>

#include "base/clock.h"
#include "identity/tls.h"
#include "tests/check.h"
#include "tests/results.h"

using namespace kubepulse;  // NOLINT

namespace {

using Words = std::vector<const char*>;
using Variables = std::map<std::string, std::string>;
using Names = std::set<std::string>;

Result<Options> parse(Words words, const Variables& variables = {}) {
  words.insert(words.begin(), "kubepulse");
  return parse_options(static_cast<int>(words.size()), words.data(), [&](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Options good(const Words& words, const Variables& variables = {}) {
  return value_of(parse(words, variables));
}

std::string bad(const Words& words, const Variables& variables = {}) {
  return refusal_of(parse(words, variables));
}

std::string buckets(const Options& options) {
  std::string text;
  for (uint64_t bound_ns : options.buckets_ns)
    text += std::to_string(bound_ns) + " ";
  return text;
}

START_TEST(defaults) {
  Options options = good({});
  CHECK_TEXT(options.listen, ":9090");
  CHECK_TEXT(options.node_name, "");
  CHECK_TEXT(options.cluster_domain, "cluster.local");
  CHECK_TEXT(options.flavour, "auto");
  CHECK_TEXT(buckets(options),
             "100000 500000 1000000 5000000 10000000 25000000 50000000 100000000 250000000 "
             "500000000 1000000000 ");
  ck_assert_uint_eq(options.tcp_ring_bytes, 4 << 20);
  ck_assert_uint_eq(options.dns_ring_bytes, 2 << 20);
  ck_assert_uint_eq(options.tcp_connections, 65536);
  ck_assert_uint_eq(options.max_events, 100000);
  ck_assert_uint_eq(options.sample_interval_ns, 10 * kNsPerSecond);
  CHECK_TEXT(options.btf, "");
  PodsSettings pods = pods_settings(options);
  ck_assert(pods.source == PodsSettings::Source::automatic);
  ck_assert_uint_eq(pods.poll_ns, 30 * kNsPerSecond);
  CHECK_TEXT(pods.logs, "/var/log/pods");
  ck_assert(pods.namespaces.empty() && pods.selector.empty() && !pods.kubelet.insecure);
  const KubeletSettings& kubelet = pods.kubelet;
  for (const std::string* text :
       {&kubelet.url, &kubelet.token_file, &kubelet.ca_file, &kubelet.certificate_file,
        &kubelet.key_file, &kubelet.kubeconfig, &kubelet.node_name})
    CHECK_TEXT(*text, "");
  ck_assert(!options.log_events && !options.check && !options.help && !options.version);
  ck_assert(!options.check_json && options.test_break.empty());
}
END_TEST

START_TEST(values) {
  CHECK_TEXT(good({"--listen=[::1]:1"}).listen, "[::1]:1");
  CHECK_TEXT(good({"--listen", "unix:/run/k=v"}).listen, "unix:/run/k=v");
  CHECK_TEXT(good({"--node-name", "n1"}).node_name, "n1");
  CHECK_TEXT(good({"--btf=/boot/btf"}).btf, "/boot/btf");
  CHECK_TEXT(good({"--cluster-domain=k8s.example.org."}).cluster_domain, "k8s.example.org.");
  for (const char* flavour : {"auto", "fentry", "kprobe", "tracepoint", "cgroup"})
    CHECK_TEXT(good({"--flavour", flavour}).flavour, flavour);
  ck_assert_uint_eq(good({"--tcp-ring=4K"}).tcp_ring_bytes, 4096);
  ck_assert_uint_eq(good({"--tcp-ring=256M"}).tcp_ring_bytes, 256 << 20);
  ck_assert_uint_eq(good({"--dns-ring=1024K"}).dns_ring_bytes, 1 << 20);
  ck_assert_uint_eq(good({"--dns-ring=8192"}).dns_ring_bytes, 8192);
  ck_assert_uint_eq(good({"--tcp-connections=1024"}).tcp_connections, 1024);
  ck_assert_uint_eq(good({"--tcp-connections=1048576"}).tcp_connections, 1048576);
  ck_assert_uint_eq(good({"--max-events=0"}).max_events, 0);
  ck_assert_uint_eq(good({"--max-events=100000000"}).max_events, 100000000);
  CHECK_TEXT(bad({"--max-events=100000001"}),
             "--max-events=100000001: accepted is a number from 0 to 100000000");
  ck_assert_uint_eq(good({"--sample-interval=1000ms"}).sample_interval_ns, kNsPerSecond);
  ck_assert_uint_eq(good({"--sample-interval=90s"}).sample_interval_ns, 90 * kNsPerSecond);
  ck_assert_uint_eq(good({"--sample-interval=60m"}).sample_interval_ns, 3600 * kNsPerSecond);
  CHECK_TEXT(buckets(good({"--buckets=0.000000001,1.5,2,1000000000"})),
             "1 1500000000 2000000000 1000000000000000000 ");
  CHECK_TEXT(
      buckets(good({"--buckets=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20"})).substr(0, 11),
      "1000000000 ");
}
END_TEST

START_TEST(pods) {
  using Source = PodsSettings::Source;
  ck_assert(good({"--pods=auto"}).pods.source == Source::automatic);
  ck_assert(good({"--pods=kubelet"}).pods.source == Source::kubelet);
  ck_assert(good({"--pods=logs"}).pods.source == Source::logs);
  ck_assert(good({"--pods=none"}).pods.source == Source::none);
  CHECK_TEXT(bad({"--pods=cri"}), "--pods=cri: accepted is auto, kubelet, apiserver, logs or none");
  PodsSettings settings = pods_settings(
      good({"--kubelet-url=http://10.0.0.1:10255", "--kubelet-token-file=/t", "--kubelet-ca-file",
            "/ca", "--kubelet-cert-file=/cert", "--kubelet-key-file=/key", "--kubelet-insecure",
            "--kubeconfig=/etc/kubernetes/kubelet.conf", "--kubelet-poll=5s", "--pod-logs=/logs",
            "--node-name=n1"}));
  CHECK_TEXT(settings.kubelet.url, "http://10.0.0.1:10255");
  CHECK_TEXT(settings.kubelet.token_file, "/t");
  CHECK_TEXT(settings.kubelet.ca_file, "/ca");
  CHECK_TEXT(settings.kubelet.certificate_file, "/cert");
  CHECK_TEXT(settings.kubelet.key_file, "/key");
  CHECK_TEXT(settings.kubelet.kubeconfig, "/etc/kubernetes/kubelet.conf");
  CHECK_TEXT(settings.kubelet.node_name, "n1");
  ck_assert(settings.kubelet.insecure);
  ck_assert_uint_eq(settings.poll_ns, 5 * kNsPerSecond);
  CHECK_TEXT(settings.logs, "/logs");
  CHECK_TEXT(bad({"--kubelet-url=10.0.0.1"}),
             "--kubelet-url=10.0.0.1: accepted is https://HOST:PORT or http://HOST:PORT");
  const char* secure = "--kubelet-url=https://10.0.0.1:10250";
  if (tls_is_built_in())
    CHECK_TEXT(good({secure}).pods.kubelet.url, "https://10.0.0.1:10250");
  else
    CHECK_TEXT(bad({secure}), std::string(secure) +
                                  ": accepted is http://HOST:PORT only: this build has no TLS, "
                                  "`make TLS=1` makes one that has it");
  CHECK_TEXT(good({}, {{"KUBECONFIG", "/a"}}).pods.kubelet.kubeconfig, "/a");
  CHECK_TEXT(
      good({}, {{"KUBECONFIG", "/a"}, {"KUBEPULSE_KUBECONFIG", "/b"}}).pods.kubelet.kubeconfig,
      "/b");
  CHECK_TEXT(bad({}, {{"KUBECONFIG", "/a:/b"}}),
             "KUBECONFIG=/a:/b: accepted is the path of one file, without a colon");
  CHECK_TEXT(bad({"--kubelet-cert-file=/cert"}), "--kubelet-cert-file needs --kubelet-key-file");
  CHECK_TEXT(bad({"--kubelet-key-file=/key"}), "--kubelet-key-file needs --kubelet-cert-file");
}
END_TEST

START_TEST(which_pods) {
  PodsSettings settings = pods_settings(good(
      {"--namespaces=shop, web,db", "--exclude-namespaces=web", "--label-selector=app in (a)"}));
  ck_assert(settings.namespaces.matches("shop") && settings.namespaces.matches("db"));
  ck_assert(!settings.namespaces.matches("web") && !settings.namespaces.matches("other"));
  Label app{"app", "a"}, other{"app", "b"};
  ck_assert(settings.selector.matches(&app, 1) && !settings.selector.matches(&other, 1));
  settings = pods_settings(good({"--exclude-namespaces=kube-system"}));
  ck_assert(settings.namespaces.matches("shop") && !settings.namespaces.matches("kube-system"));
  CHECK_TEXT(bad({"--namespaces=shop,A_b"}),
             "--namespaces=shop,A_b: accepted is names with commas between them; \"A_b\" is not a "
             "namespace's name");
  CHECK_TEXT(bad({}, {{"KUBEPULSE_EXCLUDE_NAMESPACES", "a,"}}),
             "KUBEPULSE_EXCLUDE_NAMESPACES=a,: accepted is names with commas between them; a name "
             "is missing behind the last \",\"");
  std::string message = bad({"--label-selector=app in (a"});
  ck_assert_msg(message.find("--label-selector=app in (a: accepted is a selector such as "
                             "app=web,tier in (a,b); column 10: ") == 0,
                "%s", message.c_str());
  CHECK_TEXT(bad({"--pods=logs", "--label-selector=a"}),
             "--label-selector cannot work with --pods=logs: logs know no labels");
  CHECK_TEXT(bad({"--pods=none", "--label-selector=a"}),
             "--label-selector cannot work with --pods=none: nobody tells labels");
  ck_assert(good({"--pods=logs", "--namespaces=a"}).pods.source == PodsSettings::Source::logs);
}
END_TEST

START_TEST(switches) {
  ck_assert(good({"--log-events"}).log_events);
  ck_assert(good({"--log-events=true"}).log_events);
  ck_assert(!good({"--log-events", "--log-events=false"}).log_events);
  ck_assert(good({"--check"}).check && !good({"--check"}).check_json);
  ck_assert(good({"--check=json"}).check && good({"--check=json"}).check_json);
  ck_assert(!good({"--check=json", "--check=false"}).check);
  CHECK_TEXT(bad({"--check=xml"}), "--check=xml: accepted is true, false or json");
  for (const char* text : {"1", "true"})
    ck_assert(good({}, {{"KUBEPULSE_LOG_EVENTS", text}}).log_events);
  for (const char* text : {"0", "false", ""})
    ck_assert(!good({}, {{"KUBEPULSE_LOG_EVENTS", text}}).log_events);
  ck_assert(!good({"--log-events=false"}, {{"KUBEPULSE_LOG_EVENTS", "1"}}).log_events);
  CHECK_TEXT(bad({"--log-events=yes"}), "--log-events=yes: accepted is true or false, 1 or 0");
  CHECK_TEXT(bad({"--log-events="}), "--log-events needs a value: true or false");
  // A switch never takes the next word.
  CHECK_TEXT(bad({"--log-events", "true"}),
             "unexpected word \"true\"; kubepulse takes flags only, see --help");
}
END_TEST

START_TEST(help_and_version) {
  ck_assert(good({"-h"}).help);
  ck_assert(good({"--help"}).help);
  ck_assert(good({"--version"}).version);
  // Whoever asks for help has a value wrong, perhaps.
  ck_assert(good({"--tcp-ring=5", "--help"}, {{"KUBEPULSE_FLAVOUR", "x"}}).help);
  // Container images set it to say what they hold.
  ck_assert(!good({}, {{"KUBEPULSE_VERSION", "0.1.0"}, {"KUBEPULSE_HELP", "1"}}).version);
  ck_assert(!good({"--help=false"}).help);
}
END_TEST

START_TEST(environment) {
  CHECK_TEXT(good({}, {{"KUBEPULSE_NODE_NAME", "n1"}}).node_name, "n1");
  CHECK_TEXT(good({"--node-name=n2"}, {{"KUBEPULSE_NODE_NAME", "n1"}}).node_name, "n2");
  CHECK_TEXT(good({}, {{"KUBEPULSE_FLAVOUR", ""}}).flavour, "auto");
  CHECK_TEXT(good({}, {{"KUBEPULSE_METRICS_ADDR", ":1"}}).listen, ":1");
  CHECK_TEXT(good({}, {{"KUBEPULSE_METRICS_ADDR", ":1"}, {"KUBEPULSE_LISTEN", ":2"}}).listen, ":2");
  CHECK_TEXT(good({}, {{"KUBEPULSE_METRICS_ADDR", ":1"}, {"KUBEPULSE_LISTEN", ""}}).listen, ":1");
  CHECK_TEXT(good({"--listen=:3"}, {{"KUBEPULSE_METRICS_ADDR", ":1"}}).listen, ":3");
  ck_assert_uint_eq(good({}, {{"KUBEPULSE_TCP_RING", "64K"}}).tcp_ring_bytes, 64 << 10);
  CHECK_TEXT(bad({}, {{"KUBEPULSE_TCP_CONNECTIONS", "many"}}),
             "KUBEPULSE_TCP_CONNECTIONS=many: accepted is a number from 1024 to 1048576");
  // What a flag has overridden is not judged.
  CHECK_TEXT(good({"--flavour=kprobe"}, {{"KUBEPULSE_FLAVOUR", "x"}}).flavour, "kprobe");
}
END_TEST

START_TEST(broken_for_tests) {
  Options options = good({}, {{"KUBEPULSE_TEST_BREAK", "dns,tcp_state_raw"}});
  ck_assert_uint_eq(options.test_break.size(), 2);
  CHECK_TEXT(options.test_break[0], "dns");
  CHECK_TEXT(options.test_break[1], "tcp_state_raw");
  ck_assert(good({}, {{"KUBEPULSE_TEST_BREAK", ""}}).test_break.empty());
}
END_TEST

START_TEST(wrong_values) {
  for (const char* text :
       {"", "5M", "2K", "512M", "4G", "4k", "M", "-4M", "0", "18446744073709551616"})
    CHECK_TEXT(bad({("--tcp-ring=" + std::string(text)).c_str()}),
               *text == '\0' ? "--tcp-ring needs a value: --tcp-ring=BYTES"
                             : "--tcp-ring=" + std::string(text) +
                                   ": accepted is a power of two from 4K to 256M bytes, such as "
                                   "512K or 4M");
  for (const char* text :
       {"999ms", "61m", "10", "s", "10h", "1.5s", " 1s", "99999999999999999999s"})
    CHECK_TEXT(bad({"--sample-interval", text}),
               "--sample-interval=" + std::string(text) +
                   ": accepted is a time from 1s to 60m, such as 1500ms, 10s or 5m");
  for (const char* text :
       {"0", "1,1", "2,1", "1,", ",1", "1,,2", "1e-3", ".5", "5.", "+1", "0.0000000001", "NaN",
        "inf", "1000000001", "0.1 ,1", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21"})
    CHECK_TEXT(bad({"--buckets", text}),
               "--buckets=" + std::string(text) +
                   ": accepted is at most 20 positive numbers of seconds, each "
                   "above the one before, such as 0.001,0.01,0.1");
  for (const char* text : {"1023", "1048577", "1e5", "-1"})
    ck_assert(bad({("--tcp-connections=" + std::string(text)).c_str()}) != "accepted");
  for (const char* text : {".", ".local", "a..b", "a b", "a/b", "\xFF"})
    CHECK_TEXT(bad({"--cluster-domain", text}),
               "--cluster-domain=" + std::string(text) +
                   ": accepted is a domain name, such as cluster.local");
  CHECK_TEXT(bad({"--flavour=xdp"}),
             "--flavour=xdp: accepted is auto, fentry, kprobe, tracepoint or cgroup");
  CHECK_TEXT(bad({"--flavour=a\nb"}),
             "--flavour=a?b: accepted is auto, fentry, kprobe, tracepoint or cgroup");
}
END_TEST

START_TEST(wrong_words) {
  CHECK_TEXT(bad({"--lisen=:1"}), "unknown flag --lisen; did you mean --listen? see --help");
  CHECK_TEXT(bad({"-listen"}), "unknown flag -listen; did you mean --listen? see --help");
  CHECK_TEXT(bad({"--flavor=auto"}), "unknown flag --flavor; did you mean --flavour? see --help");
  CHECK_TEXT(bad({"--tcp_ring", "4M"}),
             "unknown flag --tcp_ring; did you mean --tcp-ring? see --help");
  CHECK_TEXT(bad({"--frobnicate"}), "unknown flag --frobnicate; see --help");
  CHECK_TEXT(bad({"-x"}), "unknown flag -x; see --help");
  CHECK_TEXT(bad({"--=1"}), "unknown flag --; see --help");
  ck_assert(bad({("--" + std::string(1 << 20, 'a')).c_str()}) != "accepted");
  CHECK_TEXT(bad({"--listen"}), "--listen needs a value: --listen=ADDR");
  CHECK_TEXT(bad({"--listen", "--check"}), "--listen needs a value: --listen=ADDR");
  CHECK_TEXT(bad({"--node-name", ""}), "--node-name needs a value: --node-name=NAME");
  for (const char* word : {"serve", "-", "--", ""})
    CHECK_TEXT(bad({word}), "unexpected word \"" + std::string(word) +
                                "\"; kubepulse takes flags only, see --help");
  // Nothing at all, as execve(2) permits.
  ck_assert(parse_options(0, nullptr, [](const char*) { return nullptr; }).ok());
}
END_TEST

// "" where there is no such file.
std::string text_of(const char* path) {
  std::string text;
  FILE* file = fopen(path, "re");
  if (file == nullptr) return text;
  char chunk[4096];
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, file)) > 0;)
    text.append(chunk, got);
  fclose(file);
  return text;
}

// What the last group of `pattern`, an extended regular expression, matches.
Names names(const std::string& text, const char* pattern) {
  regex_t regex;
  ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED), 0);
  ck_assert_uint_lt(regex.re_nsub, 3);
  Names found;
  regmatch_t matches[3];
  for (const char* at = text.c_str(); regexec(&regex, at, 3, matches, 0) == 0;) {
    const regmatch_t& match = matches[regex.re_nsub];
    found.emplace(at + match.rm_so, at + match.rm_eo);
    at += match.rm_eo;
  }
  regfree(&regex);
  return found;
}

std::string joined(const Names& set) {
  std::string text;
  for (const std::string& name : set)
    text += name + " ";
  return text;
}

constexpr const char* kVariable = "(KUBEPULSE_[A-Z_]+)";

bool has_text(const Options& options, const char* text) {
  const KubeletSettings& kubelet = options.pods.kubelet;
  for (const std::string* held :
       {&options.listen, &options.btf, &options.node_name, &options.pods.logs, &kubelet.token_file,
        &kubelet.ca_file, &kubelet.kubeconfig, &options.pods.apiserver.token_file,
        &options.pods.apiserver.ca_file})
    if (*held == text) return true;
  return options.interfaces == std::vector<std::string>{text};
}

START_TEST(interfaces) {
  using Names = std::vector<std::string>;
  ck_assert(good({}).interfaces.empty());
  ck_assert(good({"--interface=eth0"}).interfaces == Names{"eth0"});
  Names three = {"eth0", "eth0.100", "exactly15bytes_"};
  ck_assert(good({"--interface=eth0", "--interface=eth0.100", "--interface", "exactly15bytes_"})
                .interfaces == three);
  ck_assert(good({"--interface=eth0,eth0.100", "--interface=exactly15bytes_,eth0"}).interfaces ==
            three);
  ck_assert(good({}, {{"KUBEPULSE_INTERFACE", "eth0,eth0.100,exactly15bytes_"}}).interfaces ==
            three);
  ck_assert(good({"--interface=lo"}, {{"KUBEPULSE_INTERFACE", "eth0"}}).interfaces == Names{"lo"});
  for (const char* text : {"sixteen-bytes-it", "a/b", "a:1", "a b", ",", "a,", ",a", "a,,b", ".",
                           "..", "a\tb", "\xFF"}) {
    std::string said = text;
    for (char& c : said)
      if (c == '\t') c = '?';
    CHECK_TEXT(bad({"--interface", text}),
               "--interface=" + said +
                   ": accepted is names of at most 16 interfaces, each of at most 15 bytes without "
                   "blanks, '/' and ':'");
  }
  std::string many;
  for (int i = 0; i < 17; i++) {
    many += (i == 0 ? "" : ",") + std::string("eth") + std::to_string(i);
    if (i == 15) ck_assert_uint_eq(good({"--interface", many.c_str()}).interfaces.size(), 16);
  }
  ck_assert(bad({"--interface", many.c_str()}) != "accepted");
}
END_TEST

START_TEST(profiles) {
  ck_assert(good({}).groups == groups_of_profile("standard"));
  Options minimal = good({"--profile=minimal"});
  ck_assert(minimal.groups == groups_of_profile("minimal"));
  ck_assert(minimal.tcp_ring_bytes == 1 << 20 && minimal.dns_ring_bytes == 512 << 10);
  ck_assert_uint_eq(minimal.tcp_connections, 8192);
  ck_assert_uint_eq(good({"--profile=minimal", "--tcp-ring=2M"}).tcp_ring_bytes, 2 << 20);
  Options custom = good({"--profile=custom", "--collect=tcp,disk"});
  ck_assert_uint_eq(custom.groups, kGroupTcp | kGroupDisk);
  CHECK_TEXT(bad({"--profile=custom"}), "--profile=custom needs --collect=LIST");
  CHECK_TEXT(bad({"--collect=tcp"}), "--collect is for --profile=custom alone");
  CHECK_TEXT(bad({"--profile=all"}),
             "--profile=all: accepted is minimal, standard, comprehensive or custom");
  CHECK_TEXT(bad({"--profile=custom", "--collect=tcp,nfs"}),
             "--collect=tcp,nfs: accepted is a list of "
             "tcp,dns,runqueue,cpu,memory,oom,disk,pagefaults,pressure,interfaces,filesystems,"
             "drops,packets,flows,syscalls");
}
END_TEST

START_TEST(syscalls) {
  ck_assert_uint_eq(good({}).syscalls.size(), 16);
  Options some = good({"--syscalls=read,openat"});
  ck_assert_uint_eq(some.syscalls.size(), 2);
  CHECK_TEXT(std::string(some.syscalls[1].name), "openat");
  std::string problem = bad({"--syscalls=read,opnat"});
  ck_assert_msg(problem.find("openat") != std::string::npos, "%s", problem.c_str());
}
END_TEST

START_TEST(apiserver) {
  Options none = good({"--kubeconfig=/k"});
  ck_assert(!none.services && none.pods.apiserver.url.empty());
  Options options = good({"--apiserver=http://10.0.0.1:6443", "--kubeconfig=/k", "--node-name=N",
                          "--apiserver-token-file=/t", "--apiserver-ca-file=/c"});
  ck_assert(options.services && options.pods.source == PodsSettings::Source::automatic);
  ApiServerSettings settings = pods_settings(options).apiserver;
  CHECK_TEXT(settings.url, "http://10.0.0.1:6443");
  CHECK_TEXT(settings.token_file, "/t");
  CHECK_TEXT(settings.ca_file, "/c");
  CHECK_TEXT(settings.kubeconfig, "/k");
  CHECK_TEXT(settings.node_name, "N");
  options = good({"--pods=apiserver", "--kubeconfig=/k"});
  ck_assert(!options.services && options.pods.source == PodsSettings::Source::apiserver);
  CHECK_TEXT(options.pods.apiserver.url, "kubeconfig");
  CHECK_TEXT(bad({"--apiserver=kubeconfig"}), "--apiserver=kubeconfig needs --kubeconfig");
  std::string nowhere = bad({"--pods=apiserver"});
  ck_assert_msg(nowhere.find("give --apiserver=URL or --kubeconfig") != nowhere.npos, "%s",
                nowhere.c_str());
  CHECK_TEXT(bad({"--apiserver=there"}),
             "--apiserver=there: accepted is https://HOST:PORT, http://HOST:PORT, in-cluster or "
             "kubeconfig");
  auto in_cluster =
      parse({"--apiserver=in-cluster", "--kubeconfig=/k"},
            {{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}});
#ifdef KUBEPULSE_TLS
  ck_assert(in_cluster.ok());
  CHECK_TEXT(in_cluster.value().pods.apiserver.url, "https://[fd00::1]:443");
  CHECK_TEXT(in_cluster.value().pods.apiserver.kubeconfig, "");
#else
  ck_assert(!in_cluster.ok());
  CHECK_TEXT(in_cluster.status().message(),
             "https://[fd00::1]:443: this build has no TLS, `make TLS=1` makes one that has it");
  std::string plain = bad({"--apiserver=https://10.0.0.1:6443"});
  ck_assert_msg(plain.find("this build has no TLS") != plain.npos, "%s", plain.c_str());
#endif
}
END_TEST

START_TEST(usage_is_complete) {
  std::string text = usage();
  ck_assert_uint_eq(names(text, "\n  --([a-z-]+)").size(), 36);
  // 36 flags without --help and --version, and KUBEPULSE_METRICS_ADDR.
  Names variables = names(text, kVariable);
  ck_assert_uint_eq(variables.size(), 35);
  for (const std::string& name : variables) {
    Result<Options> result = parse({}, {{name, "="}});
    ck_assert_msg(!result.ok() || has_text(result.value(), "="), "%s is not read", name.c_str());
  }
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1)
    ck_assert_msg(end - begin <= 100, "too long: %s", text.substr(begin, end - begin).c_str());
  ck_assert(text.back() == '\n');
}
END_TEST

// The working directory is the top of the repository, as make check has it.
START_TEST(usage_is_the_manual) {
  std::string manual = text_of("man/kubepulse.8");
  ck_assert_msg(!manual.empty(), "man/kubepulse.8 is not below the working directory");
  Names flags = names(usage(), "--([a-z-]+)"), variables = names(usage(), kVariable);
  CHECK_TEXT(joined(names(manual, "Fl -([a-z-]+)")), joined(flags));
  Names documented = variables;
  documented.insert("KUBEPULSE_TEST_BREAK");
  CHECK_TEXT(joined(names(manual, kVariable)), joined(documented));
  // Each has its own entry, with the default that usage tells.
  CHECK_TEXT(joined(names(manual, "\n\\.It (Fl h , )?Fl -([a-z-]+)")), joined(flags));
  CHECK_TEXT(joined(names(manual, "\n\\.It Ev (KUBEPULSE_[A-Z_]+)")), joined(documented));
  for (const std::string& fallback : names(usage(), "default: ([^\n]+)"))
    ck_assert_msg(manual.find("The default is\n.Li " + fallback + " .\n") != manual.npos,
                  "the manual does not tell the default %s", fallback.c_str());
}
END_TEST

START_TEST(usage_is_the_readme) {
  std::string readme = text_of("README.md");
  if (readme.empty()) return;
  // Its table of flags has rows that begin "| `--flag".
  std::string rows;
  for (const std::string& row : names(readme, "\n(\\| *`--[^\n]*)"))
    rows += row + "\n";
  CHECK_TEXT(joined(names(rows, "\\| *`--([a-z-]+)")), joined(names(usage(), "\n  --([a-z-]+)")));
  CHECK_TEXT(joined(names(rows, kVariable)), joined(names(usage(), kVariable)));
}
END_TEST

}  // namespace

CHECK_MAIN("options", defaults, values, pods, which_pods, switches, help_and_version, environment,
           broken_for_tests, wrong_values, wrong_words, profiles, interfaces, syscalls, apiserver,
           usage_is_complete, usage_is_the_manual, usage_is_the_readme)
