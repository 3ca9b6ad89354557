#include "identity/pod_logs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/fd.h"
#include "base/text.h"
#include "identity/kubernetes_name.h"

namespace kubepulse {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

Folder open_folder(int parent, const char* name, int flags) {
  Fd fd(openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
  Folder folder(fd ? fdopendir(fd.get()) : nullptr);
  if (folder != nullptr) (void)fd.release();  // the folder closes it
  return folder;
}

bool is_folder(const Folder& parent, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status {};
  int failed = fstatat(dirfd(parent.get()), entry.d_name, &status, AT_SYMLINK_NOFOLLOW);
  return failed == 0 && S_ISDIR(status.st_mode);
}

// Containers have folders; whatever else is there says nothing.
void read_containers(const Folder& pods, const char* name, Pod& pod) {
  Folder folder = open_folder(dirfd(pods.get()), name, O_NOFOLLOW);
  if (folder == nullptr) return;
  for (size_t count = 0;; count++) {
    const dirent* entry = readdir(folder.get());
    if (entry == nullptr) break;
    if (count == kPodLogsMax) return;
    if (is_dns_label(entry->d_name) && is_folder(folder, *entry)) pod.container(entry->d_name);
  }
  if (pod.container_count == 1 && !pod.cut) pod.only_container = pod.containers[0].name;
}

}  // namespace

bool read_pod_log_name(std::string_view name, Pod& pod) {
  std::string_view ns = next_piece(name, '_');
  std::string_view pod_name = next_piece(name, '_');
  if (!is_dns_label(ns) || !is_dns_subdomain(pod_name) || !is_pod_uid(name)) return false;
  return pod.ns.assign(ns) && pod.name.assign(pod_name) && pod.uid.assign(name);
}

Result<PodLogs> read_pod_logs(const std::string& root, const std::function<void(const Pod&)>& pod) {
  Folder folder = open_folder(AT_FDCWD, root.c_str(), 0);
  if (folder == nullptr) return Status::from_errno(root, errno);
  PodLogs logs;
  auto read = std::make_unique<Pod>();
  for (size_t count = 0;; count++) {
    errno = 0;
    const dirent* entry = readdir(folder.get());
    if (entry == nullptr && errno != 0) return Status::from_errno(root, errno);
    if (entry == nullptr) return logs;
    if (count == kPodLogsMax) {
      logs.cut = true;
      return logs;
    }
    read->clear();
    if (!read_pod_log_name(entry->d_name, *read) || !is_folder(folder, *entry)) continue;
    read->by_logs = true;
    read_containers(folder, entry->d_name, *read);
    logs.pods++;
    pod(*read);
  }
}

}  // namespace kubepulse
