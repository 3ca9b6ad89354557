// What only shows through a process of a container: the interfaces and file systems of namespaces
// of its own.
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/kernel_counts.h"
#include "tests/live/loads.h"
#include "tests/live/netns.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/pods.h"

namespace kubepulse::live {

namespace {

constexpr const char* kInterfaceMetrics[] = {
    "kubepulse_network_interface_receive_bytes_total",
    "kubepulse_network_interface_receive_packets_total",
    "kubepulse_network_interface_receive_errors_total",
    "kubepulse_network_interface_receive_drops_total",
    "kubepulse_network_interface_transmit_bytes_total",
    "kubepulse_network_interface_transmit_packets_total",
    "kubepulse_network_interface_transmit_errors_total",
    "kubepulse_network_interface_transmit_drops_total",
};
constexpr size_t kReceivedBytes = 0, kReceivedPackets = 1, kSentBytes = 4, kSentPackets = 5;

// In whose order nobody says anything of itself.
void bring_up_silently(const std::string& interface) {
  write_file("/proc/sys/net/ipv6/conf/" + interface + "/disable_ipv6", "1");
  CHECK_OK(set_up(interface));
}

// Frames of a protocol that nobody answers (local experimental, IEEE 802).
constexpr size_t kFrameBytes = 200;
void send_frames(const std::string& interface, int count) {
  Fd socket = make_socket(AF_PACKET, SOCK_RAW);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  char frame[kFrameBytes];
  memset(frame, 0xff, ETH_ALEN);
  frame[2 * ETH_ALEN] = '\x88';
  frame[2 * ETH_ALEN + 1] = '\xb5';
  for (; count > 0; count--)
    ck_assert(sendto(socket.get(), frame, sizeof frame, 0, reinterpret_cast<sockaddr*>(&to),
                     sizeof to) == kFrameBytes);
}

// A process that does nothing, in that network namespace.
Child idle_in(const Cgroup& cgroup, const Fd& netns) {
  return Child::in(cgroup, [&] {
    if (!go_to_netns(netns).ok()) return 1;
    pause();
    return 0;
  });
}

void check_interface(const Page& page, const Owner& owner, const std::string& interface,
                     const std::vector<double>& numbers) {
  ck_assert_uint_eq(numbers.size(), std::size(kInterfaceMetrics));
  for (size_t at = 0; at < numbers.size(); at++)
    check_sample(page, kInterfaceMetrics[at], with(owner.labels(), "interface", interface),
                 numbers[at]);
}

// Two containers and the sandbox share the namespace of a pod; another pod has the host's.
START_TEST(interfaces) {
  constexpr int kOut = 50, kIn = 30;
  Fd host = own_netns();
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("interfaces", status.message());
  Fd ours = own_netns();
  CHECK_OK(enter_new_netns());
  Fd far = own_netns();
  CHECK_OK(go_to_netns(ours));
  CHECK_OK(make_veth("eth0", "far0", far));
  bring_up_silently("eth0");
  CHECK_OK(go_to_netns(far));
  bring_up_silently("far0");
  // One of the host, whose other end is in the namespace that goes with this test.
  CHECK_OK(go_to_netns(host));
  std::string of_host = "kp" + std::to_string(getpid() % 100000);
  CHECK_OK(make_veth(of_host, "far1", far));
  bring_up_silently(of_host);
  CHECK_OK(go_to_netns(far));
  bring_up_silently("far1");
  CHECK_OK(go_to_netns(host));

  LivePod pod({"views", "web-0"}), host_pod({"views", "host-0"});
  std::vector<Child> children;
  for (const Cgroup& cgroup : {pod.sandbox(), pod.container("web"), pod.container("side")})
    children.push_back(idle_in(cgroup, ours));
  children.push_back(idle_in(host_pod.container(), host));
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({pod, host_pod}));
  Daemon daemon = start_beside(kubelet);
  auto read = [&] {
    std::vector<double> numbers = interface_numbers(children[0].pid(), "eth0");
    std::vector<double> more = interface_numbers(getpid(), of_host);
    numbers.insert(numbers.end(), more.begin(), more.end());
    return numbers;
  };
  auto check = [&](const Look& seen) {
    auto middle = seen.numbers.begin() + 8;
    check_interface(seen.page, pod.owner(), "eth0", {seen.numbers.begin(), middle});
    check_interface(seen.page, {"host", "kernel"}, of_host, {middle, seen.numbers.end()});
    for (const char* name : kInterfaceMetrics)
      check_absent(seen.page, name, host_pod.owner().labels());
  };
  Look first = look(daemon, read);
  check(first);
  CHECK_OK(go_to_netns(ours));
  send_frames("eth0", kOut);
  CHECK_OK(go_to_netns(far));
  send_frames("far0", kIn);
  CHECK_OK(go_to_netns(host));
  send_frames(of_host, kIn);
  Look last = look(daemon, read);
  check(last);
  auto grown = [&](size_t at) { return last.numbers[at] - first.numbers[at]; };
  ck_assert_double_eq(grown(kSentPackets), kOut);
  ck_assert_double_eq(grown(kSentBytes), kOut * kFrameBytes);
  ck_assert_double_eq(grown(kReceivedPackets), kIn);
  // Without the header, which the card has taken off.
  ck_assert_double_eq(grown(kReceivedBytes), kIn * kFrameBytes);
  ck_assert_double_eq(grown(8 + kSentPackets), kIn);
  for (Child& child : children)
    kill_and_wait(child);
  // Its counters stay as they are.
  check(Look{fresh_page(daemon), last.numbers});
  daemon.stop();
}
END_TEST

struct Size {
  double capacity, usage, available;
};

Size size_of(const std::string& path) {
  struct statvfs about {};
  ck_assert(statvfs(path.c_str(), &about) == 0);
  double unit = static_cast<double>(about.f_frsize);
  return {static_cast<double>(about.f_blocks) * unit,
          static_cast<double>(about.f_blocks - about.f_bfree) * unit,
          static_cast<double>(about.f_bavail) * unit};
}

// Not where process 1 has capabilities that we lack.
bool sees_mounts_of_host() {
  char name[64];
  return readlink("/proc/1/ns/mnt", name, sizeof name) > 0;
}

constexpr uint64_t kMiB = 1 << 20;

// A process that has a tmpfs of 8 MiB, of which 3 are used, in a mount namespace of its own.
Child fill_in(const Cgroup& cgroup, const std::string& folder) {
  Child filler = Child::in(cgroup, [&] {
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=8m") != 0 ||
        !write_file(folder + "/file", std::string(3 * kMiB, 'x')))
      return 1;
    stop_here();
    return 0;
  });
  await_stop(filler.pid());
  return filler;
}

START_TEST(filesystems) {
  std::string folder = scratch_path("mounted");
  ck_assert(make_folders(folder));
  LivePod pod({"views", "full-0"}), other({"views", "host-0"});
  Child filler = fill_in(pod.container("db"), folder);
  Size size = size_of("/proc/" + std::to_string(filler.pid()) + "/root" + folder);
  ck_assert_double_eq(size.capacity, 8 * kMiB);
  ck_assert_double_eq(size.usage, 3 * kMiB);
  ck_assert_double_eq(size.available, 5 * kMiB);
  Child idle = Child::in(other.container(), [] {
    pause();
    return 0;
  });
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({pod, other}));
  Daemon daemon = start_beside(kubelet);
  // The first page asks, and a later one tells.
  Page page = fresh_page(daemon);
  for (int times = 0; times < 5 && !page.has("kubepulse_filesystem_capacity_bytes"); times++)
    page = fresh_page(daemon);
  Labels labels = with(container_labels(pod.owner(), "db"), "mountpoint", folder);
  check_sample(page, "kubepulse_filesystem_capacity_bytes", labels, size.capacity);
  check_sample(page, "kubepulse_filesystem_usage_bytes", labels, size.usage);
  check_sample(page, "kubepulse_filesystem_available_bytes", labels, size.available);
  check_absent(page, "kubepulse_filesystem_capacity_bytes", other.owner().labels());
  // Of the host, what else it has mounted.
  int of_host = 0;
  for (const Sample& sample : page.samples()) {
    if (sample.name != "kubepulse_filesystem_capacity_bytes" ||
        !sample.has_all({{"namespace", "host"}, {"pod", "kernel"}}))
      continue;
    const std::string& point = *sample.label("mountpoint");
    ck_assert_str_ne(point.c_str(), folder.c_str());
    ck_assert_double_eq(sample.value, size_of(point).capacity);
    of_host++;
  }
  ck_assert(of_host > 0 || !sees_mounts_of_host());
  go_on(filler.pid());
  filler.finish();
  kill_and_wait(idle);
  check_absent(fresh_page(daemon), "kubepulse_filesystem_capacity_bytes", labels);
  daemon.stop();
}
END_TEST

// Insights look at file systems where nobody scrapes, so that the first page has them already: what
// it asks for itself only the next one tells.
START_TEST(filesystems_without_scrapes) {
  std::string folder = scratch_path("unscraped");
  ck_assert(make_folders(folder));
  Cgroup unit = make_unit("views-unscraped");
  Child filler = fill_in(unit, folder);
  Launch launch;
  launch.flags = {"--profile=custom", "--collect=filesystems", "--insight-interval=1s"};
  Labels labels = with(container_labels(unit.owner, ""), "mountpoint", folder);
  Page page;
  for (unsigned wait_ms : {2500, 10000, 40000}) {
    Daemon daemon = Daemon::start(launch);
    sleep_ms(wait_ms);
    page = daemon.scrape();
    daemon.stop();
    if (page.has("kubepulse_filesystem_usage_bytes", labels)) break;
  }
  check_sample(page, "kubepulse_filesystem_capacity_bytes", labels, 8 * kMiB);
  check_sample(page, "kubepulse_filesystem_usage_bytes", labels, 3 * kMiB);
  go_on(filler.pid());
  filler.finish();
}
END_TEST

}  // namespace

Case container_views_case() {
  return {"container-views", false, {interfaces, filesystems, filesystems_without_scrapes}};
}

}  // namespace kubepulse::live
