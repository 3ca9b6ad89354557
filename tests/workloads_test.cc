#include "identity/workloads.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/text.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kStart = 1000 * kNsPerSecond;
constexpr uint64_t kMinute = 60 * kNsPerSecond;

std::string unit(size_t number) {
  return "/system.slice/unit-" + std::to_string(number) + ".service";
}

std::string shown(const Workloads& workloads, Workloads::Owner owner) {
  const WorkloadLabels& labels = workloads.labels(workloads.index(owner));
  return labels.ns + "/" + labels.pod;
}

uint64_t serial_of(const Workloads& workloads, Workloads::Owner owner) {
  return workloads.serial(workloads.index(owner));
}

bool held(const Workloads& workloads, Workloads::Owner owner) {
  return workloads.index(owner) != Workloads::kLate;
}

// What a sweep has removed.
struct Swept {
  std::set<Workloads::Index> series;
  std::set<uint64_t> cgroups;
};

Swept sweep(Workloads& workloads, uint64_t now_ns) {
  Swept swept;
  Workloads::Changes changes;
  changes.merged = [](Workloads::Index, Workloads::Index) { ck_abort(); };
  changes.removed = [&](Workloads::Index index) {
    ck_assert(workloads.shown(index));  // its labels can still be read
    ck_assert(swept.series.insert(index).second);
  };
  workloads.sweep(now_ns, changes, [&](uint64_t cgroup) { swept.cgroups.insert(cgroup); });
  for (Workloads::Index index : swept.series)
    ck_assert(!workloads.shown(index));
  return swept;
}

void check_attribution(const Workloads& workloads, uint64_t by_cgroup, uint64_t by_pid,
                       uint64_t unknown) {
  ck_assert_uint_eq(workloads.attribution().by_cgroup, by_cgroup);
  ck_assert_uint_eq(workloads.attribution().by_pid, by_pid);
  ck_assert_uint_eq(workloads.attribution().unknown, unknown);
}

START_TEST(cached) {
  int asked = 0;
  CgroupPaths* self = nullptr;
  CgroupPaths paths([&] {
    asked++;
    self->born(7, "/system.slice/nginx.service");
  });
  self = &paths;
  Workloads workloads(paths);
  ck_assert_uint_eq(workloads.size(), 0);
  ck_assert(workloads.shown(Workloads::kOther));
  Workloads::Owner owner = workloads.of(7, 0, kStart);
  ck_assert_uint_ne(owner, Workloads::kOther);
  CHECK_TEXT(shown(workloads, owner), "systemd/nginx.service");
  for (int i = 0; i < 3; i++)
    ck_assert_uint_eq(workloads.of(7, 99, kStart + i), owner);
  ck_assert_int_eq(asked, 1);
  ck_assert_uint_eq(workloads.size(), 1);
  ck_assert_uint_eq(workloads.end(), workloads.index(owner) + 1);
  check_attribution(workloads, 4, 0, 0);
}
END_TEST

START_TEST(one_index_for_equal_labels) {
  CgroupPaths paths;
  Workloads workloads(paths);
  std::string pod = "/kubepods.slice/kubepods-pod11111111_2222_3333_4444_555555555555.slice";
  std::string id(64, 'a');
  paths.born(1, pod + "/cri-containerd-" + id + ".scope");
  paths.born(2, pod + "/cri-containerd-" + std::string(64, 'b') + ".scope");
  paths.born(3, "/system.slice/a.service");
  Workloads::Owner owner = workloads.of(1, 0, kStart);
  CHECK_TEXT(shown(workloads, owner), "unknown/11111111-2222-3333-4444-555555555555");
  ck_assert_uint_eq(workloads.of(2, 0, kStart), owner);
  ck_assert_uint_ne(workloads.of(3, 0, kStart), owner);
  ck_assert_uint_eq(workloads.size(), 2);
}
END_TEST

START_TEST(names_that_render_equal) {
  CgroupPaths paths;
  Workloads workloads(paths);
  std::string begin = std::string(127, 'x');
  paths.born(1, "/system.slice/" + begin + "xa.service");
  paths.born(2, "/system.slice/" + begin + "xb.service");
  paths.born(3, "/system.slice/" + begin + "y.service");
  paths.born(4, "/system.slice/a\x01.service");
  paths.born(5, "/system.slice/a\x02.service");
  ck_assert_uint_eq(workloads.of(1, 0, kStart), workloads.of(2, 0, kStart));
  ck_assert_uint_ne(workloads.of(1, 0, kStart), workloads.of(3, 0, kStart));
  ck_assert_uint_eq(workloads.of(4, 0, kStart), workloads.of(5, 0, kStart));
  ck_assert_uint_eq(workloads.size(), 3);
  (void)sweep(workloads, kStart + kMinute);
  ck_assert_uint_eq(sweep(workloads, kStart + 6 * kMinute).series.size(), 3);
  ck_assert_uint_eq(workloads.size(), 0);
  ck_assert_uint_ne(workloads.of(2, 0, kStart + 7 * kMinute), Workloads::kOther);
}
END_TEST

// The cut at 128 bytes may fall into a character.
void bear_names_cut_inside_a_character(CgroupPaths& paths) {
  std::string begin = "/system.slice/" + std::string(127, 'x');
  paths.born(1, begin + "\xc3\xa9.service");
  paths.born(2, begin + "\xff.service");
  paths.born(3, begin + "\xc3 .service");
}

START_TEST(names_cut_inside_a_character_look_different) {
  CgroupPaths paths;
  Workloads workloads(paths);
  bear_names_cut_inside_a_character(paths);
  std::set<std::string> rendered;
  for (uint64_t cgroup : {1, 2, 3}) {
    std::string text;
    append_label_value(text,
                       workloads.labels(workloads.index(workloads.of(cgroup, 0, kStart))).pod);
    rendered.insert(text);
  }
  ck_assert_uint_eq(rendered.size(), workloads.size());
}
END_TEST

START_TEST(names_cut_inside_a_character_are_forgotten) {
  CgroupPaths paths;
  Workloads workloads(paths);
  bear_names_cut_inside_a_character(paths);
  for (uint64_t cgroup : {1, 2, 3})
    (void)workloads.of(cgroup, 0, kStart);
  (void)sweep(workloads, kStart + kMinute);
  (void)sweep(workloads, kStart + 6 * kMinute);
  ck_assert_uint_eq(workloads.size(), 0);
  // Their indexes are others' now.
  for (uint64_t cgroup : {7, 8, 9}) {
    paths.born(cgroup, unit(cgroup));
    (void)workloads.of(cgroup, 0, kStart + 7 * kMinute);
  }
  bear_names_cut_inside_a_character(paths);
  for (uint64_t cgroup : {1, 2, 3}) {
    Workloads::Owner owner = workloads.of(cgroup, 0, kStart + 7 * kMinute);
    ck_assert(held(workloads, owner));
    CHECK_TEXT(workloads.labels(workloads.index(owner)).pod.substr(0, 127), std::string(127, 'x'));
  }
}
END_TEST

START_TEST(unknown_is_asked_again) {
  int asked = 0;
  CgroupPaths paths([&] { asked++; });
  Workloads workloads(paths);
  Workloads::Owner unknown = workloads.of(7, 0, kStart);
  CHECK_TEXT(shown(workloads, unknown), "unknown/unknown");
  ck_assert_int_eq(asked, 1);
  paths.born(7, "/system.slice/late.service");
  ck_assert_uint_eq(workloads.of(7, 0, kStart + kNsPerSecond - 1), unknown);
  ck_assert_int_eq(asked, 1);
  Workloads::Owner named = workloads.of(7, 0, kStart + kNsPerSecond);
  CHECK_TEXT(shown(workloads, named), "systemd/late.service");
  ck_assert_uint_eq(workloads.of(7, 0, kStart + kNsPerSecond), named);
  ck_assert_int_eq(asked, 2);
  check_attribution(workloads, 2, 0, 2);
  // Without any socket and task it is the kernel's.
  CHECK_TEXT(shown(workloads, workloads.of(0, 0, kStart)), "host/kernel");
  CHECK_TEXT(shown(workloads, workloads.of(0, 5, kStart)), "unknown/unknown");
  check_attribution(workloads, 2, 0, 4);
}
END_TEST

START_TEST(gone_after_five_minutes) {
  CgroupPaths paths;
  Workloads workloads(paths);
  paths.born(1, unit(1));
  paths.born(2, unit(2));
  Workloads::Owner first = workloads.of(1, 0, kStart), second = workloads.of(2, 0, kStart);
  Workloads::Index index = workloads.index(first);
  uint64_t serial = workloads.serial(index);
  ck_assert_uint_ne(serial, serial_of(workloads, second));
  for (uint64_t at = kStart + kMinute; at < kStart + 6 * kMinute; at += kMinute)
    ck_assert(sweep(workloads, at).series.empty());
  (void)workloads.of(2, 0, kStart + 6 * kMinute - 1);  // seen again: it lives on
  Swept swept = sweep(workloads, kStart + 6 * kMinute);
  ck_assert(swept.series == std::set<Workloads::Index>{index});
  ck_assert(swept.cgroups == std::set<uint64_t>{1});
  ck_assert_uint_eq(workloads.size(), 1);
  ck_assert(held(workloads, second) && !held(workloads, first));
  paths.born(3, unit(3));
  Workloads::Owner third = workloads.of(3, 0, kStart + 7 * kMinute);
  ck_assert_uint_eq(workloads.index(third), index);
  ck_assert_uint_ne(workloads.serial(index), serial);
  CHECK_TEXT(shown(workloads, third), "systemd/unit-3.service");
  // Who kept the handle of the first is not told that he is the third.
  ck_assert_uint_eq(workloads.index(first), Workloads::kLate);
  // Nor does a late event call it back: nobody knows that cgroup any more.
  CHECK_TEXT(shown(workloads, workloads.of(1, 0, kStart + 7 * kMinute)), "unknown/unknown");
  ck_assert_uint_eq(workloads.of(2, 0, kStart + 7 * kMinute), second);
}
END_TEST

START_TEST(lives_by_its_last_cgroup) {
  CgroupPaths paths;
  Workloads workloads(paths);
  paths.born(1, unit(1));
  paths.born(2, unit(1));
  Workloads::Owner owner = workloads.of(1, 0, kStart);
  uint64_t serial = serial_of(workloads, owner);
  for (uint64_t at = kStart; at <= kStart + 20 * kMinute; at += kMinute) {
    ck_assert_uint_eq(workloads.of(2, 0, at), owner);
    ck_assert(sweep(workloads, at).series.empty());
  }
  ck_assert_uint_eq(serial_of(workloads, owner), serial);
  (void)sweep(workloads, kStart + 21 * kMinute);
  ck_assert_uint_eq(sweep(workloads, kStart + 27 * kMinute).series.size(), 1);
}
END_TEST

// Seen now: it must not be removed because a cgroup of it, or its own first look, is old.
START_TEST(unnamed_but_busy_is_not_removed) {
  CgroupPaths paths;
  Workloads workloads(paths);
  Workloads::Owner owner = workloads.of(7, 0, kStart);
  uint64_t serial = serial_of(workloads, owner);
  for (uint64_t at = kStart; at <= kStart + 20 * kMinute; at += 10 * kNsPerSecond) {
    ck_assert_uint_eq(workloads.of(7, 0, at), owner);
    if ((at - kStart) % kMinute == 0) ck_assert(sweep(workloads, at).series.empty());
    ck_assert_uint_eq(serial_of(workloads, owner), serial);
  }
}
END_TEST

START_TEST(idle_cgroup_does_not_take_a_busy_workload_along) {
  CgroupPaths paths;
  Workloads workloads(paths);
  Workloads::Owner owner = workloads.of(7, 0, kStart);  // once, and never again
  for (uint64_t at = kStart; at <= kStart + 20 * kMinute; at += kMinute) {
    ck_assert_uint_eq(workloads.of(0, 4242, at), owner);  // "unknown" too
    ck_assert(sweep(workloads, at).series.empty());
  }
}
END_TEST

START_TEST(beyond_the_bound) {
  CgroupPaths paths;
  Workloads workloads(paths);
  for (size_t i = 1; i <= Workloads::kWorkloadsMax; i++) {
    paths.born(i, unit(i));
    ck_assert_uint_ne(workloads.of(i, 0, kStart), Workloads::kOther);
  }
  ck_assert_uint_eq(workloads.overflow(), 0);
  paths.born(9000, unit(9000));
  paths.born(9001, unit(1));
  for (int i = 0; i < 3; i++)
    ck_assert_uint_eq(workloads.of(9000, 0, kStart), Workloads::kOther);
  ck_assert_uint_eq(workloads.overflow(), 3);
  ck_assert_uint_eq(workloads.of(9001, 0, kStart), workloads.of(1, 0, kStart));
  ck_assert_uint_eq(workloads.size(), Workloads::kWorkloadsMax);
  CHECK_TEXT(shown(workloads, Workloads::kOther), "other/other");
  (void)sweep(workloads, kStart + kMinute);
  for (uint64_t at = kStart; at <= kStart + 6 * kMinute; at += kMinute)
    (void)workloads.of(9000, 0, at);
  Swept swept = sweep(workloads, kStart + 6 * kMinute);
  ck_assert_uint_eq(swept.series.size(), Workloads::kWorkloadsMax);
  ck_assert_uint_eq(swept.series.count(Workloads::kOther), 0);
  ck_assert_uint_eq(workloads.size(), 0);
}
END_TEST

// Where the table of cgroups is full each is looked up again, and all is still right.
START_TEST(cgroup_table_full) {
  CgroupPaths paths;
  Workloads workloads(paths);
  auto born = [&](uint64_t cgroup) { paths.born(cgroup, unit(cgroup % 10)); };
  for (uint64_t cgroup = 1; cgroup <= Workloads::kCgroupsMax; cgroup++) {
    born(cgroup);
    (void)workloads.of(cgroup, 0, kStart);
  }
  for (uint64_t cgroup = 50000; cgroup < 51000; cgroup++) {
    born(cgroup);
    Workloads::Owner owner = workloads.of(cgroup, 0, kStart);
    CHECK_TEXT(shown(workloads, owner), "systemd/unit-" + std::to_string(cgroup % 10) + ".service");
    ck_assert_uint_eq(workloads.of(cgroup, 0, kStart + 1), owner);
  }
  ck_assert_uint_eq(workloads.size(), 10);
  paths.born(60000, "/system.slice/alone.service");
  Workloads::Owner alone = workloads.of(60000, 0, kStart);
  uint64_t serial = serial_of(workloads, alone);
  for (uint64_t at = kStart; at <= kStart + 12 * kMinute; at += kMinute) {
    ck_assert_uint_eq(workloads.of(60000, 0, at), alone);
    ck_assert_uint_eq(sweep(workloads, at).series.count(workloads.index(alone)), 0);
  }
  ck_assert_uint_eq(serial_of(workloads, alone), serial);
}
END_TEST

START_TEST(churn) {
  CgroupPaths paths;
  Workloads workloads(paths);
  uint64_t now_ns = kStart;
  std::set<uint64_t> serials;
  for (uint64_t cgroup = 1; cgroup <= 100000; cgroup++) {
    now_ns += 50 * kNsPerMs;
    paths.born(cgroup, unit(cgroup));
    Workloads::Owner owner = workloads.of(cgroup, 0, now_ns);
    ck_assert_uint_ne(owner, 0);
    ck_assert(serials.insert(serial_of(workloads, owner)).second);
    if (cgroup % 200 == 0) (void)workloads.of(cgroup - 100, 0, now_ns);
    if (cgroup % 1000 == 0) (void)sweep(workloads, now_ns);
    // A few seconds of sweeping and five minutes at 20 a second would be above the bound.
    if (cgroup % 3000 == 0) (void)sweep(workloads, now_ns += 6 * kMinute);
    ck_assert_uint_le(workloads.size(), Workloads::kWorkloadsMax);
    ck_assert_uint_le(workloads.end(), Workloads::kWorkloadsMax + Workloads::kFirst);
  }
  ck_assert_uint_eq(workloads.overflow(), 0);
  (void)sweep(workloads, now_ns += kMinute);
  (void)sweep(workloads, now_ns += 6 * kMinute);
  ck_assert_uint_eq(workloads.size(), 0);
}
END_TEST

std::string temporary_dir;  // a failed assert runs no destructor

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

// A plain folder in place of a cgroup file system: its ids are the numbers of its inodes.
CgroupTree plain_tree() {
  for (const char* folder : {"/self", "/42", "/tree", "/tree/system.slice",
                             "/tree/system.slice/a.service", "/tree/system.slice/b.service"})
    mkdir((temporary_dir + folder).c_str(), 0755);
  write_file(temporary_dir + "/self/mountinfo",
             "1 1 0:1 / " + temporary_dir + "/tree rw - cgroup2 cgroup2 rw\n");
  write_file(temporary_dir + "/42/cgroup", "0::/system.slice/b.service\n");
  Result<CgroupTree> tree = CgroupTree::open(temporary_dir);
  ck_assert(tree.ok());
  return std::move(tree.value());
}

START_TEST(with_a_tree) {
  CgroupTree tree = plain_tree();
  CgroupPaths paths;
  Workloads workloads(paths);
  paths.set_tree(&tree);
  uint64_t a = tree.id_of_path("/system.slice/a.service");
  ck_assert_uint_ne(a, 0);
  Workloads::Owner owner = workloads.of(a, 0, kStart);
  CHECK_TEXT(shown(workloads, owner), "systemd/a.service");
  // A birth says it as well as the tree; the pid serves where the id says nothing.
  paths.born(1ULL << 60, "/system.slice/a.service");
  ck_assert_uint_eq(workloads.of(1ULL << 60, 42, kStart), owner);
  Workloads::Owner by_pid = workloads.of(1ULL << 61, 42, kStart + 5 * kNsPerSecond);
  CHECK_TEXT(shown(workloads, by_pid), "systemd/b.service");
  ck_assert_uint_eq(workloads.of(0, 42, kStart + 5 * kNsPerSecond), by_pid);
  CHECK_TEXT(shown(workloads, workloads.of(1ULL << 61, 43, kStart + 5 * kNsPerSecond)),
             "unknown/unknown");
  check_attribution(workloads, 2, 2, 1);
  // What the tree still knows stays, without any event.
  for (uint64_t at = kStart; at <= kStart + 20 * kMinute; at += kMinute)
    ck_assert_uint_eq(sweep(workloads, at).series.count(workloads.index(owner)), 0);
  ck_assert(held(workloads, owner) && !held(workloads, by_pid));
}
END_TEST

void setup() {
  char name[] = "/tmp/kubepulse-workloads-XXXXXX";
  temporary_dir = mkdtemp(name);
}

void teardown() {
  std::string command = "rm -rf '" + temporary_dir + "'";
  if (system(command.c_str()) != 0) printf("left behind: %s\n", temporary_dir.c_str());
}

}  // namespace

int main() {
  setup();
  int failed = run_suite(
      "workloads",
      {cached, one_index_for_equal_labels, names_that_render_equal,
       names_cut_inside_a_character_look_different, names_cut_inside_a_character_are_forgotten,
       unknown_is_asked_again, gone_after_five_minutes, lives_by_its_last_cgroup,
       unnamed_but_busy_is_not_removed, idle_cgroup_does_not_take_a_busy_workload_along,
       beyond_the_bound, cgroup_table_full, churn, with_a_tree});
  teardown();
  return failed;
}
