#include "collect/mounts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tests/check.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

// "POINT MAJOR:MINOR ID" a line.
std::string text_of(const Mounts& found) {
  std::string text;
  for (const Mount& mount : found.mounts)
    text += mount.point + " " + std::to_string(mount.device >> 32) + ":" +
            std::to_string(mount.device & UINT32_MAX) + " " + std::to_string(mount.id) + "\n";
  return text + (found.left_out > 0 ? "+" + std::to_string(found.left_out) : "");
}

std::string shown(const std::string& text) {
  return text_of(parse_mounts(text));
}

#define SNAPSHOTS "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/"
#define POD "/var/lib/kubelet/pods/5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41/"
#define SANDBOX "/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/0123456789abcdef/"

// containerd on cgroup v2: an emptyDir on disk and one in memory, an NFS volume with a space in its
// name, a ConfigMap's file, a Secret, the token.
constexpr char kContainerd[] =
    "1320 1357 0:377 / / rw,relatime master:247 - overlay overlay rw,lowerdir=" SNAPSHOTS
    "154/fs:" SNAPSHOTS "29/fs,upperdir=" SNAPSHOTS "155/fs,workdir=" SNAPSHOTS
    "155/work\n"
    "1321 1320 0:379 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
    "1322 1320 0:380 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755,inode64\n"
    "1323 1322 0:381 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5,mode=620\n"
    "1324 1322 0:351 / /dev/mqueue rw,nosuid,nodev,noexec,relatime - mqueue mqueue rw\n"
    "1325 1320 0:356 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro\n"
    "1326 1325 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n"
    "1327 1320 259:1 " POD
    "etc-hosts /etc/hosts rw,noatime - ext4 /dev/nvme0n1p1 rw\n"
    "1328 1322 259:1 " POD
    "containers/app/8a03d371 /dev/termination-log rw,noatime - ext4 "
    "/dev/nvme0n1p1 rw\n"
    "1329 1320 259:1 " SANDBOX
    "hostname /etc/hostname rw,noatime - ext4 /dev/nvme0n1p1 rw\n"
    "1330 1320 259:1 " SANDBOX
    "resolv.conf /etc/resolv.conf rw,noatime - ext4 /dev/nvme0n1p1 rw\n"
    "1331 1322 0:347 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k\n"
    "1332 1320 259:1 " POD
    "volumes/kubernetes.io~empty-dir/cache /cache rw,noatime - ext4 "
    "/dev/nvme0n1p1 rw\n"
    "1333 1320 0:340 / /scratch rw,relatime - tmpfs tmpfs rw,size=1048576k,inode64\n"
    "1334 1320 0:61 / /mnt/our\\040files rw,relatime - nfs4 10.0.0.9:/exports/our\\040files "
    "rw,vers=4.2,hard,proto=tcp,addr=10.0.0.9\n"
    "1335 1320 259:1 " POD
    "volume-subpaths/conf/app/0 /etc/app.conf ro,noatime - ext4 "
    "/dev/nvme0n1p1 rw\n"
    "1336 1320 0:341 / /etc/secret ro,relatime - tmpfs tmpfs rw,size=1048576k,inode64\n"
    "1337 1320 0:342 / /run/secrets/kubernetes.io/serviceaccount ro,relatime - tmpfs tmpfs "
    "rw,size=1048576k,inode64\n"
    "1358 1321 0:379 /bus /proc/bus ro,nosuid,nodev,noexec,relatime - proc proc rw\n"
    "1359 1321 0:382 / /proc/acpi ro,relatime - tmpfs tmpfs ro,inode64\n"
    "1360 1321 0:380 /null /proc/kcore rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755,inode64\n"
    "1361 1325 0:383 / /sys/firmware ro,relatime - tmpfs tmpfs ro,inode64\n";

// Where each overlay writes.
std::string uppers(const std::string& text) {
  std::string all;
  for (const Mount& mount : parse_mounts(text).mounts)
    if (!mount.upper.empty()) all += mount.point + " " + mount.upper + "\n";
  return all;
}

START_TEST(containerd) {
  CHECK_TEXT(shown(kContainerd),
             "/ 0:377 1320\n"
             "/dev/shm 0:347 1331\n"
             "/cache 259:1 1332\n"
             "/scratch 0:340 1333\n"
             "/mnt/our files 0:61 1334\n"
             "/etc/app.conf 259:1 1335\n");
  CHECK_TEXT(uppers(kContainerd), "/ " SNAPSHOTS "155/fs\n");
}
END_TEST

START_TEST(where_overlay_writes) {
  auto upper = [](const char* rest) { return uppers(std::string("1 0 0:9 / / rw - ") + rest); };
  CHECK_TEXT(upper("overlay overlay rw,upperdir=/a\\040b,workdir=/c"), "/ /a b\n");
  CHECK_TEXT(upper("overlay none ro,lowerdir=/upperdir=/x:/b"), "");
  CHECK_TEXT(upper("overlay overlay"), "");
  CHECK_TEXT(upper("ext4 /dev/sda rw,upperdir=/a"), "");
}
END_TEST

#define DOCKER "/var/lib/docker/containers/076fc59c896cbe7e6eb02af64156aac4dbaca340/"

// Docker on cgroup v1, with a volume, the folder of it once more, and a folder of the host.
START_TEST(docker) {
  CHECK_TEXT(
      shown(
          "305 220 0:104 / / rw,relatime master:55 - overlay overlay rw,lowerdir=/var/lib/docker/"
          "overlay2/l/XX:/var/lib/docker/overlay2/l/YY,upperdir=/var/lib/docker/overlay2/81/diff\n"
          "306 305 0:107 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
          "307 305 0:108 / /dev rw,nosuid - tmpfs tmpfs rw,seclabel,size=65536k,mode=755\n"
          "308 307 0:109 / /dev/pts rw,nosuid,noexec,relatime - devpts devpts rw,gid=5\n"
          "339 305 0:110 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro,seclabel\n"
          "340 339 0:111 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs "
          "rw,mode=755\n"
          "341 340 0:30 /docker/076f /sys/fs/cgroup/memory ro,nosuid,nodev,noexec,relatime "
          "master:17 "
          "- cgroup cgroup rw,memory\n"
          "342 307 0:106 / /dev/mqueue rw,nosuid,nodev,noexec,relatime - mqueue mqueue rw\n"
          "343 307 0:112 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k\n"
          "344 305 8:9 " DOCKER "resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda9 rw\n"
          "345 305 8:9 " DOCKER "hostname /etc/hostname rw,relatime - ext4 /dev/sda9 rw\n"
          "346 305 8:9 " DOCKER "hosts /etc/hosts rw,relatime - ext4 /dev/sda9 rw\n"
          "347 305 8:9 /var/lib/docker/volumes/data/_data /data rw,relatime shared:3 master:1 "
          "propagate_from:2 - ext4 /dev/sda9 rw\n"
          "348 305 8:9 /var/lib/docker/volumes/data/_data /data-again rw - ext4 /dev/sda9 rw\n"
          "349 305 8:17 / /backup ro,relatime - xfs /dev/sdb1 rw,attr2,inode64\n"
          "350 306 0:113 / /proc/asound ro,relatime - tmpfs tmpfs ro\n"),
      "/ 0:104 305\n/dev/shm 0:112 343\n/data 8:9 347\n/backup 8:17 349\n");
}
END_TEST

// What a process outside of containers sees, and likewise who mounts the host's tree.
START_TEST(a_host) {
  CHECK_TEXT(
      shown(
          "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
          "23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n"
          "24 27 0:6 / /dev rw,relatime - devtmpfs udev rw,size=8145k,mode=755\n"
          "26 27 0:24 / /run rw,nosuid,nodev,noexec shared:5 - tmpfs tmpfs rw,size=1633k,mode=755\n"
          "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
          "28 27 8:2 / /boot\\134efi rw - vfat /dev/sda2 rw\n"
          "29 27 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro\n"
          "30 27 0:50 / /srv rw - autofs systemd-1 rw\n"
          "31 30 0:51 / /srv/home rw - fuse.sshfs me@there: rw\n"
          "32 27 0:52 / /home rw - btrfs /dev/sdc rw,subvolid=5,subvol=/\n"
          "33 26 0:53 / /run/containerd/io.containerd.runtime.v2.task/k8s.io/ab/rootfs rw - "
          "overlay "
          "overlay rw\n"
          "34 26 0:54 / /run/containerd/io.containerd.grpc.v1.cri/sandboxes/ab/shm rw - tmpfs shm "
          "rw\n"
          "35 27 0:55 / /var/lib/kubelet/pods/5f/volumes/kubernetes.io~projected/kube-api rw - "
          "tmpfs "
          "tmpfs rw\n"
          "36 27 8:3 / /var/lib/kubelet/plugins/kubernetes.io/csi/x/globalmount rw - ext4 /dev/sdd "
          "rw\n"
          "37 26 0:4 net:[4026532247] /run/netns/x rw - nsfs nsfs rw\n"
          "38 27 8:4 / /var/lib/docker rw - ext4 /dev/sde rw\n"
          "39 38 0:56 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n"
          "40 27 0:57 / /merged rw - overlay overlay rw\n"
          "41 27 0:58 / /ceph rw - ceph 10.0.0.1:6789:/ rw\n"),
      "/run 0:24 26\n/ 254:0 27\n/boot\\efi 8:2 28\n/srv/home 0:51 31\n/home 0:52 32\n"
      "/var/lib/docker 8:4 38\n/ceph 0:58 41\n");
}
END_TEST

START_TEST(hidden) {
  CHECK_TEXT(shown("1 0 8:1 / /a rw - ext4 x rw\n2 0 8:2 / /a rw - xfs x rw\n"), "/a 8:2 2\n");
  CHECK_TEXT(shown("1 0 8:1 / /a rw - ext4 x rw\n2 0 0:2 / /a rw - proc x rw\n"), "");
  CHECK_TEXT(shown("1 0 0:2 / / rw - rootfs x rw\n2 0 8:1 / / rw - ext4 x rw\n"), "/ 8:1 2\n");
}
END_TEST

START_TEST(parts) {
  CHECK_TEXT(shown("1 0 8:1 /a /a rw - ext4 x rw\n2 0 8:1 /b /b rw - ext4 x rw\n"
                   "3 0 8:1 /a /c rw - ext4 x rw\n4 0 8:2 /a /d rw - ext4 x rw\n"),
             "/a 8:1 1\n/b 8:1 2\n/d 8:2 4\n");
  CHECK_TEXT(shown("1 0 8:1 /a /a rw - ext4 x rw\n2 0 8:1 / /b rw - ext4 x rw\n"
                   "3 0 8:1 / /c rw - ext4 x rw\n4 0 8:1 /d /d rw - ext4 x rw\n"),
             "/b 8:1 2\n");
}
END_TEST

START_TEST(odd_text) {
  CHECK_TEXT(shown(""), "");
  CHECK_TEXT(shown("\n\n1\n1 2 3 4 5 6\n - \n"), "");
  CHECK_TEXT(shown("1 0 8:1 / /a rw - ext4"), "/a 8:1 1\n");
  CHECK_TEXT(shown("1 0 8:1 / /a rw -"), "");
  CHECK_TEXT(shown("1 0 8:1 / a rw - ext4 x rw\n"), "");
  CHECK_TEXT(shown("x 0 8:1 / /a rw - ext4 x rw\n"), "");
  for (const char* device : {"8", "8:", ":1", "8:1:2", "4294967296:0", "a:b"})
    CHECK_TEXT(shown("1 0 " + std::string(device) + " / /a rw - ext4 x rw\n"), "");
  CHECK_TEXT(shown("1 0 4294967295:4294967295 / /a rw - ext4 x rw\n"),
             "/a 4294967295:4294967295 1\n");
  // As a label it would be another text.
  CHECK_TEXT(shown("1 0 8:1 / /a\\012b rw - ext4 x rw\n"), "");
  CHECK_TEXT(shown("1 0 8:1 / /\xFF rw - ext4 x rw\n"), "");
  std::string point = "/" + std::string(kLabelBytesMax - 1, 'x');
  CHECK_TEXT(shown("1 0 8:1 / " + point + " rw - ext4 x rw\n"), point + " 8:1 1\n");
  CHECK_TEXT(shown("1 0 8:1 / " + point + "x rw - ext4 x rw\n"), "");
  // An optional field that looks like an option of the mount, and a type with a subtype.
  CHECK_TEXT(shown("1 0 0:9 / /a ro,noatime rw:1 unbindable - fuse.s3 x rw\n"), "/a 0:9 1\n");
  CHECK_TEXT(shown("1 0 8:1 / /device rw - ext4 x rw\n2 0 8:2 / /system rw - ext4 x rw\n"),
             "/device 8:1 1\n/system 8:2 2\n");
}
END_TEST

START_TEST(bounds) {
  std::string text, want;
  for (int i = 0; i < 20; i++)
    text += std::to_string(i) + " 0 8:" + std::to_string(i) + (i % 2 == 0 ? " / /" : " /part /") +
            std::to_string(i) + " rw - ext4 x rw\n";
  for (int i : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18})
    want += "/" + std::to_string(i) + " 8:" + std::to_string(i) + " " + std::to_string(i) + "\n";
  CHECK_TEXT(shown(text), want + "+4");
  text.clear();
  want.clear();
  for (int i = 0; i < 200; i++)
    text += "1 0 8:" + std::to_string(i) + " / /" + std::to_string(i) + " rw - ext4 x rw\n";
  for (int i = 0; i < 16; i++)
    want += "/" + std::to_string(i) + " 8:" + std::to_string(i) + " 1\n";
  CHECK_TEXT(shown(text), want + "+184");
}
END_TEST

START_TEST(of_a_process) {
  Folder proc;
  proc.make_folder("7/ns");
  struct stat about {};
  ck_assert_int_eq(stat(proc.write("7/ns/mnt", "").c_str(), &about), 0);
  auto none = read_mounts(proc.path(""), 7);
  ck_assert(!none.ok());
  ck_assert_int_eq(none.status().error_number(), ENOENT);
  proc.write("7/mountinfo", kContainerd);
  auto found = read_mounts(proc.path(""), 7);
  CHECK_OK(found.ok() ? Status() : found.status());
  ck_assert_uint_eq(found.value().mount_namespace, about.st_ino);
  ck_assert_uint_eq(found.value().mounts.size(), 6);
  ck_assert_int_eq(read_mounts(proc.path(""), 8).status().error_number(), ENOENT);
}
END_TEST

START_TEST(our_own) {
  auto found = read_mounts("/proc", static_cast<uint32_t>(getpid()));
  CHECK_OK(found.ok() ? Status() : found.status());
  ck_assert_uint_ne(found.value().mount_namespace, 0);
  ck_assert_uint_eq(found.value().mount_namespace,
                    mount_namespace("/proc", static_cast<uint32_t>(getpid())));
}
END_TEST

}  // namespace

CHECK_MAIN("mounts", containerd, where_overlay_writes, docker, a_host, hidden, parts, odd_text,
           bounds, of_a_process, our_own)
