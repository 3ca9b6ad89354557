#include "identity/cgroup_path.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"
#include "identity/proc_cgroup.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID "5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41"
#define UID_ "5f3b0c1e_7a2d_4e7b_9f10_2b6c1d0e9a41"
#define HASH "48bf1ded8cdd6337d986ce766ed35a34"
#define BURSTABLE "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice"

std::string described(const CgroupOwner& owner) {
  static const char* const kinds[] = {"kernel", "pod", "container", "unit", "other"};
  std::string out = kinds[owner.kind];
  for (const std::string& part : {owner.ns, owner.name, owner.pod_uid, owner.container_id}) {
    out += " | " + part;
  }
  return out;
}

void check_owner(std::string_view path, const std::string& want) {
  std::string got = described(owner_of_path(path));
  ck_assert_msg(got == want, "%s\n  got:  %s\n  want: %s", std::string(path).c_str(), got.c_str(),
                want.c_str());
}

START_TEST(kernel) {
  for (const char* path : {"", "/", "//", "/..", "/../../..", "/../", " (deleted)"}) {
    check_owner(path, "kernel | host | kernel |  | ");
  }
}
END_TEST

START_TEST(pods) {
  struct {
    const char* path;
    const char* uid;
    const char* container;
  } const cases[] = {
      // cgroupfs
      {"/kubepods/burstable/pod" UID "/" ID, UID, ID},
      {"/kubepods/burstable/pod" UID, UID, ""},
      {"/kubepods/pod" UID "/" ID, UID, ID},
      {"/kubepods/besteffort/pod" HASH "/" ID, HASH, ID},
      {"/kubepods/besteffort/pod" UID "/crio-" ID, UID, ID},
      {"/kubepods/besteffort/pod" UID "/crio-conmon-" ID, UID, ""},
      {"/kubepods/burstable/pod" UID "/" ID "/init.scope", UID, ID},
      {"/kubepods/burstable/pod" UID "/" ID "/system.slice/nginx.service", UID, ID},
      {"/kubepods/pod5F3B0C1E-7A2D-4E7B-9F10-2B6C1D0E9A41", UID, ""},
      // systemd
      {"/" BURSTABLE, UID, ""},
      {"/" BURSTABLE "/cri-containerd-" ID ".scope", UID, ID},
      {"/" BURSTABLE "/cri-containerd-" ID ".scope/container", UID, ID},
      {"/" BURSTABLE "/crio-" ID ".scope", UID, ID},
      {"/" BURSTABLE "/crio-" ID ".scope/container", UID, ID},
      {"/" BURSTABLE "/crio-conmon-" ID ".scope", UID, ""},
      {"/" BURSTABLE "/docker-" ID ".scope", UID, ID},
      {"/" BURSTABLE "/" ID, UID, ID},
      {"/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope", UID, ID},
      {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" HASH ".slice", HASH, ""},
      // A systemd name taken for a folder
      {"/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID,
       UID, ID},
      {"/kubepods-pod" UID_ ".slice:cri-containerd:" ID, UID, ID},
      // A node inside a container or below a unit
      {"/docker/" ID2 "/kubelet/kubepods/burstable/pod" UID "/" ID, UID, ID},
      {"/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
       "kubelet-kubepods-burstable-pod" UID_ ".slice/cri-containerd-" ID ".scope",
       UID, ID},
      {"/system.slice/docker-" ID2 ".scope/" BURSTABLE "/crio-" ID ".scope", UID, ID},
      {"/docker/" ID2 "/docker/" ID2 "/kubepods/besteffort/pod" UID "/" ID, UID, ID},
      {"/actions_job/" ID2 "/kubelet/kubepods/pod" UID "/" ID, UID, ID},
      {"/k8s.io/" ID2 "/kubepods/pod" UID "/" ID, UID, ID},
      {"/system.slice/k3s.service/kubepods/burstable/pod" UID "/" ID, UID, ID},
      {"/lxc/node-1/kubepods/burstable/pod" UID "/" ID, UID, ID},
      // What a pod keeps below itself
      {"/kubepods/burstable/pod" UID "/" ID "/docker/" ID2, UID, ID},
      {"/kubepods/burstable/pod" UID "/docker/" ID2, UID, ""},
      {"/kubepods/burstable/pod" UID "/" ID "/kubepods/pod" HASH "/" ID2, UID, ID},
      {"/kubepods/burstable/pod" UID "/kata_overhead/" ID, UID, ""},
      // Noise
      {"/../../../" BURSTABLE "/crio-" ID ".scope", UID, ID},
      {"/../pod" UID "/" ID, UID, ID},
      {"//kubepods//pod" UID "//" ID "/", UID, ID},
      {"/kubepods/pod" UID "/" ID " (deleted)", UID, ID},
      {"kubepods/pod" UID "/" ID, UID, ID},
  };
  for (const auto& c : cases) {
    std::string uid = c.uid;
    check_owner(c.path, "pod | unknown | " + uid + " | " + uid + " | " + c.container);
  }
}
END_TEST

START_TEST(no_pods) {
  check_owner("/podman/pod-foo", "other | host | podman/pod-foo |  | ");
  check_owner("/kubepods/burstable", "other | host | kubepods/burstable |  | ");
  check_owner("/kubepods.slice/kubepods-burstable.slice",
              "unit | systemd | kubepods-burstable.slice |  | ");
  check_owner("/pod5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a4",
              "other | host | "
              "pod5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a4 |  | ");
  check_owner("/pod" HASH "0", "other | host | pod" HASH "0 |  | ");
  check_owner("/xpod" UID, "other | host | xpod" UID " |  | ");
  check_owner("/pod5f3b0c1e-7a2d-4e7b-9f10x2b6c1d0e9a41",
              "other | host | pod5f3b0c1e-7a2d-4e7b-9f10x2b6c1d0e9a41 |  | ");
  check_owner("/xpod" UID_ ".slice", "unit | systemd | xpod" UID_ ".slice |  | ");
}
END_TEST

#define USER "/user.slice/user-1000.slice/user@1000.service/"

START_TEST(containers) {
  struct {
    const char* path;
    const char* ns;
    const char* id;
  } const cases[] = {
      {"/docker/" ID, "docker", ID},
      {"/docker/" ID "/init.scope", "docker", ID},
      {"/docker/" ID "/docker/" ID2, "docker", ID},
      {"/docker-" ID ".scope", "docker", ID},
      {"/system.slice/docker-" ID ".scope", "docker", ID},
      {"/system.slice/docker-" ID ".scope/system.slice/nginx.service", "docker", ID},
      {"/ecstasks.slice/ecstasks-" HASH ".slice/docker-" ID ".scope", "docker", ID},
      {"/ecs/" HASH "/" ID, "docker", ID},
      {"/custom/parent/" ID, "docker", ID},
      {"/docker/buildx/" ID, "docker", ID},
      {"/docker/buildkit/pz5lb0a8wcjbqotbtqvdi2p7w", "docker", "pz5lb0a8wcjbqotbtqvdi2p7w"},
      {"/system.slice/system.slice:docker:osh60k53lspy0g0cjo94ur00h", "docker",
       "osh60k53lspy0g0cjo94ur00h"},
      {"/system.slice:docker:" ID, "docker", ID},
      {USER "user.slice/docker-" ID ".scope", "docker", ID},
      {"/machine.slice/libpod-" ID ".scope", "podman", ID},
      {"/machine.slice/libpod-" ID ".scope/container", "podman", ID},
      {"/machine.slice/libpod-conmon-" ID ".scope", "podman", ID},
      {"/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", "podman", ID},
      {"/libpod_parent/libpod-" ID, "podman", ID},
      {"/libpod_parent/libpod-" ID "/conmon", "podman", ID},
      {"/libpod_parent/" ID2 "/libpod-" ID, "podman", ID},
      {"/system.slice/web.service/libpod-payload-" ID, "podman", ID},
      {USER "user.slice/libpod-" ID ".scope/container", "podman", ID},
      {USER "user.slice/libpod-" ID ".scope/container/docker/" ID2, "podman", ID},
      {USER "app.slice/web.service/libpod-payload-" ID, "podman", ID},
      {"/system.slice/nerdctl-" ID ".scope", "containerd", ID},
      {"/default/" ID, "containerd", ID},
      {"/k8s.io/" ID, "containerd", ID},
      {"/../cri-containerd-" ID ".scope", "containerd", ID},
      {"/system.slice:cri-containerd:" ID, "containerd", ID},
      {"/crio-" ID ".scope", "crio", ID},
      {"/../../docker/" ID " (deleted)", "docker", ID},
  };
  for (const auto& c : cases) {
    std::string name = std::string(c.id).substr(0, 12);
    check_owner(c.path, std::string("container | ") + c.ns + " | " + name + " |  | " + c.id);
  }
}
END_TEST

START_TEST(lxc_containers) {
  for (const char* path : {"/lxc/web-1", "/lxc.payload.web-1", "/lxc.payload/web-1",
                           "/lxc.monitor.web-1", "/lxc.monitor/web-1", "/lxc/web-1/ns/docker/" ID,
                           "/lxc.payload.web-1/system.slice/a.service",
                           "/user.slice/user-1000.slice/session-3.scope/lxc.payload.web-1"}) {
    check_owner(path, "container | lxc | web-1 |  | web-1");
  }
  check_owner("/lxc.payload.my_x2fproject%20.x",
              "container | lxc | my_x2fproject%20.x |  | my_x2fproject%20.x");
  check_owner("/lxc", "other | host | lxc |  | ");
  check_owner("/lxc.payload.", "other | host | lxc.payload. |  | ");
  check_owner("/lxc.pivot", "other | host | lxc.pivot |  | ");
  check_owner("/system.slice/lxc.monitord.service", "unit | systemd | lxc.monitord.service |  | ");
}
END_TEST

START_TEST(no_containers) {
  check_owner("/docker", "other | host | docker |  | ");
  check_owner("/docker/0123456789ab", "other | host | docker/0123456789ab |  | ");
  check_owner("/docker/" ID "0", "other | host | docker/" ID "0 |  | ");
  check_owner("/system.slice/docker-0123.scope", "unit | systemd | docker-0123.scope |  | ");
  check_owner("/libpod_parent/conmon", "other | host | libpod_parent/conmon |  | ");
  check_owner("/docker/buildkit/short", "other | host | docker/buildkit/short |  | ");
  check_owner("/other/buildkit/pz5lb0a8wcjbqotbtqvdi2p7w",
              "other | host | other/buildkit/pz5lb0a8wcjbqotbtqvdi2p7w |  | ");
}
END_TEST

START_TEST(units) {
  struct {
    const char* path;
    const char* name;
  } const cases[] = {
      {"/system.slice/nginx.service", "nginx.service"},
      {"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"},
      {USER "app.slice/app-foo.service", "app-foo.service"},
      {USER "app.slice/app-gnome-org\\x2dfoo-1.scope", "app-gnome-org\\x2dfoo-1.scope"},
      {USER "init.scope", "user@1000.service"},
      {USER "app.slice", "user@1000.service"},
      {"/user.slice/user-1000.slice/session-3.scope", "session-3.scope"},
      {"/user.slice/user-1000.slice", "user-1000.slice"},
      {"/init.scope", "init.scope"},
      {"/../../../../init.scope", "init.scope"},
      {"/system.slice/systemd-udevd.service/udev", "systemd-udevd.service"},
      {"/system.slice/web.service/supervisor", "web.service"},
      {"/system.slice", "system.slice"},
      {"/system.slice/systemd-journald.socket", "systemd-journald.socket"},
      {"/dev-hugepages.mount", "dev-hugepages.mount"},
      {"/system.slice/dev-sda2.swap", "dev-sda2.swap"},
      {"/machine.slice/machine-foo.scope", "machine-foo.scope"},
      {"/machine.slice/systemd-nspawn@deb.service/payload/system.slice/cron.service",
       "systemd-nspawn@deb.service"},
      {"/system.slice/_cgroup.service", "cgroup.service"},
      {"/system.slice/__foo.service", "_foo.service"},
      {"/system.slice/run-user-1000.mount", "run-user-1000.mount"},
      {"/system.slice/nginx.service (deleted)", "nginx.service"},
  };
  for (const auto& c : cases) {
    check_owner(c.path, std::string("unit | systemd | ") + c.name + " |  | ");
  }
}
END_TEST

START_TEST(others) {
  check_owner("/process_api/" HASH, "other | host | process_api/" HASH " |  | ");
  check_owner("/../x//y/", "other | host | x/y |  | ");
  check_owner("/x/../y", "other | host | x/../y |  | ");
  check_owner("/.service", "other | host | .service |  | ");
  check_owner("/_", "other | host | _ |  | ");
  check_owner("/a:b:c", "other | host | a:b:c |  | ");
  check_owner(std::string_view("/\0\xff", 3), std::string("other | host | \0\xff |  | ", 23));
}
END_TEST

const char* const kConfigs[] = {"cgroupfs", "cgroupfs-v1", "kubelet-1.20-systemd-v1",
                                "systemd",  "systemd-api", "systemd-crun"};

std::vector<std::string> lines_of(const std::string& config, const char* file) {
  std::string path = "tests/data/kubelet/" + config + "/" + file;
  std::ifstream in(path);
  ck_assert_msg(in.good(), "%s: not found; run from the root of the repository", path.c_str());
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  ck_assert_msg(!lines.empty(), "%s: empty", path.c_str());
  return lines;
}

// The uid of the pod whose status lists this container: the last one before it.
std::string uid_by_container(const std::string& pods, const std::string& container) {
  size_t at = pods.find("containerd://" + container + "\"");
  if (at == std::string::npos) return "";
  std::string_view key = "\"uid\":\"";
  size_t uid = pods.rfind(key, at) + key.size();
  return pods.substr(uid, pods.find('"', uid) - uid);
}

// "PID\tCOMMAND\tLINE LINE ...": the lines of a pod's process, joined by spaces.
START_TEST(processes_of_a_real_kubelet) {
  for (const char* config : kConfigs) {
    std::string pods = lines_of(config, "pods.json")[0];
    int containers = 0;
    int sandboxes = 0;
    for (std::string line : lines_of(config, "proc-cgroup.txt")) {
      size_t tab = line.rfind('\t');
      if (tab == std::string::npos) continue;
      bool pause = line.find("\t/pause \t") != std::string::npos;
      std::string text = line.substr(tab + 1);
      for (char& c : text)
        c = c == ' ' ? '\n' : c;
      CgroupOwner owner = owner_of_path(best_path(text));
      ck_assert_msg(owner.kind == CgroupOwner::pod, "%s", line.c_str());
      ck_assert_uint_eq(owner.container_id.size(), 64);
      ck_assert_msg(pods.find("\"uid\":\"" + owner.pod_uid + "\"") != std::string::npos, "%s: %s",
                    config, owner.pod_uid.c_str());
      CHECK_TEXT(uid_by_container(pods, owner.container_id), pause ? "" : owner.pod_uid);
      (pause ? sandboxes : containers)++;
    }
    ck_assert_int_ge(containers, 5);
    ck_assert_int_ge(sandboxes, 4);
  }
}
END_TEST

// Any path of the data, whatever wrote it down: what it shows to the eye must be what is found.
void check_by_eye(const std::string& pods, const std::string& path) {
  CgroupOwner owner = owner_of_path(path);
  bool shows_pod = false;
  for (size_t at = 0; (at = path.find("pod", at + 1)) != std::string::npos;) {
    shows_pod = shows_pod || path.compare(at, 4, "pods") != 0;
  }
  ck_assert_msg(shows_pod == (owner.kind == CgroupOwner::pod), "%s", path.c_str());
  if (shows_pod) {
    ck_assert_msg(pods.find("\"uid\":\"" + owner.pod_uid + "\"") != std::string::npos, "%s",
                  path.c_str());
  }
  size_t hex = 0;
  std::string id;
  for (size_t i = 0; i < path.size() && id.empty(); i++) {
    hex = isxdigit(static_cast<unsigned char>(path[i])) != 0 ? hex + 1 : 0;
    if (hex == 64) id = path.substr(i - 63, 64);
  }
  CHECK_TEXT(owner.container_id, id);
}

START_TEST(every_path_of_a_real_kubelet) {
  for (const char* config : kConfigs) {
    std::string pods = lines_of(config, "pods.json")[0];
    int paths = 0;
    for (const char* file : {"proc-cgroup.txt", "proc-cgroup-inside.txt"}) {
      for (const std::string& line : lines_of(config, file)) {
        std::istringstream words(line.substr(line.rfind('\t') + 1));
        for (std::string word; words >> word;) {
          size_t at = word.find(":/");
          if (at == std::string::npos || !isdigit(static_cast<unsigned char>(word[0]))) continue;
          check_by_eye(pods, word.substr(at + 1));
          paths++;
        }
      }
    }
    for (const std::string& line : lines_of(config, "cgroup-dirs.txt")) {
      check_by_eye(pods, line);
      paths++;
    }
    ck_assert_int_ge(paths, 40);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("cgroup_path", kernel, pods, no_pods, containers, lxc_containers, no_containers, units,
           others, processes_of_a_real_kubelet, every_path_of_a_real_kubelet)
