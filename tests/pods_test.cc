// Against kubelets of our own, and folders of logs; the intervals are short.
#include "identity/pods.h"

#include <optional>
#include <string>
#include <vector>

#include "tests/captured_log.h"
#include "tests/check.h"
#include "tests/folder.h"
#include "tests/kubelet_peer.h"

using namespace kubepulse;  // NOLINT

namespace {

using Connection = KubeletPeer::Connection;
using Source = PodsSettings::Source;

const char* const kUidA = "aaaaaaaa-7a2d-4e7b-9f10-2b6c1d0e9a41";
const char* const kUidB = "bbbbbbbb-7a2d-4e7b-9f10-2b6c1d0e9a41";
const std::string kIdA(64, 'a'), kIdB(64, 'b');
const std::string kWeb = pod_list("web", kUidA, kIdA, R"("app":"web")");
const std::string kNone = R"({"kind":"PodList","apiVersion":"v1","items":[]})";
const std::string kGood = http_answer(200, kWeb);
const std::string kBad = http_answer(500, "oops");

// Polls only because of what is unknown, unless `poll_ns` is set to less.
PodsSettings settings_of(const Folder& folder) {
  PodsSettings settings;
  settings.poll_ns = 1000 * kNsPerSecond;
  settings.pause_ns = kNsPerMs;
  settings.logs = folder.path("logs");
  settings.kubelet.service_account = folder.path("account");
  settings.kubelet.secure_url.clear();
  settings.kubelet.read_only_url = "http://127.0.0.1:1";
  settings.kubelet.node_name = "node-1";
  settings.kubelet.limits.connect_ns = settings.kubelet.limits.idle_ns = 2 * kNsPerSecond;
  return settings;
}
PodsSettings settings_of(const Folder& folder, const KubeletPeer& peer) {
  PodsSettings settings = settings_of(folder);
  settings.kubelet.url = peer.url();
  return settings;
}

struct Watching {
  explicit Watching(const PodsSettings& settings) : loop(new_loop()) {
    pods.emplace(loop, settings, [this] {
      ck_assert(in_loop && pods->table().generation() != generation);
      generation = pods->table().generation();
      changes++;
    });
    generation = pods->table().generation();
    CHECK_OK(pods->start());
  }
  static Loop new_loop() {
    auto loop = Loop::create();
    ck_assert(loop.ok());
    return std::move(loop.value());
  }
  void turn(int wait_ms) {
    in_loop = true;
    CHECK_OK(loop.turn(wait_ms));
    in_loop = false;
  }
  uint64_t polls() const {
    Pods::Facts facts = pods->facts(monotonic_ns());
    return facts.polls_ok + facts.polls_failed;
  }
  // Until so many have ended.
  void wait_for_polls(uint64_t count) {
    for (int turns = 0; turns < kTurnsMax && polls() < count; turns++)
      turn(kTurnMs);
    ck_assert_uint_eq(polls(), count);
  }
  // Because something is unknown.
  void poll_once() {
    uint64_t before = polls();
    pods->pod_unknown();
    wait_for_polls(before + 1);
  }
  // Nothing more happens of itself.
  void check_quiet() {
    uint64_t before = polls();
    for (uint64_t end_ns = monotonic_ns() + 50 * kNsPerMs; monotonic_ns() < end_ns;)
      turn(10);
    ck_assert_uint_eq(polls(), before);
  }
  std::string name_of(const std::string& uid, const std::string& id = "") const {
    auto name = pods->table().find(uid, id);
    if (!name) return "-";
    std::string text = std::string(name->ns) + "/" + std::string(name->pod);
    return name->container.empty() ? text : text + ":" + std::string(name->container);
  }

  Loop loop;
  std::optional<Pods> pods;
  bool in_loop = false;
  uint64_t generation = 0;
  int changes = 0;
};

// The log but for what the breaker says, or what that goes through.
std::string told_of(const CapturedLog& log) {
  std::string rest = log.text(), told;
  while (!rest.empty()) {
    std::string line = rest.substr(0, rest.find('\n') + 1);
    rest.erase(0, line.size());
    if (line.find("\"breaker\":") == line.npos) told += line;
  }
  return told;
}
std::string breaker_of(const CapturedLog& log) {
  std::string text = log.text(), states;
  const std::string key = "\"breaker\":\"";
  for (size_t at = text.find(key); at != text.npos; at = text.find(key, at + 1)) {
    size_t begin = at + key.size();
    states += text.substr(begin, text.find('"', begin) - begin) + " ";
  }
  return states;
}

std::string good_line(const KubeletPeer& peer, size_t pods = 1) {
  return R"({"level":"info","msg":"the kubelet tells its pods","url":")" + peer.url() +
         R"(","pods":)" + std::to_string(pods) + "}\n";
}
std::string bad_line(const std::string& kind, const std::string& reason,
                     const std::string& meanwhile) {
  return R"({"level":"warn","msg":"the kubelet does not tell its pods","kind":")" + kind +
         R"(","reason":")" + reason + R"(","meanwhile":")" + meanwhile + "\"}\n";
}

START_TEST(asked_from_the_start) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({kGood}));
  Watching watching(settings_of(folder, peer));
  ck_assert(!watching.pods->facts(1).age_ns);
  watching.wait_for_polls(1);
  CHECK_TEXT(watching.name_of(kUidA, kIdA), "shop/web:app");
  ck_assert_int_eq(watching.changes, 1);
  watching.check_quiet();
  // The same list again changes nothing.
  watching.poll_once();
  ck_assert_int_eq(watching.changes, 1);
  ck_assert_uint_eq(peer.requests().size(), 2);
  CHECK_TEXT(log.text(), good_line(peer));
}
END_TEST

START_TEST(not_asked_without_pods) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({kGood}));
  PodsSettings settings = settings_of(folder);
  settings.kubelet.read_only_url = peer.url();
  settings.poll_ns = 10 * kNsPerMs;
  {
    Watching watching(settings);
    watching.check_quiet();
    ck_assert(!watching.pods->facts(monotonic_ns()).age_ns);
    ck_assert_uint_eq(peer.requests().size(), 0);
    CHECK_TEXT(log.text(), "");
    // The first pod: from then on it is asked again and again.
    watching.pods->pod_unknown();
    watching.wait_for_polls(1);
    CHECK_TEXT(watching.name_of(kUidA), "shop/web");
    while (watching.polls() < 4)
      watching.turn(kTurnMs);
    CHECK_TEXT(log.text(), good_line(peer));
  }
  settings.source = Source::none;
  Watching watching(settings);
  watching.pods->pod_unknown();
  watching.check_quiet();
  settings.source = Source::kubelet;
  Watching asking(settings);
  while (asking.polls() < 1)
    asking.turn(kTurnMs);
}
END_TEST

START_TEST(at_intervals) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({kGood}));
  PodsSettings settings = settings_of(folder, peer);
  settings.poll_ns = 50 * kNsPerMs;
  uint64_t begin_ns = monotonic_ns();
  Watching watching(settings);
  watching.wait_for_polls(9);
  // One tenth less at the least; what is more may be the machine's.
  ck_assert_uint_ge(monotonic_ns() - begin_ns, 8 * 45 * kNsPerMs);
  ck_assert_uint_eq(peer.requests().size(), 9);
}
END_TEST

START_TEST(unknown_pods_are_looked_up) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer([](const Connection& asked) {
    asked.hear();
    usleep(50000);
    say(asked.fd, kGood);
  });
  PodsSettings settings = settings_of(folder, peer);
  settings.pause_ns = 200 * kNsPerMs;
  uint64_t begin_ns = monotonic_ns();
  Watching watching(settings);
  watching.wait_for_polls(1);
  // However often it is called, there is a pause between the polls, and no other beside one.
  for (uint64_t polls : {2, 3}) {
    while (watching.polls() < polls) {
      for (int i = 0; i < 100; i++)
        watching.pods->pod_unknown();
      watching.turn(1);
    }
    ck_assert_uint_ge(monotonic_ns() - begin_ns, (polls - 1) * settings.pause_ns);
  }
  // The last call was while it was asked: once more, then it is quiet.
  watching.wait_for_polls(4);
  for (uint64_t end_ns = monotonic_ns() + 300 * kNsPerMs; monotonic_ns() < end_ns;)
    watching.turn(10);
  ck_assert_uint_eq(peer.requests().size(), 4);
}
END_TEST

START_TEST(the_first_unknown_pod_waits_for_nothing) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({kGood}));
  PodsSettings settings = settings_of(folder);
  settings.kubelet.read_only_url = peer.url();
  settings.pause_ns = 1000 * kNsPerSecond;
  Watching watching(settings);
  watching.poll_once();
  watching.pods->pod_unknown();
  watching.check_quiet();
}
END_TEST

START_TEST(what_is_broken_changes_nothing) {
  Folder folder;
  CapturedLog log;
  std::string gone = pod_list("other", kUidB, kIdB);
  std::vector<std::string> answers = {
      kGood,
      http_answer(401, "Unauthorized"),
      http_answer(403, "Forbidden"),
      kBad,
      kGood.substr(0, kGood.size() - 1),
      http_answer(200, gone.substr(0, gone.size() - 1)),
      http_answer(200, gone + std::string(50000, ' ')),
      http_answer(200, "{\"items\":" + std::string(100, '[')),
      http_answer(200, "<html>"),
      "",
      http_answer(200, gone).substr(0, 300),  // and then it hangs
  };
  KubeletPeer peer([&answers](const Connection& asked) {
    asked.hear();
    const std::string& text = answers[asked.number];
    send(asked.fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (asked.number + 1 == answers.size()) pause();
  });
  PodsSettings settings = settings_of(folder, peer);
  settings.kubelet.limits.body_bytes = 20000;
  settings.kubelet.limits.idle_ns = kNsPerSecond;
  settings.poll_ns = kNsPerMs;  // so that the pauses are short
  settings.source = Source::kubelet;
  Watching watching(settings);
  watching.wait_for_polls(1);
  for (size_t i = 1; i < answers.size(); i++) {
    while (watching.polls() < i + 1)
      watching.turn(kTurnMs);
    Pods::Facts facts = watching.pods->facts(monotonic_ns());
    ck_assert_uint_eq(facts.polls_ok, 1);
    ck_assert_uint_eq(facts.polls_failed, i);
    ck_assert_uint_eq(facts.pods, 1);
    CHECK_TEXT(watching.name_of(kUidA, kIdA), "shop/web:app");
    CHECK_TEXT(watching.name_of(kUidB, kIdB), "-");
  }
  ck_assert_int_eq(watching.changes, 1);
}
END_TEST

START_TEST(one_line_for_each_change) {
  Folder folder;
  CapturedLog log;
  std::string forbidden = http_answer(403, "Forbidden");
  KubeletPeer peer(answers_in_turn({kGood, kBad, http_answer(502, "other"), forbidden, forbidden,
                                    kGood, kGood, kBad, http_answer(200, kNone)}));
  PodsSettings settings = settings_of(folder, peer);
  settings.source = Source::kubelet;
  settings.poll_ns = kNsPerMs;
  Watching watching(settings);
  while (watching.polls() < 10)
    watching.turn(kTurnMs);
  std::string at = peer.url() + ": HTTP status ";
  CHECK_TEXT(told_of(log),
             good_line(peer) + bad_line("http status", at + "500, oops", "the last good answer") +
                 bad_line("forbidden",
                          at + "403, Forbidden; grant the verb get of nodes/pods (since Kubernetes "
                               "1.33; before, of nodes/proxy) in a ClusterRole",
                          "the last good answer") +
                 good_line(peer) +
                 bad_line("http status", at + "500, oops", "the last good answer") +
                 good_line(peer, 0));
}
END_TEST

START_TEST(an_open_breaker) {
  Folder folder;
  std::string logs = folder.make_folder("logs");
  KubeletPeer peer(answers_in_turn({kBad}));
  CapturedLog log;
  Watching watching(settings_of(folder, peer));
  watching.wait_for_polls(1);
  watching.poll_once();
  watching.poll_once();
  // It is open: the logs alone are asked, as often as something is unknown.
  for (const char* uid : {kUidA, kUidB}) {
    CHECK_TEXT(watching.name_of(uid), "-");
    folder.make_folder("logs/shop_new_" + std::string(uid) + "/app");
    watching.pods->pod_unknown();
    for (int turns = 0; turns < kTurnsMax && watching.name_of(uid) == "-"; turns++)
      watching.turn(kTurnMs);
    CHECK_TEXT(watching.name_of(uid, kIdA), "shop/new:app");
  }
  watching.check_quiet();
  ck_assert_uint_eq(peer.requests().size(), 3);
  CHECK_TEXT(breaker_of(log), "open ");
  ck_assert_uint_ge(watching.pods->facts(monotonic_ns()).polls_refused, 2);
  CHECK_TEXT(told_of(log), bad_line("http status", peer.url() + ": HTTP status 500, oops",
                                    "nothing; " + logs + ": no pods are in it"));
}
END_TEST

START_TEST(a_trial_closes_the_breaker) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({kBad, kBad, kBad, kBad, kGood}));
  PodsSettings settings = settings_of(folder, peer);
  settings.poll_ns = 100 * kNsPerMs;
  settings.source = Source::kubelet;
  Watching watching(settings);
  watching.wait_for_polls(1);
  watching.poll_once();
  uint64_t begin_ns = monotonic_ns();
  watching.poll_once();
  while (watching.polls() < 5) {
    watching.pods->pod_unknown();  // it does not make it faster
    watching.turn(5);
  }
  ck_assert_uint_ge(monotonic_ns() - begin_ns, (100 + 200) * kNsPerMs);
  ck_assert_uint_eq(watching.pods->facts(monotonic_ns()).polls_ok, 1);
  CHECK_TEXT(breaker_of(log), "open half-open open half-open closed ");
  CHECK_TEXT(
      told_of(log),
      bad_line("http status", peer.url() + ": HTTP status 500, oops", "nothing") + good_line(peer));
}
END_TEST

START_TEST(logs_while_the_kubelet_is_gone) {
  Folder folder;
  CapturedLog log;
  std::string logs = folder.make_folder("logs");
  std::string two = kWeb;
  std::string db = pod_list("db", kUidB, kIdB);
  size_t at = db.find("[{") + 1;
  two.replace(two.size() - 2, 2, "," + db.substr(at));
  KubeletPeer peer(answers_in_turn({http_answer(200, two)}));
  Watching watching(settings_of(folder, peer));
  watching.wait_for_polls(1);
  CHECK_TEXT(watching.name_of(kUidB, kIdB), "shop/db:app");
  peer.stop();
  // A folder without any pod is not where the pods are.
  watching.poll_once();
  ck_assert_uint_eq(watching.pods->table().pods(), 2);
  ck_assert_int_eq(watching.changes, 1);
  // One stays, one goes, one is new.
  const char* uid = "cccccccc-7a2d-4e7b-9f10-2b6c1d0e9a41";
  folder.make_folder("logs/shop_web_" + std::string(kUidA) + "/app");
  folder.make_folder("logs/shop_new_" + std::string(uid) + "/only");
  watching.poll_once();
  ck_assert_int_eq(watching.changes, 2);
  ck_assert_uint_eq(watching.pods->table().pods(), 2);
  ck_assert_uint_eq(watching.pods->table().gone_pods(), 1);
  CHECK_TEXT(watching.name_of(kUidA, kIdA), "shop/web:app");
  CHECK_TEXT(watching.name_of(kUidB, kIdB), "shop/db:app");
  CHECK_TEXT(watching.name_of(uid, std::string(64, 'c')), "shop/new:only");
  Pods::Facts facts = watching.pods->facts(monotonic_ns());
  ck_assert(facts.polls_ok == 1 && facts.polls_failed == 2 && facts.pods == 2);
  // What the logs told is told anew, what the kubelet told is kept.
  folder.make_folder("logs/shop_new_" + std::string(uid) + "/second");
  watching.poll_once();
  CHECK_TEXT(watching.name_of(kUidA, kIdA), "shop/web:app");
  CHECK_TEXT(watching.name_of(uid, std::string(64, 'c')), "shop/new");
  CHECK_TEXT(
      told_of(log),
      good_line(peer, 2) + bad_line("unreachable", peer.url() + ": connecting: Connection refused",
                                    "the last good answer; " + logs + ": no pods are in it"));
}
END_TEST

START_TEST(no_logs_either) {
  Folder folder;
  CapturedLog log;
  PodsSettings settings = settings_of(folder);
  std::string reason = settings.kubelet.read_only_url + ": connecting: Connection refused";
  std::string want =
      bad_line("unreachable", reason, "nothing; " + settings.logs + ": No such file or directory");
  {
    Watching watching(settings);
    watching.poll_once();
    watching.poll_once();
  }
  CHECK_TEXT(told_of(log), want);
  // With a selector they would say of no pod whether it is meant.
  folder.make_folder("logs/shop_web_" + std::string(kUidA) + "/app");
  auto selector = LabelSelector::parse("app=web");
  settings.selector = std::move(selector.value());
  Watching watching(settings);
  watching.poll_once();
  CHECK_TEXT(watching.name_of(kUidA), "-");
  CHECK_TEXT(told_of(log), want + bad_line("unreachable", reason,
                                           "nothing; logs are not asked, as they know no labels"));
}
END_TEST

START_TEST(by_logs_alone) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({kGood}));
  PodsSettings settings = settings_of(folder, peer);
  settings.source = Source::logs;
  Watching watching(settings);
  watching.turn(kTurnMs);
  std::string missing = R"({"level":"warn","msg":"the logs of pods cannot be read","reason":")" +
                        settings.logs + ": No such file or directory\"}\n";
  CHECK_TEXT(log.text(), missing);
  folder.make_folder("logs/shop_web_" + std::string(kUidA) + "/app");
  watching.pods->pod_unknown();
  for (int turns = 0; turns < kTurnsMax && watching.changes == 0; turns++)
    watching.turn(kTurnMs);
  CHECK_TEXT(watching.name_of(kUidA, kIdA), "shop/web:app");
  Pods::Facts facts = watching.pods->facts(monotonic_ns());
  ck_assert(facts.polls_ok == 0 && facts.polls_failed == 0 && facts.pods == 1 && !facts.age_ns);
  ck_assert_uint_eq(peer.requests().size(), 0);
  std::string found = R"({"level":"info","msg":"pods are named by their logs","path":")" +
                      settings.logs + "\",\"pods\":1}\n";
  CHECK_TEXT(log.text(), missing + found);
  settings.poll_ns = 10 * kNsPerMs;
  Watching often(settings);
  often.turn(kTurnMs);
  folder.make_folder("logs/shop_new_" + std::string(kUidB));
  for (int turns = 0; turns < kTurnsMax && often.changes < 2; turns++)
    often.turn(kTurnMs);
  CHECK_TEXT(often.name_of(kUidB), "shop/new");
  CHECK_TEXT(log.text(), missing + found + found);
}
END_TEST

START_TEST(filters) {
  Folder folder;
  CapturedLog log;
  struct {
    const char *only, *excluded, *selector;
    bool web, unlabelled, host;
  } cases[] = {
      {"", "", "", true, true, true},
      {"shop", "", "", true, false, false},
      {"shop,host", "", "app=web", true, false, false},
      {"shop,host", "", "app!=web", false, false, true},
      {"", "shop", "", false, true, true},
      {"", "host", "app", true, false, false},
  };
  KubeletPeer peer(answers_in_turn({kGood}));
  for (const auto& one : cases) {
    PodsSettings settings = settings_of(folder, peer);
    settings.namespaces = NamespaceFilter::parse(one.only, one.excluded).value();
    settings.selector = LabelSelector::parse(one.selector).value();
    Watching watching(settings);
    watching.wait_for_polls(1);
    auto name = watching.pods->table().find(kUidA, kIdA);
    ck_assert(name && name->watched == one.web);
    ck_assert(watching.pods->watched_without_pod("systemd") == one.unlabelled);
    ck_assert(watching.pods->watched_without_pod("host") == one.host);
    ck_assert(watching.pods->has_filter() == (&one != &cases[0]));
  }
}
END_TEST

START_TEST(age) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer(answers_in_turn({kBad, kGood, kBad}));
  PodsSettings settings = settings_of(folder, peer);
  Watching watching(settings);
  uint64_t begin_ns = monotonic_ns();
  watching.wait_for_polls(1);
  uint64_t now_ns = monotonic_ns();
  uint64_t age_ns = *watching.pods->facts(now_ns).age_ns;
  ck_assert_uint_le(age_ns, now_ns - begin_ns);
  ck_assert_uint_eq(*watching.pods->facts(now_ns + kNsPerSecond).age_ns, age_ns + kNsPerSecond);
  begin_ns = now_ns;
  watching.poll_once();
  now_ns = monotonic_ns();
  age_ns = *watching.pods->facts(now_ns).age_ns;
  ck_assert_uint_le(age_ns, now_ns - begin_ns);
  watching.poll_once();
  ck_assert_uint_eq(*watching.pods->facts(now_ns + kNsPerSecond).age_ns, age_ns + kNsPerSecond);
}
END_TEST

START_TEST(what_can_never_work) {
  Folder folder;
  CapturedLog log;
  auto error = [](const PodsSettings& settings) {
    Loop loop = Watching::new_loop();
    Pods pods(loop, settings, [] {});
    Status status = pods.start();
    return status.ok() ? std::string("none") : status.message();
  };
  PodsSettings settings = settings_of(folder);
  CHECK_TEXT(error(settings), "none");
  settings.kubelet.url = "kubelet";
  CHECK_TEXT(error(settings), "kubelet: give https://HOST:PORT or http://HOST:PORT");
  settings.source = Source::logs;
  CHECK_TEXT(error(settings), "none");
  settings.source = Source::automatic;
  std::string no_tls = ": this build has no TLS; take one made with `make TLS=1`";
  settings.kubelet.url = "https://127.0.0.1:10250";
  CHECK_TEXT(error(settings), tls_is_built_in() ? "none" : settings.kubelet.url + no_tls);
  settings.kubelet.url.clear();
  settings.kubelet.kubeconfig = folder.path("config");
  CHECK_TEXT(error(settings), "none");  // it may be there later
  folder.write("config",
               R"({"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k"}}],)"
               R"("clusters":[{"name":"k","cluster":{"server":"https://10.0.0.1:6443"}}]})");
  CHECK_TEXT(error(settings),
             tls_is_built_in() ? "none"
                               : settings.kubelet.kubeconfig + ": https://10.0.0.1:6443" + no_tls);
}
END_TEST

#ifndef KUBEPULSE_SANITIZED
size_t resident_bytes() {
  FILE* file = fopen("/proc/self/statm", "re");
  unsigned long all = 0, resident = 0;
  ck_assert_int_eq(fscanf(file, "%lu %lu", &all, &resident), 2);
  fclose(file);
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// 500 pods of 40 KB.
START_TEST(long_answers_take_little_memory) {
  Folder folder;
  CapturedLog log;
  KubeletPeer peer([](const Connection& asked) {
    asked.hear();
    say(asked.fd,
        "HTTP/1.1 200 OK\r\n\r\n"
        R"({"kind":"PodList","apiVersion":"v1","items":[)");
    std::string filler(40000, 'x');
    for (int i = 0; i < 500; i++) {
      char uid[37];
      snprintf(uid, sizeof uid, "%08d-7a2d-4e7b-9f10-2b6c1d0e9a41", i);
      std::string list = pod_list("pod-" + std::to_string(i), uid, std::string(64, 'a'),
                                  R"("filler":")" + filler + "\"");
      size_t at = list.find("[{") + 1;
      say(asked.fd, (i == 0 ? "" : ",") + list.substr(at, list.size() - at - 2));
    }
    say(asked.fd, "]}");
  });
  PodsSettings settings = settings_of(folder, peer);
  Watching watching(settings);
  size_t before = resident_bytes(), most = before;
  for (int turns = 0; turns < 1000000 && watching.polls() == 0; turns++) {
    watching.turn(kTurnMs);
    most = std::max(most, resident_bytes());
  }
  ck_assert_uint_eq(watching.pods->facts(monotonic_ns()).polls_ok, 1);
  ck_assert_uint_eq(watching.pods->table().pods(), 500);
  ck_assert_msg(most - before <= 1 << 20, "%zu bytes", most - before);
}
END_TEST
#endif

const std::string kVersioned = R"({"kind":"PodList","metadata":{"resourceVersion":"7"},)";

// As pod_list() makes one, as the object of an event.
std::string pod_event(const char* type, const std::string& list) {
  size_t begin = list.find("[{") + 1;
  return std::string(R"({"type":")") + type + R"(","object":)" +
         list.substr(begin, list.rfind("]}") - begin) + "}\n";
}

PodsSettings api_settings_of(const Folder& folder, const KubeletPeer& peer) {
  PodsSettings settings = settings_of(folder);
  settings.source = Source::apiserver;
  settings.apiserver.url = peer.url();
  settings.apiserver.node_name = "Node-1";
  settings.apiserver.service_account = folder.path("account");
  settings.apiserver.retry_ns = settings.apiserver.pause_ns = kNsPerMs;
  return settings;
}

START_TEST(by_the_api_server) {
  Folder folder;
  CapturedLog log;
  const std::string kDb = pod_list("db", kUidB, kIdB);
  KubeletPeer peer([&](const Connection& asked) {
    asked.hear();
    if (asked.number == 0) {
      say(asked.fd, http_answer(200, kVersioned + kWeb.substr(1)));
      return;
    }
    say(asked.fd, "HTTP/1.1 200 OK\r\n\r\n" + pod_event("ADDED", kDb) +
                      pod_event("MODIFIED", pod_list("web", kUidA, kIdB.substr(1) + "c")) +
                      pod_event("DELETED", kDb));
    pause();
  });
  Watching watching(api_settings_of(folder, peer));
  for (int turns = 0; turns < kTurnsMax && watching.changes < 3; turns++)
    watching.turn(kTurnMs);
  // The list, and what is added and modified; what goes keeps its name for a while.
  ck_assert_int_eq(watching.changes, 3);
  CHECK_TEXT(watching.name_of(kUidA, kIdA), "shop/web:app");
  CHECK_TEXT(watching.name_of("", kIdB.substr(1) + "c"), "shop/web:app");
  CHECK_TEXT(watching.name_of(kUidB, kIdB), "shop/db:app");
  ck_assert_uint_eq(watching.pods->table().pods(), 1);
  // Nothing unknown is asked for, and the kubelet never.
  watching.pods->pod_unknown();
  watching.check_quiet();
  ck_assert_uint_eq(watching.polls(), 0);
  ck_assert(!watching.pods->facts(monotonic_ns()).age_ns);
  ck_assert_uint_eq(peer.requests().size(), 2);
  ck_assert_msg(peer.requests()[0].find("GET /api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&"
                                        "limit=500&resourceVersion=0 ") == 0,
                "%s", peer.requests()[0].c_str());
  CHECK_TEXT(log.text(),
             R"({"level":"info","msg":"the API server tells the pods of this node","url":")" +
                 peer.url() + "\",\"pods\":1}\n");
}
END_TEST

START_TEST(logs_while_the_api_server_is_gone) {
  Folder folder;
  CapturedLog log;
  folder.make_folder("logs/shop_db_" + std::string(kUidB) + "/app");
  KubeletPeer peer([&](const Connection& asked) {
    asked.hear();
    if (asked.number == 0) return say(asked.fd, http_answer(403, "no"));
    if (asked.number == 1) return say(asked.fd, http_answer(200, kVersioned + kWeb.substr(1)));
    say(asked.fd, "HTTP/1.1 200 OK\r\n\r\n");
    pause();
  });
  PodsSettings settings = api_settings_of(folder, peer);
  settings.apiserver.retry_ns = settings.apiserver.pause_ns = 300 * kNsPerMs;
  Watching watching(settings);
  while (log.text().empty())
    watching.turn(kTurnMs);
  CHECK_TEXT(watching.name_of(kUidB), "shop/db");
  CHECK_TEXT(log.text(),
             R"({"level":"warn","msg":"the API server does not tell the pods of this node",)"
             R"("kind":"forbidden","reason":")" +
                 peer.url() +
                 ": HTTP status 403, no; grant the verbs list and watch of pods in a ClusterRole\","
                 "\"meanwhile\":\"" +
                 settings.logs + "\"}\n");
  // One that is new meanwhile.
  folder.make_folder("logs/shop_new_cccccccc-7a2d-4e7b-9f10-2b6c1d0e9a41/app");
  watching.pods->pod_unknown();
  for (int turns = 0; turns < kTurnsMax && watching.name_of(kUidA) == "-"; turns++)
    watching.turn(kTurnMs);
  CHECK_TEXT(watching.name_of("cccccccc-7a2d-4e7b-9f10-2b6c1d0e9a41"), "shop/new");
  CHECK_TEXT(watching.name_of(kUidA, kIdA), "shop/web:app");
  ck_assert_uint_eq(watching.pods->table().pods(), 1);
}
END_TEST

}  // namespace

CHECK_MAIN("pods", asked_from_the_start, not_asked_without_pods, at_intervals,
           unknown_pods_are_looked_up, the_first_unknown_pod_waits_for_nothing,
           what_is_broken_changes_nothing, one_line_for_each_change, an_open_breaker,
           a_trial_closes_the_breaker, logs_while_the_kubelet_is_gone, no_logs_either,
           by_logs_alone, filters, age, what_can_never_work, by_the_api_server,
           logs_while_the_api_server_is_gone
#ifndef KUBEPULSE_SANITIZED
           ,
           long_answers_take_little_memory
#endif
)
