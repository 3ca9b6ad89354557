#include "options.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"
#include "groups.h"
#include "pods_options.h"

namespace kubepulse {

namespace {

constexpr uint64_t kRingBytesMin = 4 << 10;
constexpr uint64_t kRingBytesMax = 256 << 20;
constexpr uint64_t kEventsMax = 100000000;
constexpr uint64_t kConnectionsMin = 1024;
constexpr uint64_t kConnectionsMax = 1 << 20;

Problem set_switch(bool& place, std::string_view text) {
  place = text == "true" || text == "1";
  return place || text == "false" || text == "0" ? "" : "true or false, 1 or 0";
}

Problem set_cluster_domain(std::string& place, std::string_view text) {
  bool plain = text.size() <= 253 && text[0] != '.' && text.find("..") == text.npos &&
               std::all_of(text.begin(), text.end(), [](unsigned char c) {
                 return isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
               });
  if (!plain) return "a domain name, such as cluster.local";
  return set_text(place, text);
}

Problem set_flavour(std::string& place, std::string_view text) {
  for (std::string_view known : {"auto", "fentry", "kprobe", "tracepoint", "cgroup"})
    if (text == known) return set_text(place, text);
  return "auto, fentry, kprobe, tracepoint or cgroup";
}

Problem set_profile(Options& options, std::string_view text) {
  options.custom = text == "custom";
  if (options.custom) return {};
  std::optional<uint32_t> groups = groups_of_profile(text);
  if (!groups) return "minimal, standard, comprehensive or custom";
  options.groups = *groups;
  return {};
}

Problem set_collect(Options& options, std::string_view text) {
  std::optional<uint32_t> groups = parse_groups(text);
  if (!groups) return "a list of " + group_names(UINT32_MAX);
  options.collect = *groups;
  return {};
}

Problem set_syscalls(Options& options, std::string_view text) {
  auto list = parse_syscalls(text);
  if (!list.ok()) return "names of at most 32 syscalls: " + list.status().message();
  options.syscalls = std::move(list.value().syscalls);
  options.syscalls_elsewhere = std::move(list.value().elsewhere);
  return {};
}

Problem set_check(Options& options, std::string_view text) {
  options.check_json = text == "json";
  options.check = options.check_json;
  if (options.check_json || set_switch(options.check, text).empty()) return {};
  return "true, false or json";
}

// "0.0005" in whole nanoseconds, exactly; no sign, no exponent.
std::optional<uint64_t> parse_seconds(std::string_view text) {
  std::string_view fraction = text;
  std::string_view whole = next_piece(fraction, '.');
  bool has_point = whole.size() < text.size();
  // A billion seconds are 30 years, and their nanoseconds still fit.
  std::optional<uint64_t> seconds = parse_number(whole, kNsPerSecond);
  if (!seconds || (has_point && fraction.empty()) || fraction.size() > 9) return std::nullopt;
  std::string padded(fraction);
  padded.resize(9, '0');
  std::optional<uint64_t> ns = parse_number(padded);
  if (!ns) return std::nullopt;
  return *seconds * kNsPerSecond + *ns;
}

Problem set_buckets(std::vector<uint64_t>& place, std::string_view text) {
  static_assert(kBucketsMax == 20, "as the message says");
  Problem problem =
      "at most 20 positive numbers of seconds, each above the one before, such as "
      "0.001,0.01,0.1";
  if (text.back() == ',') return problem;
  place.clear();
  while (!text.empty()) {
    std::optional<uint64_t> bound_ns = parse_seconds(next_piece(text, ','));
    uint64_t last_ns = place.empty() ? 0 : place.back();
    if (!bound_ns || *bound_ns <= last_ns || place.size() == kBucketsMax) return problem;
    place.push_back(*bound_ns);
  }
  return {};
}

std::string ring_size(uint64_t bytes) {
  bool mega = bytes % (1 << 20) == 0;
  return std::to_string(bytes >> (mega ? 20 : 10)) + (mega ? "M" : "K");
}

// A ring buffer is a power of two of whole pages (kernel/bpf/ringbuf.c, ringbuf_map_alloc).
Problem set_ring(uint32_t& place, std::string_view text) {
  uint64_t page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t bytes_min = std::max(kRingBytesMin, page_bytes);
  Problem problem = "a power of two from " + ring_size(bytes_min) + " to " +
                    ring_size(kRingBytesMax) + " bytes, such as 512K or 4M";
  unsigned shift = text.back() == 'K' ? 10 : text.back() == 'M' ? 20 : 0;
  if (shift != 0) text.remove_suffix(1);
  std::optional<uint64_t> count = parse_number(text, kRingBytesMax);
  if (!count) return problem;
  uint64_t bytes = *count << shift;
  bool power = (bytes & (bytes - 1)) == 0;
  if (!power || bytes < bytes_min || bytes > kRingBytesMax) return problem;
  place = static_cast<uint32_t>(bytes);
  return {};
}

Problem set_events(uint32_t& place, std::string_view text) {
  std::optional<uint64_t> count = parse_number(text, kEventsMax);
  if (!count) return "a number from 0 to 100000000";
  place = static_cast<uint32_t>(*count);
  return {};
}

Problem set_connections(uint32_t& place, std::string_view text) {
  std::optional<uint64_t> count = parse_number(text, kConnectionsMax);
  if (!count || *count < kConnectionsMin) return "a number from 1024 to 1048576";
  place = static_cast<uint32_t>(*count);
  return {};
}

Problem set_interval(uint64_t& place, std::string_view text) {
  size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view unit = text.substr(digits);
  uint64_t unit_ns = unit == "ms"  ? kNsPerMs
                     : unit == "s" ? kNsPerSecond
                     : unit == "m" ? 60 * kNsPerSecond
                                   : 0;
  std::optional<uint64_t> count = parse_number(text.substr(0, digits), 3600000);
  uint64_t ns = count.value_or(0) * unit_ns;
  if (ns < kNsPerSecond || ns > 3600 * kNsPerSecond)
    return "a time from 1s to 60m, such as 1500ms, 10s or 5m";
  place = ns;
  return {};
}

// Five minutes are to be several looks.
Problem set_insight_interval(uint64_t& place, std::string_view text) {
  place = 0;
  if (text == "0") return {};
  bool good = set_interval(place, text).empty() && place <= 60 * kNsPerSecond;
  return good ? "" : "0, or a time from 1s to 60s, such as 10s";
}

// What the kernel takes for a name (net/core/dev.c, dev_valid_name), without what cannot be written
// as it is; a comma is what stands between names.
bool is_interface_name(std::string_view name) {
  constexpr size_t kBytesMax = 15;  // IFNAMSIZ - 1
  return !name.empty() && name.size() <= kBytesMax && name != "." && name != ".." &&
         name.find_first_of("/: ") == name.npos && is_printable(name);
}

Problem set_interfaces(std::vector<std::string>& place, std::string_view text) {
  static_assert(kInterfacesCountedMax == 16, "as the message says");
  Problem problem =
      "names of at most 16 interfaces, each of at most 15 bytes without blanks, '/' and ':'";
  if (text.back() == ',') return problem;
  place.clear();
  while (!text.empty()) {
    std::string_view name = next_piece(text, ',');
    if (!is_interface_name(name)) return problem;
    if (std::find(place.begin(), place.end(), name) == place.end()) place.emplace_back(name);
  }
  return place.size() > kInterfacesCountedMax ? problem : "";
}

struct Flag {
  const char* name;
  const char* value;     // as usage calls it; null: a switch, which needs none
  const char* fallback;  // the default, as it would be given; null: none
  const char* alias;     // another variable, which the flag's own wins over; or null
  bool in_environment;
  const char* help;
  Problem (*set)(Options& options, std::string_view text);
};
// Given again it adds to its list.
constexpr std::string_view kRepeated = "interface";

// --help and --version are asked of a command line. As variables they would be a trap: container
// images set NAME_VERSION to say what they hold.
constexpr Flag kFlags[] = {
    {"listen", "ADDR", ":9090", "KUBEPULSE_METRICS_ADDR", true,
     "where to serve: :9090, 127.0.0.1:9090, [::1]:9090 or unix:/path",
     [](Options& o, std::string_view text) { return set_text(o.listen, text); }},
    {"node-name", "NAME", nullptr, nullptr, true,
     "value of the label \"node\"; without it the hostname",
     [](Options& o, std::string_view text) { return set_text(o.node_name, text); }},
    {"log-events", nullptr, nullptr, nullptr, true,
     "write each TCP and DNS event to standard output, as a line of JSON",
     [](Options& o, std::string_view text) { return set_switch(o.log_events, text); }},
    {"max-events", "N", "100000", nullptr, true,
     "events a second; past it the event log and then flows end; 0: no bound",
     [](Options& o, std::string_view text) { return set_events(o.max_events, text); }},
    {"cluster-domain", "NAME", "cluster.local", nullptr, true,
     "what the DNS of the Kubernetes cluster serves",
     [](Options& o, std::string_view text) { return set_cluster_domain(o.cluster_domain, text); }},
    {"profile", "WHICH", "standard", nullptr, true,
     "which metrics: minimal, standard, comprehensive, or custom with --collect",
     [](Options& o, std::string_view text) { return set_profile(o, text); }},
    {"collect", "LIST", nullptr, nullptr, true,
     "groups of metrics, for --profile=custom: tcp,dns,runqueue,cpu,memory,...",
     [](Options& o, std::string_view text) { return set_collect(o, text); }},
    {"syscalls", "LIST", nullptr, nullptr, true,
     "system calls to measure, where the profile has them; see kubepulse(8)",
     [](Options& o, std::string_view text) { return set_syscalls(o, text); }},
    {"buckets", "LIST", "0.0001,0.0005,0.001,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1", nullptr, true,
     "upper bounds of the latency histograms, in seconds; at most 20",
     [](Options& o, std::string_view text) { return set_buckets(o.buckets_ns, text); }},
    {"interface", "NAME", nullptr, nullptr, true,
     "count by protocol what comes in by it (XDP); may be given again",
     [](Options& o, std::string_view text) { return set_interfaces(o.interfaces, text); }},
    {"flavour", "WHICH", "auto", nullptr, true,
     "kernel hook: fentry, kprobe, tracepoint or cgroup; auto: the cheapest",
     [](Options& o, std::string_view text) { return set_flavour(o.flavour, text); }},
    {"tcp-ring", "BYTES", "4M", nullptr, true,
     "ring buffer of TCP events; a power of two from 4K to 256M",
     [](Options& o, std::string_view text) { return set_ring(o.tcp_ring_bytes, text); }},
    {"dns-ring", "BYTES", "2M", nullptr, true,
     "ring buffer of DNS messages; a power of two from 4K to 256M",
     [](Options& o, std::string_view text) { return set_ring(o.dns_ring_bytes, text); }},
    {"tcp-connections", "N", "65536", nullptr, true,
     "open connections that are followed, 1024 to 1048576",
     [](Options& o, std::string_view text) { return set_connections(o.tcp_connections, text); }},
    {"sample-interval", "TIME", "10s", nullptr, true,
     "how often open connections are looked at, 1s to 60m",
     [](Options& o, std::string_view text) { return set_interval(o.sample_interval_ns, text); }},
    {"insight-interval", "TIME", "10s", nullptr, true,
     "how often insights are looked for, 1s to 60s; 0: never",
     [](Options& o, std::string_view text) {
       return set_insight_interval(o.insight_interval_ns, text);
     }},
    {"btf", "PATH", nullptr, nullptr, true,
     "BTF of this kernel, raw or in an ELF file, where it carries none itself",
     [](Options& o, std::string_view text) { return set_text(o.btf, text); }},
    {"pods", "WHICH", "auto", nullptr, true,
     "who names pods: kubelet, apiserver, logs, none; auto: kubelet, else logs",
     [](Options& o, std::string_view text) { return set_pods(o.pods.source, text); }},
    {"kubelet-url", "URL", nullptr, nullptr, true,
     "where it is; without: https://127.0.0.1:10250, else http://127.0.0.1:10255",
     [](Options& o, std::string_view text) { return set_kubelet_url(o.pods.kubelet.url, text); }},
    {"kubelet-token-file", "PATH", nullptr, nullptr, true,
     "token to show it; without it that of the service account, if any",
     [](Options& o, std::string_view text) { return set_text(o.pods.kubelet.token_file, text); }},
    {"kubelet-ca-file", "PATH", nullptr, nullptr, true,
     "who may sign its certificate; without it the service account's CA, if any",
     [](Options& o, std::string_view text) { return set_text(o.pods.kubelet.ca_file, text); }},
    {"kubelet-cert-file", "PATH", nullptr, nullptr, true, "certificate to show it",
     [](Options& o, std::string_view text) {
       return set_text(o.pods.kubelet.certificate_file, text);
     }},
    {"kubelet-key-file", "PATH", nullptr, nullptr, true, "key of that certificate",
     [](Options& o, std::string_view text) { return set_text(o.pods.kubelet.key_file, text); }},
    {"kubelet-insecure", nullptr, nullptr, nullptr, true,
     "do not check its certificate: whoever answers is believed",
     [](Options& o, std::string_view text) { return set_switch(o.pods.kubelet.insecure, text); }},
    {"kubeconfig", "PATH", nullptr, "KUBECONFIG", true,
     "credentials; without --kubelet-url its server is asked for the node's pods",
     [](Options& o, std::string_view text) {
       return set_kubeconfig(o.pods.kubelet.kubeconfig, text);
     }},
    {"apiserver", "URL", nullptr, nullptr, true,
     "asked for services and endpoint slices: a URL, in-cluster or kubeconfig",
     [](Options& o, std::string_view text) { return set_apiserver(o, text); }},
    {"apiserver-token-file", "PATH", nullptr, nullptr, true,
     "token to show it; without it the kubeconfig's, else the account's",
     [](Options& o, std::string_view text) { return set_text(o.pods.apiserver.token_file, text); }},
    {"apiserver-ca-file", "PATH", nullptr, nullptr, true,
     "who may sign its certificate; without it as for the token",
     [](Options& o, std::string_view text) { return set_text(o.pods.apiserver.ca_file, text); }},
    {"kubelet-poll", "TIME", "30s", nullptr, true, "how often the pods are asked for, 1s to 60m",
     [](Options& o, std::string_view text) { return set_interval(o.pods.poll_ns, text); }},
    {"pod-logs", "PATH", "/var/log/pods", nullptr, true, "where the kubelet keeps the pods' logs",
     [](Options& o, std::string_view text) { return set_text(o.pods.logs, text); }},
    {"namespaces", "LIST", nullptr, nullptr, true,
     "namespaces to tell of, with commas between them; without it all",
     [](Options& o, std::string_view text) { return set_namespaces(o.namespaces, text); }},
    {"exclude-namespaces", "LIST", nullptr, nullptr, true, "namespaces not to tell of",
     [](Options& o, std::string_view text) { return set_namespaces(o.excluded_namespaces, text); }},
    {"label-selector", "SELECTOR", nullptr, nullptr, true,
     "pods to tell of, as `kubectl get -l` takes it: app=web,tier in (a,b)",
     [](Options& o, std::string_view text) { return set_selector(o.pods.selector, text); }},
    {"check", nullptr, nullptr, nullptr, true,
     "say which hooks would be used, why not better ones, and end; =json as JSON",
     [](Options& o, std::string_view text) { return set_check(o, text); }},
    {"help", nullptr, nullptr, nullptr, false, "show this and end; also -h",
     [](Options& o, std::string_view text) { return set_switch(o.help, text); }},
    {"version", nullptr, nullptr, nullptr, false, "show the version and end",
     [](Options& o, std::string_view text) { return set_switch(o.version, text); }},
};
// Not in the table: it breaks what it names, on purpose, and nobody but a test wants that.
constexpr const char* kTestBreak = "KUBEPULSE_TEST_BREAK";
constexpr size_t kFlagCount = sizeof kFlags / sizeof kFlags[0];

// Where a flag's value came from, as errors name it: "--listen" or "KUBEPULSE_LISTEN".
struct Given {
  std::string source;  // empty: not given
  std::string text;
};

std::string variable_of(const Flag& flag) {
  std::string name = "KUBEPULSE_";
  for (const char* c = flag.name; *c != '\0'; c++)
    name += *c == '-' ? '_' : static_cast<char>(*c - 'a' + 'A');
  return name;
}

std::string form_of(const Flag& flag) {
  std::string form = std::string("--") + flag.name;
  return flag.value == nullptr ? form : form + '=' + flag.value;
}

// Whatever was typed, an error remains one line.
std::string printable(std::string_view text) {
  std::string shown(text);
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return shown;
}

Status unknown_flag(std::string_view word) {
  std::string_view name = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  name = name.substr(0, std::min<size_t>(name.find('='), 64));
  const Flag* nearest =
      std::min_element(kFlags, kFlags + kFlagCount, [name](const Flag& a, const Flag& b) {
        return edit_distance(name, a.name) < edit_distance(name, b.name);
      });
  std::string text = "unknown flag ";
  text += printable(word.substr(0, word.find('=')));
  text += "; ";
  // What is nearest to a word of another language is no help.
  if (edit_distance(name, nearest->name) <= 1 + name.size() / 3)
    text += std::string("did you mean --") + nearest->name + "? ";
  return Status::error(text + "see --help");
}

const Flag* find_flag(std::string_view name) {
  for (const Flag& flag : kFlags)
    if (name == flag.name) return &flag;
  return nullptr;
}

Status read_words(int argc, const char* const* argv, Given (&given)[kFlagCount]) {
  for (int i = 1; i < argc; i++) {
    std::string_view word = argv[i];
    if (word == "-h") word = "--help";
    if (word.size() < 2 || word[0] != '-' || word == "--")
      return Status::error("unexpected word \"" + printable(word) +
                           "\"; kubepulse takes flags only, see --help");
    std::string_view text = word;
    std::string_view dashed = next_piece(text, '=');
    const Flag* flag = dashed.substr(0, 2) == "--" ? find_flag(dashed.substr(2)) : nullptr;
    if (flag == nullptr) return unknown_flag(word);
    bool has_text = dashed.size() < word.size();
    if (!has_text && flag->value == nullptr) text = "true";
    if (!has_text && flag->value != nullptr && i + 1 < argc && argv[i + 1][0] != '-')
      text = argv[++i];
    if (text.empty())
      return Status::error(std::string(dashed) + " needs a value: " +
                           (flag->value == nullptr ? "true or false" : form_of(*flag)));
    Given& place = given[flag - kFlags];
    std::string before = flag->name == kRepeated && !place.text.empty() ? place.text + ',' : "";
    place = Given{std::string(dashed), before + std::string(text)};
  }
  return {};
}

void read_environment(const Environment& environment, Given (&given)[kFlagCount]) {
  for (size_t i = 0; i < kFlagCount; i++) {
    if (!given[i].source.empty() || !kFlags[i].in_environment) continue;
    std::string own = variable_of(kFlags[i]);
    for (const char* name : {own.c_str(), kFlags[i].alias}) {
      const char* text = name == nullptr ? nullptr : environment(name);
      if (text == nullptr || text[0] == '\0') continue;
      given[i] = Given{name, text};
      break;
    }
  }
}

// What each flag alone does not show.
// What a node of a few pods needs; the tables are most of the kernel's memory that we take.
void shrink_tables(Options& options, const Given (&given)[kFlagCount]) {
  auto is_given = [&](const char* name) { return !given[find_flag(name) - kFlags].source.empty(); };
  if (!is_given("tcp-ring")) options.tcp_ring_bytes = 1 << 20;
  if (!is_given("dns-ring")) options.dns_ring_bytes = 512 << 10;
  if (!is_given("tcp-connections")) options.tcp_connections = 8192;
}

Status check_profile(Options& options) {
  if (options.custom != (options.collect != 0))
    return Status::error(options.custom ? "--profile=custom needs --collect=LIST"
                                        : "--collect is for --profile=custom alone");
  if (options.custom) options.groups = options.collect;
  return {};
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv, const Environment& environment) {
  Given given[kFlagCount];
  if (Status status = read_words(argc, argv, given); !status.ok()) return status;
  Options options;
  for (size_t i = 0; i < kFlagCount; i++)
    if (kFlags[i].fallback != nullptr) kFlags[i].set(options, kFlags[i].fallback);
  set_syscalls(options, kDefaultSyscalls);
  for (const char* name : {"help", "version"}) {
    const Flag* flag = find_flag(name);
    const Given& asked = given[flag - kFlags];
    if (!asked.source.empty() && flag->set(options, asked.text).empty() &&
        (options.help || options.version))
      return options;
  }
  read_environment(environment, given);
  for (size_t i = 0; i < kFlagCount; i++) {
    if (given[i].source.empty()) continue;
    Problem accepted = kFlags[i].set(options, given[i].text);
    if (!accepted.empty())
      return Status::error(given[i].source + '=' + printable(given[i].text) + ": accepted is " +
                           accepted);
  }
  if (const char* names = environment(kTestBreak)) {
    for (std::string_view rest = names; !rest.empty();)
      options.test_break.emplace_back(next_piece(rest, ','));
  }
  if (Status status = check_profile(options); !status.ok()) return status;
  if (options.groups == groups_of_profile("minimal")) shrink_tables(options, given);
  if (Status status = check_pods(options, environment); !status.ok()) return status;
  return options;
}

std::string usage() {
  std::string text =
      "usage: kubepulse [FLAG...]\n"
      "       kubepulse top [FLAG...]: the busiest workloads and flows; see kubepulse top --help\n"
      "       kubepulse sniff [FLAG...]: what goes wrong; see kubepulse sniff --help\n"
      "Measures TCP, DNS, CPU, memory, disks and system calls of each pod, container and systemd\n"
      "unit of this node, inside the kernel, and serves it to Prometheus, at /metrics.\n\n";
  constexpr size_t kColumn = 26;
  for (const Flag& flag : kFlags) {
    std::string line = "  " + form_of(flag);
    line.resize(std::max(line.size() + 2, kColumn), ' ');
    text += line + flag.help + '\n';
    if (flag.fallback != nullptr)
      text += std::string(kColumn, ' ') + "default: " + flag.fallback + '\n';
    if (!flag.in_environment) continue;
    text += std::string(kColumn, ' ') + "environment: " + variable_of(flag);
    if (flag.alias != nullptr) text += std::string(" or ") + flag.alias;
    text += '\n';
  }
  text +=
      "\nFlags win over the environment. Exit status: 0 ended as told, 1 it cannot work here,\n"
      "2 a flag or a value is wrong, 3 it cannot listen. See also kubepulse(8).\n";
  return text;
}

}  // namespace kubepulse
