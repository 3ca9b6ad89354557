#include "identity/cgroup_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/text.h"
#include "identity/proc_cgroup.h"

namespace kubepulse {
namespace {

constexpr size_t kMountinfoBytesMax = 4 << 20;  // some 20,000 mounts
constexpr size_t kProcCgroupBytesMax = 16 << 10;

// FILEID_KERNFS of the kernel's include/linux/exportfs.h: the handle is the node's 64-bit id and
// nothing else (fs/kernfs/mount.c, kernfs_encode_fh and kernfs_fh_to_dentry; since 5.5, commit
// 33c5ac917519 "kernfs: implement custom exportfs ops and fid type").
constexpr int kFileIdKernfs = 0xfe;

// The root of every hierarchy (kernel/cgroup/cgroup.c, cgroup_setup_root).
constexpr uint64_t kRootId = 1;

// PROC_CGROUP_INIT_INO: the inode of the initial cgroup namespace (include/linux/proc_ns.h).
constexpr uint64_t kInitialNamespace = 0xeffffffb;

struct KernfsHandle {
  alignas(file_handle) char bytes[sizeof(file_handle) + sizeof(uint64_t)] = {};

  file_handle* get() { return reinterpret_cast<file_handle*>(bytes); }
  explicit KernfsHandle(uint64_t id = 0) {
    get()->handle_bytes = sizeof id;
    get()->handle_type = kFileIdKernfs;
    memcpy(get()->f_handle, &id, sizeof id);
  }
};

// The first `bytes_max` bytes of a file in whole lines; "" where it cannot be read.
std::string read_lines(const std::string& path, size_t bytes_max) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  while (fd && text.size() < bytes_max) {
    char chunk[4096];
    ssize_t got = ::read(fd.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(chunk, static_cast<size_t>(got));
  }
  text.resize(text.rfind('\n') + 1);  // npos + 1 is 0
  return text;
}

std::string read_link(int fd) {
  char target[PATH_MAX];
  ssize_t bytes = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target);
  if (bytes <= 0 || static_cast<size_t>(bytes) == sizeof target) return {};
  return std::string(target, static_cast<size_t>(bytes));
}

// mountinfo writes space, tab, newline and backslash as \ and three octal digits.
std::string unescaped(std::string_view text) {
  auto octal = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// 1 for "/", 2 for "/..", 3 for "/../.." and so on; 0 for a part of the tree.
int height_of_root(std::string_view root) {
  if (root == "/") return 1;
  int height = 1;
  next_piece(root, '/');
  while (!root.empty()) {
    if (next_piece(root, '/') != "..") return 0;
    height++;
  }
  return height == 1 ? 0 : height;
}

bool lists(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    if (next_piece(options, ',') == wanted) return true;
  }
  return false;
}

constexpr std::string_view kLegacyControllers[] = {"cpu", "memory", "pids"};  // the last is best

}  // namespace

CgroupMounts parse_cgroup_mounts(std::string_view mountinfo) {
  CgroupMounts mounts;
  int unified_best = 0;
  int legacy_best = 0;
  while (!mountinfo.empty()) {
    // "39 31 0:36 ROOT POINT OPTIONS [OPTIONAL ...] - TYPE SOURCE SUPER_OPTIONS"
    std::string_view line = next_piece(mountinfo, '\n');
    for (int i = 0; i < 3; i++)
      next_piece(line, ' ');
    std::string_view root = next_piece(line, ' ');
    std::string_view point = next_piece(line, ' ');
    while (!line.empty() && next_piece(line, ' ') != "-")
      continue;
    std::string_view type = next_piece(line, ' ');
    next_piece(line, ' ');
    int height = height_of_root(root);
    if (height == 0 || point.empty()) continue;
    if (type == "cgroup2" && height > unified_best) {
      unified_best = height;
      mounts.unified = unescaped(point);
    }
    if (type != "cgroup") continue;
    int preference = 0;
    for (std::string_view controller : kLegacyControllers) {
      preference++;
      // A path has fewer than 4,096 components, so that the controller weighs more than the height.
      int score = preference * PATH_MAX + height;
      if (!lists(line, controller) || score <= legacy_best) continue;
      legacy_best = score;
      mounts.legacy = unescaped(point);
      mounts.legacy_controller = controller;
    }
  }
  return mounts;
}

CgroupTree::Hierarchy CgroupTree::open_hierarchy(const std::string& point) {
  Hierarchy hierarchy;
  if (point.empty()) return hierarchy;
  // open_by_handle_at does not take an O_PATH descriptor for the mount.
  hierarchy.fd.reset(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!hierarchy.fd) return hierarchy;
  hierarchy.point = read_link(hierarchy.fd.get());
  KernfsHandle handle;
  int mount_id = 0;
  hierarchy.by_id =
      name_to_handle_at(hierarchy.fd.get(), "", handle.get(), &mount_id, AT_EMPTY_PATH) == 0 &&
      handle.get()->handle_type == kFileIdKernfs;
  return hierarchy;
}

Result<CgroupTree> CgroupTree::open(std::string proc_root) {
  CgroupTree tree;
  tree.proc_root_ = std::move(proc_root);
  std::string mountinfo = tree.proc_root_ + "/self/mountinfo";
  tree.mounts_ = parse_cgroup_mounts(read_lines(mountinfo, kMountinfoBytesMax));
  const CgroupMounts& mounts = tree.mounts_;
  if (mounts.unified.empty() && mounts.legacy.empty()) {
    return Status::error(mountinfo +
                         ": no cgroup hierarchy is mounted here, mount the host's /sys/fs/cgroup");
  }
  struct stat names = {};
  if (stat((tree.proc_root_ + "/self/ns/cgroup").c_str(), &names) == 0) {
    tree.own_namespace_ = names.st_ino != kInitialNamespace;
  }
  tree.unified_ = open_hierarchy(mounts.unified);
  tree.legacy_ = open_hierarchy(mounts.legacy);
  if (!tree.unified_.fd && !tree.legacy_.fd) {
    int error = errno;  // of the one that was tried last
    return Status::from_errno(mounts.legacy.empty() ? mounts.unified : mounts.legacy, error);
  }
  return tree;
}

std::string CgroupTree::path_of(uint64_t id, uint64_t now_ns) {
  if ((id & ~kLegacyBit) == kRootId) return "/";
  Hierarchy& hierarchy = (id & kLegacyBit) != 0 ? legacy_ : unified_;
  if (!hierarchy.fd) return {};
  if (hierarchy.by_id) {
    std::string path = path_of_handle(hierarchy, id & ~kLegacyBit);
    if (hierarchy.by_id) return path;
  }
  if (const std::string* path = met_.find(id)) return *path;
  if (now_ns < next_scan_ns_) return {};
  next_scan_ns_ = now_ns + kScanPauseNs;
  return scan(hierarchy, id);
}

bool CgroupTree::lives(uint64_t id, uint64_t now_ns) {
  std::string path = path_of(id, now_ns);
  if (path.empty()) return false;
  bool legacy = (id & kLegacyBit) != 0;
  // What a scan has met may be gone since.
  return (legacy ? legacy_ : unified_).by_id || id_of_path(path, legacy) == id;
}

// Clears `by_id` where the kernel refuses to open by id at all.
std::string CgroupTree::path_of_handle(Hierarchy& hierarchy, uint64_t id) {
  KernfsHandle handle(id);
  Fd fd(open_by_handle_at(hierarchy.fd.get(), handle.get(), O_PATH | O_CLOEXEC));
  if (!fd) {
    // ESTALE: the cgroup is gone. EPERM: no CAP_DAC_READ_SEARCH in the initial user namespace.
    // EOPNOTSUPP, ENOSYS: a kernel without CONFIG_FHANDLE, or a sandbox. What else may come, such
    // as EMFILE, passes.
    if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) hierarchy.by_id = false;
    return {};
  }
  std::string path = read_link(fd.get());
  std::string_view deleted = " (deleted)";
  if (path.size() >= deleted.size() &&
      path.compare(path.size() - deleted.size(), deleted.size(), deleted) == 0) {
    return {};
  }
  // A cgroup that is not below this mount (whose root is a cgroup namespace's) reads as "/".
  if (path.compare(0, hierarchy.point.size(), hierarchy.point) != 0) return {};
  path.erase(0, hierarchy.point.size());
  // Nor is the mount's root the kernel's, where it is not that of the hierarchy.
  return !path.empty() && path[0] == '/' ? path : std::string();
}

void CgroupTree::walk(const Hierarchy& hierarchy, const Visit& visit) {
  if (!hierarchy.fd) return;
  std::vector<std::string> unread{""};
  size_t dirs = 1;
  while (!unread.empty()) {
    std::string path = std::move(unread.back());
    unread.pop_back();
    int fd = openat(hierarchy.fd.get(), path.empty() ? "." : path.c_str() + 1,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) continue;  // gone meanwhile
    std::unique_ptr<DIR, int (*)(DIR*)> dir(fdopendir(fd), closedir);
    if (!dir) {
      close(fd);
      continue;
    }
    while (const dirent* entry = readdir(dir.get())) {
      std::string_view name = entry->d_name;
      if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
      if (dirs++ == kScanDirsMax) return;
      unread.push_back(path + "/" + entry->d_name);
      visit(entry->d_ino, unread.back());  // kernfs: the inode's number is the id, since 5.5
    }
  }
}

std::string CgroupTree::scan(const Hierarchy& hierarchy, uint64_t id) {
  uint64_t legacy_bit = id & kLegacyBit;
  std::string found;
  walk(hierarchy, [&](uint64_t met, const std::string& path) {
    if ((met | legacy_bit) == id) found = path;
    met_.born(met | legacy_bit, path);
  });
  return found;
}

void CgroupTree::each(const Visit& visit) const {
  walk(unified_, visit);
  walk(legacy_, [&](uint64_t id, const std::string& path) { visit(id | kLegacyBit, path); });
}

std::string CgroupTree::path_of_pid(uint32_t pid) const {
  std::string file = proc_root_ + "/" + std::to_string(pid) + "/cgroup";
  std::string path = best_path(read_lines(file, kProcCgroupBytesMax));
  if (path == "/" && own_namespace_) path.clear();
  return path;
}

uint64_t CgroupTree::id_of_path(std::string_view path, bool legacy) const {
  const Hierarchy& hierarchy = legacy ? legacy_ : unified_;
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  std::string below(path);
  struct stat found = {};
  if (!hierarchy.fd || fstatat(hierarchy.fd.get(), below.c_str(), &found, AT_EMPTY_PATH) != 0) {
    return 0;
  }
  return found.st_ino | (legacy ? kLegacyBit : 0);
}

}  // namespace kubepulse
