// One hook that is refused never stops the others. Every program is broken in turn, in truth: its
// hook gets a name that this kernel does not have. And kernels without BTF.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/dns_wire.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/text_checks.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kBtf = "/sys/kernel/btf/vmlinux";

struct Flavour {
  std::string name;
  Words programs;
};

struct Signal {
  std::string name;
  std::string flavour;  // "null": none works
  std::map<std::string, std::string> refused;
  std::vector<Flavour> flavours;

  // Of the flavour in use, 0 is the best; none comes last.
  size_t rank() const {
    size_t at = 0;
    while (at < flavours.size() && flavours[at].name != flavour)
      at++;
    return at;
  }
  bool works() const { return flavour != "null"; }
  const Flavour& current() const {
    auto found = std::find_if(flavours.begin(), flavours.end(),
                              [this](const Flavour& f) { return f.name == flavour; });
    ck_assert_msg(found != flavours.end(), "%s: %s is none of its flavours", name.c_str(),
                  flavour.c_str());
    return *found;
  }
};
using Signals = std::vector<Signal>;

template <typename T>
T must(Result<T> result, const std::string& text) {
  ck_assert_msg(result.ok(), "%s: %s", result.ok() ? "" : result.status().message().c_str(),
                text.c_str());
  return result.value();
}

JsonFields object(const std::string& text) {
  return must(parse_nested_json_object(text), text);
}

Words elements(const std::string& text) {
  return must(parse_json_array(text), text);
}

Signal read_signal(const std::string& text) {
  JsonFields fields = object(text);
  Signal signal{fields.at("signal"), fields.at("flavour"), {}, {}};
  for (const std::string& element : elements(fields.at("refused"))) {
    JsonFields refused = object(element);
    signal.refused[refused.at("flavour")] = refused.at("reason");
  }
  for (const std::string& element : elements(fields.at("flavours"))) {
    JsonFields flavour = object(element);
    signal.flavours.push_back({flavour.at("flavour"), elements(flavour.at("programs"))});
  }
  return signal;
}

Words breaking(const Words& names) {
  std::string setting = "KUBEPULSE_TEST_BREAK=";
  for (const std::string& name : names)
    setting += name + ",";
  return names.empty() ? Words{} : Words{setting};
}

JsonFields check_json(const Words& broken, const Words& flags = {}) {
  Launch launch{flags, breaking(broken)};
  launch.flags.push_back("--check=json");
  Ended ended = run_daemon(launch);
  ck_assert_msg(ended.status == 0 || ended.status == 1, "--check=json: %d: %s", ended.status,
                ended.err.c_str());
  ck_assert(!ended.out.empty() && ended.out.back() == '\n');
  ended.out.pop_back();
  JsonFields fields = object(ended.out);
  ck_assert_msg((fields["problem"] == "null") == (ended.status == 0), "%s", ended.out.c_str());
  return fields;
}

struct Checked {
  Signals signals;
  std::string problem;  // "null": none
};

Checked check(const Words& broken, const Words& flags = {}) {
  JsonFields fields = check_json(broken, flags);
  Checked checked{{}, fields.at("problem")};
  for (const std::string& element : elements(fields.at("signals")))
    checked.signals.push_back(read_signal(element));
  ck_assert(!checked.signals.empty());
  return checked;
}

Signals check_signals(const Words& broken, const Words& flags = {}) {
  return check(broken, flags).signals;
}

const Signal& find(const Signals& signals, const std::string& name) {
  auto found = std::find_if(signals.begin(), signals.end(),
                            [&name](const Signal& s) { return s.name == name; });
  ck_assert_msg(found != signals.end(), "no signal %s", name.c_str());
  return *found;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

void count_tcp(const Daemon& daemon, const std::string& name) {
  Cgroup server = make_unit(name + "-server"), client = make_unit(name + "-client");
  make_connection(client, server).close();
  leave_cgroup();
  Labels labels = client.owner.labels();
  labels.push_back({"direction", "out"});
  expect(daemon, {{"kubepulse_tcp_connections_total", labels, 1}});
}

void count_dns(const Daemon& daemon, const std::string& name) {
  Cgroup client = make_unit(name + "-dns");
  DnsServer server(make_unit(name + "-dns-server"), "127.53.0.9");
  Fd socket = dns_client(client, server.address());
  exchange(socket, server, 1, "example.com");
  leave_cgroup();
  Labels labels = client.owner.labels();
  labels.push_back({"domain", "example.com"});
  expect(daemon, {{"kubepulse_dns_queries_total", labels, 1},
                  {"kubepulse_dns_latency_seconds_count", client.owner.labels(), 1}});
}

// It serves, tells of each signal what `signals` tells, warns once of each that is not attached,
// and counts what it can.
void check_daemon(const Launch& launch, const Signals& signals, const std::string& name) {
  Daemon daemon = Daemon::start(launch);
  Page page = daemon.scrape();
  size_t none = 0;
  for (const Signal& signal : signals) {
    std::string flavour = signal.works() ? signal.flavour : "none";
    Labels labels = {{"program", signal.name}, {"flavour", flavour}};
    ck_assert_msg(page.has("kubepulse_bpf_program_attached", labels), "%s: no %s=%s", name.c_str(),
                  signal.name.c_str(), flavour.c_str());
    double attached = page.value("kubepulse_bpf_program_attached", {{"program", signal.name}});
    ck_assert_msg(attached == (signal.works() ? 1 : 0), "%s: %s is %g", name.c_str(),
                  signal.name.c_str(), attached);
    none += signal.works() ? 0 : 1;
  }
  if (find(signals, "tcp_state").works()) count_tcp(daemon, name);
  if (find(signals, "dns").works()) count_dns(daemon, name);
  Words warned;
  for (JsonFields& line : must(parse_json_lines(daemon.err()), daemon.err()))
    if (line["level"] != "info") warned.push_back(line["program"]);
  ck_assert_msg(warned.size() == none, "%s: not %zu warnings: %s", name.c_str(), none,
                daemon.err().c_str());
  for (const Signal& signal : signals)
    ck_assert_msg(std::count(warned.begin(), warned.end(), signal.name) == (signal.works() ? 0 : 1),
                  "%s: warnings of %s: %s", name.c_str(), signal.name.c_str(),
                  daemon.err().c_str());
  daemon.stop();
}

// The same, but where --check tells of a problem it ends with that.
void check_daemon_or_problem(const Words& broken, const Checked& checked, const std::string& name) {
  if (checked.problem == "null") {
    check_daemon({{}, breaking(broken)}, checked.signals, name);
    return;
  }
  Ended ended = run_daemon({{"--listen=unix:" + scratch_path("problem")}, breaking(broken)});
  ck_assert_msg(ended.status == 1 && contains(ended.err, "kubepulse: " + checked.problem),
                "%s: status %d: %s", name.c_str(), ended.status, ended.err.c_str());
}

// Whether the flavour that is in use lives by this signal or program.
bool lives_by(const Signal& signal, const std::string& name, const Signals& signals) {
  if (signal.name == name) return true;
  if (signal.flavour == "sock_diag") return lives_by(find(signals, "tcp_state"), name, signals);
  if (!signal.works()) return false;
  const Words& programs = signal.current().programs;
  return std::count(programs.begin(), programs.end(), name) != 0;
}

// Which of its two objects serves TCP.
bool tcp_is_cgroup(const Signals& signals) {
  return std::any_of(signals.begin(), signals.end(), [](const Signal& signal) {
    return signal.name.rfind("tcp_", 0) == 0 && signal.flavour == "cgroup";
  });
}

// All as they were but those that live by `but`; of TCP only where all of them still come from the
// same object, that of the flavour cgroup or the other.
void check_unchanged(const Signals& before, const Signals& after, const std::string& but) {
  bool moved = tcp_is_cgroup(before) != tcp_is_cgroup(after);
  for (const Signal& signal : before)
    if (!lives_by(signal, but, before) && !(moved && signal.name.rfind("tcp_", 0) == 0))
      ck_assert_msg(find(after, signal.name).flavour == signal.flavour, "with %s broken %s is %s",
                    but.c_str(), signal.name.c_str(), find(after, signal.name).flavour.c_str());
}

START_TEST(check_says_all) {
  JsonFields fields = check_json({});
  for (const char* member : {"version", "kernel", "machine", "lockdown", "btf", "cgroups",
                             "missing_capabilities", "signals", "problem"})
    ck_assert_msg(fields.count(member) == 1, "no %s", member);
  Ended table = run_daemon({{"--check"}});
  ck_assert(table.status == 0 && table.err.empty());
  for (const Signal& signal : check_signals({})) {
    ck_assert(contains(table.out, "\n" + signal.name + " "));
    ck_assert_msg(signal.refused.size() == signal.rank(), "%s: %zu refused", signal.name.c_str(),
                  signal.refused.size());
    for (const auto& [flavour, reason] : signal.refused) {
      ck_assert_msg(!reason.empty() && reason.size() <= 200, "%s", reason.c_str());
      ck_assert_msg(contains(table.out, flavour + ": " + reason + "\n"), "not in the table: %s",
                    reason.c_str());
    }
  }
}
END_TEST

// Each program of the flavours in use: the next flavour takes over, as far as the kernel has one.
START_TEST(each_program) {
  enter_new_netns().ok();
  Signals whole = check_signals({});
  std::map<std::string, Signals> tried;  // some serve two signals
  for (const Signal& signal : whole) {
    if (!signal.works()) continue;
    for (const std::string& program : signal.current().programs) {
      if (tried.count(program) == 0) {
        Checked broken = check({program});
        check_unchanged(whole, broken.signals, program);
        check_daemon_or_problem({program}, broken, "program" + std::to_string(tried.size()));
        tried[program] = broken.signals;
      }
      const Signal& now = find(tried[program], signal.name);
      ck_assert_msg(now.flavour != signal.flavour, "%s is not broken", program.c_str());
      // TCP may move to a better one that was left because the others have more signals.
      if (now.rank() < signal.rank()) {
        ck_assert(signal.name == "tcp_state" && signal.flavour == "cgroup");
        continue;
      }
      auto reason = now.refused.find(signal.flavour);
      ck_assert_msg(reason != now.refused.end() && contains(reason->second, "_renamed"),
                    "%s: the reason does not name the hook", program.c_str());
    }
  }
}
END_TEST

START_TEST(each_signal) {
  enter_new_netns().ok();
  Signals whole = check_signals({});
  for (const Signal& signal : whole) {
    Checked broken = check({signal.name});
    check_unchanged(whole, broken.signals, signal.name);
    ck_assert_msg(!find(broken.signals, signal.name).works(), "%s is not broken",
                  signal.name.c_str());
    check_daemon_or_problem({signal.name}, broken, signal.name);
  }
}
END_TEST

// Of the other object everything is gone, of this one everything else.
START_TEST(one_signal_is_left) {
  enter_new_netns().ok();
  Signals whole = check_signals({});
  for (const char* kept : {"tcp_state", "dns"}) {
    if (!find(whole, kept).works()) continue;
    Words others;
    for (const Signal& signal : whole)
      if (signal.name != kept) others.push_back(signal.name);
    Checked broken = check(others);
    ck_assert(find(broken.signals, kept).rank() <= find(whole, kept).rank());
    for (const std::string& other : others)
      ck_assert(!find(broken.signals, other).works());
    check_daemon_or_problem(others, broken, std::string("only-") + kept);
  }
}
END_TEST

START_TEST(nothing_is_left) {
  Words all;
  for (const Signal& signal : check_signals({}))
    all.push_back(signal.name);
  Ended ended = run_daemon({{"--listen=unix:" + scratch_path("nothing")}, breaking(all)});
  ck_assert_msg(ended.status == 1 && ended.out.empty(), "status %d", ended.status);
  ended.err.pop_back();
  std::string last = ended.err.substr(ended.err.rfind('\n') + 1);
  const char* forced = getenv("KUBEPULSE_FLAVOUR");
  std::string want = "nothing can be observed here: ";
  if (forced != nullptr && strcmp(forced, "auto") != 0)
    want = std::string("--flavour=") + forced + " cannot work here: tcp_state: ";
  ck_assert_msg(contains(last, "kubepulse: " + want), "%s", last.c_str());
}
END_TEST

// An empty folder in place of /sys/kernel/btf, for this process and its children.
bool hide_btf() {
  return access(kBtf, R_OK) == 0 && unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("none", "/sys/kernel/btf", "tmpfs", 0, nullptr) == 0;
}

bool needs_own_btf(const std::string& flavour) {
  return flavour == "tp_btf" || flavour == "fentry" || flavour == "iter" ||
         flavour == "iter_file" || flavour == "tracepoint";
}

START_TEST(without_btf) {
  if (access(kBtf, R_OK) == 0 && !hide_btf()) SKIP_TEST("without_btf", "it cannot be hidden");
  enter_new_netns().ok();
  Words flag = {"--flavour=auto"};
  JsonFields fields = check_json({}, flag);
  CHECK_TEXT(fields.at("btf"), "null");
  Signals signals = check_signals({}, flag);
  for (const Signal& signal : signals)
    for (size_t at = 0; at < signal.rank(); at++) {
      const std::string& better = signal.flavours[at].name;
      auto reason = signal.refused.find(better);
      ck_assert_msg(reason != signal.refused.end() && contains(reason->second, "no BTF"),
                    "%s: %s is not refused for want of BTF", signal.name.c_str(), better.c_str());
    }
  for (const char* name : {"tcp_state", "dns"})
    CHECK_TEXT(find(signals, name).flavour, "cgroup");
  check_daemon({flag}, signals, "without-btf");
  // Without that either.
  Ended ended = run_daemon({{"--listen=unix:" + scratch_path("without-btf"), flag[0]},
                            breaking({"tcp_ops", "dns_answer_cgroup"})});
  ck_assert_msg(ended.status == 1 && contains(ended.err, "--btf=FILE"), "status %d: %s",
                ended.status, ended.err.c_str());
}
END_TEST

START_TEST(btf_by_file) {
  std::string path = scratch_path("btf"), btf = read_file(kBtf);
  if (btf.empty()) {
    printf("NOTE: this kernel has no BTF\n");
    return;
  }
  ck_assert(write_file(path, btf));
  // Beside the kernel's own it changes nothing.
  Words flag = {"--btf=" + path, "--flavour=auto"};
  Signals whole = check_signals({}, {"--flavour=auto"});
  check_unchanged(whole, check_signals({}, flag), "");
  if (!hide_btf()) SKIP_TEST("btf_by_file", "there is none to be hidden");
  enter_new_netns().ok();
  CHECK_TEXT(check_json({}, flag).at("btf"), path);
  Signals signals = check_signals({}, flag);
  for (const Signal& signal : signals) {
    ck_assert(!needs_own_btf(signal.flavour));
    for (size_t at = 0; at < signal.rank(); at++) {
      const std::string& better = signal.flavours[at].name;
      ck_assert_msg(signal.refused.count(better) == 1, "%s: %s is not refused", signal.name.c_str(),
                    better.c_str());
    }
  }
  ck_assert(find(signals, "tcp_state").works());
  check_daemon({flag}, signals, "btf-by-file");
}
END_TEST

}  // namespace

Case hooks_case() {
  return {"hooks",
          false,
          {check_says_all, each_program, each_signal, one_signal_is_left, nothing_is_left,
           without_btf, btf_by_file}};
}

}  // namespace kubepulse::live
