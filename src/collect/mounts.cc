#include "collect/mounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "base/file.h"

namespace kubepulse {

namespace {

constexpr size_t kMountinfoBytesMax = 128 << 10;
constexpr size_t kCandidatesMax = 128;

// Windows of the kernel, not storage; and images (the last line), which have no room by design.
constexpr std::string_view kUnreal[] = {
    "autofs",  "binder",    "binfmt_misc", "bpf",        "cgroup",     "cgroup2",    "configfs",
    "cpuset",  "debugfs",   "devpts",      "devtmpfs",   "efivarfs",   "functionfs", "fuse.lxcfs",
    "fusectl", "hugetlbfs", "mqueue",      "nfsd",       "nsfs",       "proc",       "pstore",
    "ramfs",   "resctrl",   "rootfs",      "rpc_pipefs", "securityfs", "selinuxfs",  "smackfs",
    "sysfs",   "tracefs",   "xenfs",       "composefs",  "cramfs",     "erofs",      "iso9660",
    "romfs",   "squashfs",
};

constexpr std::string_view kOwnFiles[] = {
    "/etc/hosts",  "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv",
    "/.dockerenv", "/etc/mtab",     "/etc/localtime",
};

// Wherever the host's tree is mounted, and wherever the kubelet has its folder.
constexpr std::string_view kOfOthers[] = {
    "/volumes/kubernetes.io~",
    "/kubelet/plugins/",
    "/var/lib/docker/",
    "/var/lib/containerd/",
    "/var/lib/containers/",
    "/run/containerd/",
    "/run/docker/",
    "/run/containers/",
    "/run/netns/",
};

struct Line {
  std::string_view id;
  std::string_view device;  // "8:1"
  std::string_view root;    // what of the file system is mounted, escaped as the next
  std::string_view point;
  std::string_view options;  // of the mount: "ro,nosuid"
  std::string_view type;
  std::string_view super_options;  // of the file system: "rw,lowerdir=/a:/b,upperdir=/c"
};

template <typename Values, typename Value>
bool contains(const Values& values, const Value& wanted) {
  return std::find(std::begin(values), std::end(values), wanted) != std::end(values);
}

// "39 31 0:36 ROOT POINT OPTIONS [OPTIONAL ...] - TYPE SOURCE SUPER_OPTIONS"
std::optional<Line> parse_line(std::string_view text) {
  Line line;
  line.id = next_piece(text, ' ');
  next_piece(text, ' ');
  line.device = next_piece(text, ' ');
  line.root = next_piece(text, ' ');
  line.point = next_piece(text, ' ');
  line.options = next_piece(text, ' ');
  while (!text.empty() && next_piece(text, ' ') != "-")
    continue;
  line.type = next_piece(text, ' ');
  next_piece(text, ' ');
  line.super_options = text;
  // A mount that is not reachable from the process's root has no point.
  if (line.point.empty() || line.point[0] != '/' || line.type.empty()) return std::nullopt;
  return line;
}

std::optional<uint64_t> parse_device(std::string_view text) {
  auto major = parse_number(next_piece(text, ':'), UINT32_MAX);
  auto minor = parse_number(text, UINT32_MAX);
  if (!major || !minor) return std::nullopt;
  return *major << 32 | *minor;
}

bool is_read_only(std::string_view options) {
  return next_piece(options, ',') == "ro";  // rw or ro is the first (fs/proc_namespace.c)
}

std::string upper_of(const Line& line) {
  constexpr std::string_view kUpper = "upperdir=";
  if (line.type != "overlay") return {};
  for (std::string_view options = line.super_options; !options.empty();) {
    std::string_view option = next_piece(options, ',');
    if (option.substr(0, kUpper.size()) == kUpper)
      return unescape_octal(option.substr(kUpper.size()));
  }
  return {};
}

bool is_worth_showing(const Line& line, std::string_view point) {
  if (point.size() > kLabelBytesMax || !is_printable(point)) return false;
  if (contains(kUnreal, line.type) || contains(kOwnFiles, point)) return false;
  for (std::string_view folder : {"/proc", "/sys", "/dev"})
    if (lies_in(point, folder) && point != "/dev/shm") return false;
  if (line.type == "overlay") return point == "/";
  if (line.type == "tmpfs" && is_read_only(line.options)) return false;
  return std::none_of(std::begin(kOfOthers), std::end(kOfOthers),
                      [&](std::string_view folder) { return point.find(folder) != point.npos; });
}

struct Candidate {
  Mount mount;
  std::string_view root;
};

void remove_parts_of_wholes(std::vector<Candidate>& candidates) {
  std::vector<uint64_t> wholes;
  for (const Candidate& candidate : candidates)
    if (candidate.root == "/") wholes.push_back(candidate.mount.device);
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                  [&](const Candidate& c) {
                                    return c.root != "/" && contains(wholes, c.mount.device);
                                  }),
                   candidates.end());
}

// Parts of file systems go first, and of equals the last. The answer is how many went.
size_t keep_some(std::vector<Candidate>& candidates) {
  size_t seen = candidates.size();
  for (bool wholes : {false, true})
    for (size_t i = candidates.size(); i > 0 && candidates.size() > kMountsMax; i--)
      if (wholes || candidates[i - 1].root != "/")
        candidates.erase(candidates.begin() + static_cast<ptrdiff_t>(i - 1));
  return seen - candidates.size();
}

}  // namespace

bool lies_in(std::string_view point, std::string_view folder) {
  if (folder == "/") return true;
  return point.substr(0, folder.size()) == folder &&
         (point.size() == folder.size() || point[folder.size()] == '/');
}

Mounts parse_mounts(std::string_view mountinfo) {
  Mounts found;
  std::vector<Candidate> candidates;  // O(N^2): few mounts are more than twenty
  while (!mountinfo.empty()) {
    std::optional<Line> line = parse_line(next_piece(mountinfo, '\n'));
    if (!line) continue;
    std::string point = unescape_octal(line->point);
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                    [&](const Candidate& c) { return c.mount.point == point; }),
                     candidates.end());
    auto id = parse_number(line->id);
    std::optional<uint64_t> device = parse_device(line->device);
    if (!id || !device || !is_worth_showing(*line, point)) continue;
    bool is_new = std::none_of(candidates.begin(), candidates.end(), [&](const Candidate& c) {
      return c.mount.device == *device && c.root == line->root;
    });
    if (!is_new) continue;
    if (candidates.size() < kCandidatesMax)
      candidates.push_back({{std::move(point), *device, *id, upper_of(*line)}, line->root});
    else
      found.left_out++;
  }
  remove_parts_of_wholes(candidates);
  found.left_out += keep_some(candidates);
  for (Candidate& candidate : candidates)
    found.mounts.push_back(std::move(candidate.mount));
  return found;
}

uint64_t mount_namespace(const std::string& proc_root, uint32_t pid) {
  struct stat about {};
  std::string path = proc_root + "/" + std::to_string(pid) + "/ns/mnt";
  return stat(path.c_str(), &about) == 0 ? about.st_ino : 0;
}

Result<Mounts> read_mounts(const std::string& proc_root, uint32_t pid) {
  uint64_t number = mount_namespace(proc_root, pid);
  if (number == 0)
    return Status::from_errno(proc_root + "/" + std::to_string(pid) + "/ns/mnt", errno);
  std::string path = proc_root + "/" + std::to_string(pid) + "/mountinfo";
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Status::from_errno(path, errno);
  auto text = read_lines(file, kMountinfoBytesMax);
  if (!text.ok()) return std::move(text.status()).in(path);
  Mounts found = parse_mounts(text.value());
  found.mount_namespace = number;
  return found;
}

}  // namespace kubepulse
