#include "tests/live/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"

namespace kubepulse::live {

namespace {

std::string scratch_folder;

std::vector<std::string> names_in(const std::string& folder, bool folders_only) {
  std::vector<std::string> names;
  DIR* listing = opendir(folder.c_str());
  if (listing == nullptr) return names;
  while (const dirent* entry = readdir(listing)) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (!folders_only || entry->d_type == DT_DIR) names.push_back(name);
  }
  closedir(listing);
  return names;
}

void remove_folder(const std::string& folder) {
  for (const std::string& name : names_in(folder, true))
    remove_folder(folder + "/" + name);
  for (const std::string& name : names_in(folder, false))
    unlink((folder + "/" + name).c_str());
  rmdir(folder.c_str());
}

}  // namespace

bool is_dead_run(const std::string& name) {
  if (name.compare(0, kRunPrefix.size(), kRunPrefix) != 0) return false;
  std::optional<uint64_t> pid = parse_number(std::string_view(name).substr(kRunPrefix.size()));
  return !pid || kill(static_cast<pid_t>(*pid), 0) != 0;
}

std::string read_file(const std::string& path) {
  std::string text;
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char piece[16384];
  for (ssize_t got; file && (got = read(file.get(), piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<size_t>(got));
  return text;
}

bool write_file(const std::string& path, std::string_view text) {
  Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool make_folders(const std::string& path) {
  for (size_t end = 0; end != path.npos;) {
    end = path.find('/', end + 1);
    if (mkdir(path.substr(0, end).c_str(), 0755) != 0 && errno != EEXIST) return false;
  }
  return true;
}

std::vector<std::string> folders_in(const std::string& folder) {
  return names_in(folder, true);
}

bool open_scratch() {
  mkdir("/tmp", 01777);  // a bare initramfs has none
  for (const std::string& name : folders_in("/tmp"))
    if (is_dead_run(name)) remove_folder("/tmp/" + name);
  scratch_folder = "/tmp/" + std::string(kRunPrefix) + std::to_string(getpid());
  return mkdir(scratch_folder.c_str(), 0755) == 0 || errno == EEXIST;
}

void close_scratch() {
  if (!scratch_folder.empty()) remove_folder(scratch_folder);
}

std::string scratch_path(std::string_view name) {
  static int number = 0;
  // Tests run in processes of their own, which count alike.
  return scratch_folder + "/" + std::to_string(getpid()) + "-" + std::to_string(++number) + "-" +
         std::string(name);
}

void sleep_ms(unsigned ms) {
  timespec time{ms / 1000, static_cast<long>(ms % 1000 * kNsPerMs)};
  while (nanosleep(&time, &time) != 0 && errno == EINTR) {
  }
}

}  // namespace kubepulse::live
