#include "identity/pod_logs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

#define UID "5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41"
#define HASH "48bf1ded8cdd6337d986ce766ed35a34"

std::string temporary_dir;

// With the folders above it.
void make_folder(const std::string& path) {
  for (size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at + 1);
    int made = mkdir(path.substr(0, at).c_str(), 0755);
    ck_assert_msg(made == 0 || errno == EEXIST, "%s", path.c_str());
  }
}

std::string found(const std::string& root) {
  std::vector<std::string> lines;
  Result<PodLogs> logs = read_pod_logs(root, [&lines](const Pod& pod) {
    std::string line = std::string(pod.ns.view()) + "/" + std::string(pod.name.view()) + " " +
                       std::string(pod.uid.view());
    if (!pod.only_container.empty()) line += " only " + std::string(pod.only_container.view());
    ck_assert(pod.by_logs);
    lines.push_back(line + " of " + std::to_string(pod.container_count) + "\n");
  });
  if (!logs.ok()) return "! " + logs.status().message();
  ck_assert_uint_eq(logs.value().pods, lines.size());
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines)
    out += line;
  return out + (logs.value().cut ? "cut" : "");
}

START_TEST(names) {
  Pod pod;
  ck_assert(read_pod_log_name("shop_web-0.x_" UID, pod));
  CHECK_TEXT(pod.ns.view(), "shop");
  CHECK_TEXT(pod.name.view(), "web-0.x");
  CHECK_TEXT(pod.uid.view(), UID);
  ck_assert(read_pod_log_name("kube-system_etcd-node_" HASH, pod));
  CHECK_TEXT(pod.uid.view(), HASH);
  std::string long_name(253, 'x');
  ck_assert(read_pod_log_name("a_" + long_name + "_" HASH, pod));
  CHECK_TEXT(pod.name.view(), long_name);
  for (const char* name :
       {"", ".", "..", "_", "__", "shop_web", "shop_web_", "shop__" UID, "_web_" UID, UID,
        "shop_web_" UID "_", "shop_web_" UID "x", "shop_web_x_" UID, "Shop_web_" UID,
        "shop_Web_" UID, "shop.a_web_" UID, "shop_web_5F3B0C1E-7a2d-4e7b-9f10-2b6c1d0e9a41",
        "shop_web._" UID, "shop_web_" UID ".log"})
    ck_assert_msg(!read_pod_log_name(name, pod), "%s", name);
}
END_TEST

START_TEST(folders) {
  std::string root = temporary_dir + "/folders";
  make_folder(root + "/shop_web_" UID "/web");
  make_folder(root + "/shop_web_" UID "/mesh");
  make_folder(root + "/kube-system_etcd-node_" HASH "/etcd");
  make_folder(root + "/default_none_" HASH);
  make_folder(root + "/lost+found");
  make_folder(root + "/default_odd_" UID "/Not_a_name");
  make_folder(root + "/default_odd_" UID "/one");
  make_folder(temporary_dir + "/elsewhere/one");
  // No folders, and links.
  std::ofstream(root + "/default_file_" UID) << "x";
  std::ofstream(root + "/default_odd_" UID "/file") << "x";
  ck_assert_int_eq(symlink("../elsewhere", (root + "/default_link_" UID).c_str()), 0);
  ck_assert_int_eq(symlink("one", (root + "/default_odd_" UID "/link").c_str()), 0);
  const std::string want = "default/none " HASH
                           " of 0\n"
                           "default/odd " UID
                           " only one of 1\n"
                           "kube-system/etcd-node " HASH
                           " only etcd of 1\n"
                           "shop/web " UID " of 2\n";
  CHECK_TEXT(found(root), want);
  // The root itself may be a link: some nodes keep their logs on another disk.
  ck_assert_int_eq(symlink("folders", (temporary_dir + "/link").c_str()), 0);
  CHECK_TEXT(found(temporary_dir + "/link"), want);
  CHECK_TEXT(found(temporary_dir + "/none"),
             "! " + temporary_dir + "/none: No such file or directory");
  make_folder(temporary_dir + "/empty");
  CHECK_TEXT(found(temporary_dir + "/empty"), "");
}
END_TEST

START_TEST(bounds) {
  std::string root = temporary_dir + "/many";
  for (size_t i = 0; i < kPodLogsMax + 10; i++)
    make_folder(root + "/" + std::to_string(i));
  CHECK_TEXT(found(root), "cut");
  std::string pod = temporary_dir + "/containers/shop_web_" UID;
  for (size_t i = 0; i < Pod::kContainersMax + 10; i++)
    make_folder(pod + "/c" + std::to_string(i));
  CHECK_TEXT(found(temporary_dir + "/containers"), "shop/web " UID " of 64\n");
}
END_TEST

START_TEST(descriptors) {
  auto open_now = [] {
    int count = 0;
    DIR* folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr)
      count++;
    closedir(folder);
    return count;
  };
  std::string root = temporary_dir + "/descriptors";
  make_folder(root + "/shop_web_" UID "/web");
  int before = open_now();
  int during_cloexec = -1;
  Result<PodLogs> logs = read_pod_logs(root, [&](const Pod&) {
    during_cloexec = 1;
    for (int fd = 3; fd < 64; fd++) {
      int flags = fcntl(fd, F_GETFD);
      struct stat status;
      if (flags < 0 || fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode)) continue;
      during_cloexec = during_cloexec == 1 && (flags & FD_CLOEXEC) != 0;
    }
  });
  ck_assert(logs.ok());
  ck_assert_int_eq(during_cloexec, 1);
  ck_assert_int_eq(open_now(), before);
}
END_TEST

// The folders of real nodes, as `ls -lR` showed them.
START_TEST(real_nodes) {
  for (const char* config : {"cgroupfs", "systemd-api", "kubelet-1.20-systemd-v1"}) {
    std::string root = temporary_dir + "/" + config;
    std::ifstream listing("tests/data/kubelet/" + std::string(config) + "/var-log-pods.txt");
    const std::string head = "/var/log/pods/";
    for (std::string line; std::getline(listing, line);) {
      if (line.compare(0, head.size(), head) == 0 && line.back() == ':')
        make_folder(root + "/" + line.substr(head.size(), line.size() - head.size() - 1));
    }
  }
  CHECK_TEXT(found(temporary_dir + "/systemd-api"),
             "batch/crash a09eae3d-38cc-4b95-ad39-3b8ea6dd56ca only crash of 1\n"
             "default/host 7fe468a7-213b-4c65-90ba-4d1388fbf955 of 2\n"
             "kube-system/static-rig-node 6d5ded598bf237f5dbe336873c1b84ba only static of 1\n"
             "payments/db d6a1bee6-f61c-44c0-a9f0-e339d704da3d only db of 1\n"
             "shop/web ce4de524-6411-48af-85eb-70ce2c956d82 of 4\n");
  CHECK_TEXT(found(temporary_dir + "/cgroupfs"),
             "batch/crash-rig-node 07e66cecda5a32033c19f5e0585bad8f only crash of 1\n"
             "default/host-rig-node 48bf1ded8cdd6337d986ce766ed35a34 of 2\n"
             "payments/db-rig-node c0ffee00-1111-4222-8333-944445555566 only db of 1\n"
             "shop/web-rig-node 5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41 of 4\n");
  ck_assert(found(temporary_dir + "/kubelet-1.20-systemd-v1").find("shop/web-rig-node") !=
            std::string::npos);
}
END_TEST

void make_temporary_dir() {
  char name[] = "/tmp/kubepulse-pod-logs-XXXXXX";
  temporary_dir = mkdtemp(name);
}

}  // namespace

int main() {
  make_temporary_dir();
  int failed = run_suite("pod_logs", {names, folders, bounds, descriptors, real_nodes});
  std::string command = "rm -rf '" + temporary_dir + "'";
  if (system(command.c_str()) != 0) return EXIT_FAILURE;
  return failed;
}
