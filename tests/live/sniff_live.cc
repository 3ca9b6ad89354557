// `kubepulse sniff`: what it prints of answers that the test gives out, and how it ends.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/page_server.h"
#include "tests/live/text_checks.h"

namespace kubepulse::live {

namespace {

constexpr const char* kResolved = "\"state\":\"resolved\"";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string leak(const std::string& severity) {
  return R"({"id":"00000000000000a1","state":"active","type":"memory_leak","severity":")" +
         severity +
         R"(","origin":"kernel","namespace":"shop","pod":"web-0","container":"app","since":)"
         R"("2026-01-02T03:04:05.678901Z","summary":"it \u001b[2J grows","evidence":[{"name":)"
         R"("working_set","value":1048576,"unit":"bytes"}],"cause":"00000000000000a2","actions":)"
         R"([{"what":"Look","command":"kubectl get 'a\"b'","risk":"none","effect":"Reads"}]})";
}

std::string loops() {
  return R"({"id":"00000000000000a2","state":"active","type":"crash_loop","severity":"warning",)"
         R"("origin":"kubernetes","namespace":"shop","pod":"web-0","since":)"
         R"("2026-01-02T03:04:05.678901Z","summary":"again","evidence":[],"actions":[]})";
}

// The next tick is due in 100 ms: sniff asks again soon after.
std::string answer_with(const std::string& insights) {
  std::string text = R"({"version":1,"node":"box","time":")";
  append_rfc3339(text, realtime_ns());
  return text + R"(","interval_seconds":0.1,"insights":[)" + insights + "]}\n";
}

constexpr const char* kLoopsText = "WARNING crash_loop  shop/web-0\n  again\n\n";

std::string leak_text(const char* word) {
  return std::string(word) +
         " memory_leak  shop/web-0 app\n"
         "  it \xEF\xBF\xBD[2J grows\n"
         "  seen:  working set 1.0 MiB\n"
         "  cause: crash_loop  shop/web-0\n"
         "  do:    Look\n"
         "           kubectl get 'a\"b'\n"
         "         risk none: Reads\n\n";
}

struct Sniff {
  PageServer server;
  std::string out = scratch_path("insights");
  Child child;

  explicit Sniff(Words words) : child(start(std::move(words))) {}
  Child start(Words words) const {
    words.insert(words.begin(), {"sniff", "--url=" + server.url()});
    return start_command(make_unit("sniff"), out, words);
  }
  void tell(const std::string& insights) {
    CHECK_TEXT(server.await_request(), "/insights");
    server.reply(answer_with(insights));
  }
  // What it has written of all that it was told: it asks again only then.
  std::string written() {
    CHECK_TEXT(server.await_request(), "/insights");
    return read_file(out);
  }
  std::string end(int signal_number) {
    kill(child.pid(), signal_number);
    child.finish();
    CHECK_TEXT(read_file(out + ".err"), "");
    return read_file(out);
  }
};

START_TEST(comes_rises_resolves) {
  Sniff sniff({});
  sniff.tell("");
  sniff.tell(leak("warning") + "," + loops());
  sniff.tell(loops() + "," + leak("warning"));
  sniff.tell(leak("critical") + "," + loops());
  sniff.tell(leak("critical"));
  CHECK_TEXT(sniff.written().substr(0, 20), "WARNING memory_leak ");
  std::string text = sniff.end(SIGINT);
  std::string want = leak_text("WARNING") + kLoopsText + leak_text("CRITICAL") +
                     "RESOLVED crash_loop  shop/web-0, after ";
  CHECK_TEXT(text.substr(0, want.size()), want);
  std::string rest = text.substr(text.find('\n', want.size()) + 1);
  CHECK_TEXT(rest.substr(0, 14), "2 insights in ");
  CHECK_TEXT(rest.substr(rest.find(": ")), ": 1 critical, 1 warning; 1 resolved, 1 active\n");
}
END_TEST

START_TEST(json_in_batches) {
  Sniff sniff({"-o", "json", "--batch-size=2"});
  sniff.tell(loops());
  sniff.tell(loops() + "," + leak("warning"));
  std::string text = sniff.written();
  sniff.server.reply(answer_with(leak("warning")));
  // One is to wait for one more look.
  CHECK_TEXT(sniff.written(), text);
  sniff.server.reply(answer_with(""));
  text = sniff.end(SIGTERM);
  auto lines = parse_json_array("[" + text.substr(0, text.find('\n')) + "]");
  CHECK_OK(lines.ok() ? Status() : lines.status());
  std::string told;
  while (!text.empty()) {
    std::string line = text.substr(0, text.find('\n'));
    text.erase(0, line.size() + 1);
    auto fields = parse_nested_json_object(line);
    CHECK_OK(fields.ok() ? Status() : fields.status());
    told += fields.value()["type"] + " " + fields.value()["state"] + "\n";
    std::string state = fields.value()["state"];
    std::string as_told = line.replace(line.find(state), state.size(), "active");
    ck_assert_msg(as_told == loops() || as_told == leak("warning"), "%s", line.c_str());
  }
  CHECK_TEXT(told,
             "crash_loop raised\nmemory_leak raised\ncrash_loop resolved\nmemory_leak resolved\n");
}
END_TEST

START_TEST(by_origin) {
  Sniff kernel({"--once", "--ebpf-only"});
  kernel.tell(leak("critical") + "," + loops());
  kernel.child.finish();
  CHECK_TEXT(read_file(kernel.out), leak_text("CRITICAL") + "1 insight: 1 critical, 0 warning\n");
  Sniff kubernetes({"--once", "--k8s-only", "-ojson"});
  kubernetes.tell(leak("critical") + "," + loops());
  kubernetes.child.finish();
  std::string line = loops() + "\n";
  CHECK_TEXT(read_file(kubernetes.out), line.replace(line.find("active"), 6, "raised"));
}
END_TEST

START_TEST(prometheus) {
  const std::string families =
      "# HELP kubepulse_insight_active 1 while an insight holds.\n"
      "# TYPE kubepulse_insight_active gauge\n"
      "kubepulse_insight_active{namespace=\"shop\",pod=\"web-0\",type=\"memory_leak\"} 1\n";
  const std::string page = "# TYPE up gauge\nup 1\n" + families + "# TYPE down gauge\ndown 1\n";
  auto reply_with_metrics = [&](PageServer& server) {
    CHECK_TEXT(server.await_request(), "/metrics");
    server.reply(page);
  };
  Sniff sniff({"-o", "prometheus"});
  sniff.tell("");
  reply_with_metrics(sniff.server);
  sniff.tell("");
  sniff.tell(leak("warning"));
  reply_with_metrics(sniff.server);
  CHECK_TEXT(sniff.written(), families + "\n" + families + "\n");
  sniff.end(SIGTERM);
  Sniff once({"-o", "prometheus", "--once"});
  once.tell(leak("warning"));
  reply_with_metrics(once.server);
  once.child.finish();
  CHECK_TEXT(read_file(once.out), families);
  auto parsed = Page::parse(read_file(once.out));
  CHECK_OK(parsed.ok() ? Status() : parsed.status());
}
END_TEST

START_TEST(refusals) {
  Ended nobody = run_daemon({{"sniff", "--url=unix:/nonexistent/socket"}});
  ck_assert_int_eq(nobody.status, 1);
  CHECK_TEXT(nobody.err,
             "kubepulse: sniff: unix:/nonexistent/socket: connecting: No such file or directory\n");
  Ended wrong = run_daemon({{"sniff", "-o", "yaml"}});
  ck_assert(wrong.status == 2 && contains(wrong.err, "accepted is text, json or prometheus"));
  struct Case {
    const char *body, *status, *complaint;
  };
  for (const Case& each :
       {Case{"", "404 Not Found",
             " tells no insights: it is too old, or its --insight-interval is 0\n"},
        Case{"{}", "200 OK", ": this is no answer about insights: "},
        Case{"<html>", "200 OK", ": this is no answer about insights: "},
        Case{"", "503 Service Unavailable", ": it answers with HTTP status 503\n"}}) {
    Sniff sniff({});
    CHECK_TEXT(sniff.server.await_request(), "/insights");
    sniff.server.reply(each.body, each.status);
    ck_assert_int_eq(sniff.child.wait(), 1);
    CHECK_TEXT(read_file(sniff.out), "");
    std::string complaint = read_file(sniff.out + ".err");
    std::string want = "kubepulse: sniff: " + sniff.server.url() + each.complaint;
    CHECK_TEXT(complaint.substr(0, want.size()), want);
  }
  check_alone_as_nobody("sniff");
}
END_TEST

// The daemon is away for a while: that is told once, and what held goes on to hold.
START_TEST(daemon_comes_and_goes) {
  Sniff sniff({"-ojson"});
  sniff.tell(loops());
  for (int i = 0; i < 2; i++) {
    CHECK_TEXT(sniff.server.await_request(), "/insights");
    sniff.server.reply("", "503 Service Unavailable");
  }
  sniff.server.await_request();
  sniff.server.reply(R"({"version":1,"time":null,"insights":[]})");  // it has just begun
  sniff.tell(loops());
  sniff.tell("");
  std::string text = sniff.written();
  kill(sniff.child.pid(), SIGHUP);
  sniff.child.finish();
  ck_assert_msg(text.find('\n') == text.rfind('\n', text.size() - 2), "%s", text.c_str());
  ck_assert(contains(text, kResolved));
  CHECK_TEXT(read_file(sniff.out + ".err"),
             "kubepulse: sniff: " + sniff.server.url() +
                 ": it answers with HTTP status 503; trying again\n");
}
END_TEST

// As behind `| head -1`: it ends though there is nothing to write.
START_TEST(reader_goes) {
  PageServer server;
  int ends[2];
  ck_assert(pipe2(ends, O_CLOEXEC) == 0);
  Fd reader(ends[0]), writer(ends[1]);
  std::string err = scratch_path("err");
  Child child = Child::in(make_unit("sniff"), [&]() -> int {
    Fd complaints(open(err.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    dup2(complaints.get(), STDERR_FILENO);
    dup2(writer.get(), STDOUT_FILENO);
    become_command({"sniff", "--url=" + server.url()});
  });
  writer.reset();
  server.await_request();
  server.reply(answer_with(loops()));
  std::string text;
  char bytes[256];
  while (text.size() < std::string(kLoopsText).size()) {
    ssize_t got = read(reader.get(), bytes, sizeof bytes);
    ck_assert_msg(got > 0, "it has ended");
    text.append(bytes, static_cast<size_t>(got));
  }
  CHECK_TEXT(text, kLoopsText);
  reader.reset();
  child.finish();
  CHECK_TEXT(read_file(err), "");
}
END_TEST

START_TEST(nowhere_to_write) {
  struct Case {
    const char *path, *complaint;
  };
  for (const Case& each : {Case{"/dev/full", "writing: No space left on device"},
                           Case{nullptr, "standard output: Bad file descriptor"}}) {
    PageServer server;
    std::string err = scratch_path("err");
    Child child = Child::in(make_unit("sniff"), [&]() -> int {
      Fd complaints(open(err.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
      dup2(complaints.get(), STDERR_FILENO);
      close(STDOUT_FILENO);
      if (each.path != nullptr && open(each.path, O_WRONLY) != STDOUT_FILENO) return 126;
      become_command({"sniff", "--once", "--url=" + server.url()});
    });
    if (each.path != nullptr) {
      server.await_request();
      server.reply(answer_with(loops()));
    }
    ck_assert_int_eq(child.wait(), 1);
    CHECK_TEXT(read_file(err), std::string("kubepulse: sniff: ") + each.complaint + "\n");
  }
}
END_TEST

// Its output on a terminal.
std::string on_a_terminal(const char* no_color) {
  PageServer server;
  Fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ck_assert_msg(master && grantpt(master.get()) == 0 && unlockpt(master.get()) == 0, "no terminal");
  Fd terminal(open(ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  Child child = Child::in(make_unit("sniff"), [&]() -> int {
    setenv("NO_COLOR", no_color, 1);
    dup2(terminal.get(), STDOUT_FILENO);
    become_command({"sniff", "--once", "--url=" + server.url()});
  });
  server.await_request();
  server.reply(answer_with(loops()));
  std::string text;
  char bytes[256];
  while (!contains(text, "1 warning")) {
    ssize_t got = read(master.get(), bytes, sizeof bytes);
    ck_assert_msg(got > 0, "it has ended: %s", text.c_str());
    text.append(bytes, static_cast<size_t>(got));
  }
  child.finish();
  return text.substr(0, text.find('\r'));
}

START_TEST(colors) {
  CHECK_TEXT(on_a_terminal(""), "\x1b[1;33mWARNING\x1b[0m crash_loop  \x1b[1mshop/web-0\x1b[0m");
  CHECK_TEXT(on_a_terminal("1"), "WARNING crash_loop  shop/web-0");
}
END_TEST

}  // namespace

Case sniff_case() {
  return {"sniff",
          false,
          {comes_rises_resolves, json_in_batches, by_origin, prometheus, refusals,
           daemon_comes_and_goes, reader_goes, nowhere_to_write, colors}};
}

}  // namespace kubepulse::live
