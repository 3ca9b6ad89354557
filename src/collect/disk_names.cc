#include "collect/disk_names.h"

#include <unistd.h>

#include <algorithm>
#include <climits>

#include "base/text.h"

namespace kubepulse {

std::string disk_name_of(std::string_view target) {
  std::string name(target.substr(target.rfind('/') + 1));  // npos + 1 is 0
  if (name == "." || name == "..") return {};
  // A file's name has no slash.
  std::replace(name.begin(), name.end(), '!', '/');
  return name;
}

std::string_view DiskNames::name(uint32_t major, uint32_t minor, uint64_t now_ns) {
  uint64_t key = uint64_t{major} << 32 | minor;
  auto held = names_.find(key);
  if (held != names_.end() && now_ns < held->second.until_ns) return held->second.text;
  if (held == names_.end() && names_.size() >= kNamesMax) names_.clear();
  std::string numbers;
  append_number(numbers, uint64_t{major});
  numbers += ':';
  append_number(numbers, uint64_t{minor});
  char target[PATH_MAX];
  ssize_t size = readlink((sys_root_ + "/dev/block/" + numbers).c_str(), target, sizeof target);
  Name& name = names_[key];
  name.text.clear();
  if (size > 0 && static_cast<size_t>(size) < sizeof target)
    name.text = disk_name_of({target, static_cast<size_t>(size)});
  if (name.text.empty()) name.text = numbers;
  name.until_ns = now_ns + kKeptNs;
  return name.text;
}

}  // namespace kubepulse
