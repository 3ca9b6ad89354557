#include "collect/interfaces.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"

namespace kubepulse {

namespace {

// A name, 16 numbers of at most 20 digits and what stands between them (net/core/net-procfs.c,
// dev_seq_printf_stats).
constexpr size_t kLineBytesMax = 400;
constexpr size_t kHeadLines = 2;

constexpr size_t kColumns = 16;

// "  eth0: 2000980449   50077 ...": none where it is no such line.
std::optional<Interface> parse_line(std::string_view line) {
  size_t colon = line.find(':');  // which no name has in it (net/core/dev.c, dev_valid_name)
  if (colon == line.npos) return std::nullopt;
  std::string_view name = trim_blanks(line.substr(0, colon));
  std::string_view rest = line.substr(colon + 1);
  uint64_t columns[kColumns];
  for (uint64_t& column : columns) {
    rest = trim_blanks(rest);
    auto number = parse_number(next_piece(rest, ' '));
    if (!number) return std::nullopt;
    column = *number;
  }
  Interface interface;
  if (name.empty() || !is_printable(name) || !interface.name.assign(name)) return std::nullopt;
  interface.receive = {columns[0], columns[1], columns[2], columns[3]};
  interface.transmit = {columns[8], columns[9], columns[10], columns[11]};
  return interface;
}

std::string path_of(const std::string& proc_root, uint32_t pid) {
  return proc_root + "/" + std::to_string(pid) + "/net/dev";
}

uint64_t inode_of(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0 ? about.st_ino : 0;
}

}  // namespace

Interfaces parse_interfaces(std::string_view text, size_t interfaces_max) {
  Interfaces found;
  std::vector<Interface>& held = found.interfaces;
  while (text.find('\n') != text.npos) {
    std::optional<Interface> interface = parse_line(next_piece(text, '\n'));
    if (!interface || interface->name.view() == "lo") continue;
    bool is_new = std::none_of(held.begin(), held.end(), [&](const Interface& other) {
      return other.name.view() == interface->name.view();
    });
    if (!is_new) continue;
    if (held.size() < interfaces_max)
      held.push_back(*interface);
    else
      found.left_out++;
  }
  return found;
}

uint64_t network_namespace(const std::string& proc_root, uint32_t pid) {
  return inode_of(path_of(proc_root, pid));
}

uint64_t host_network_namespace(const std::string& proc_root) {
  uint64_t first = network_namespace(proc_root, 1);
  return first != 0 ? first : inode_of(proc_root + "/self/net/dev");
}

Result<Interfaces> read_interfaces(const std::string& proc_root, uint32_t pid,
                                   size_t interfaces_max) {
  std::string path = path_of(proc_root, pid);
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about {};
  if (!file || fstat(file.get(), &about) != 0) return Status::from_errno(path, errno);
  // One more than is taken, and `lo`.
  auto text = read_lines(file, (kHeadLines + interfaces_max + 2) * kLineBytesMax);
  if (!text.ok()) return std::move(text.status()).in(path);
  Interfaces found = parse_interfaces(text.value(), interfaces_max);
  found.network_namespace = about.st_ino;
  return found;
}

}  // namespace kubepulse
