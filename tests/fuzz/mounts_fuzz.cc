// libFuzzer: any bytes as /proc/PID/mountinfo.
#include <cstdlib>
#include <set>
#include <string>

#include "collect/mounts.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  Mounts found = parse_mounts({reinterpret_cast<const char*>(data), size});
  require(found.mounts.size() <= kMountsMax);
  std::set<std::string> points;
  for (const Mount& mount : found.mounts) {
    require(mount.point[0] == '/' && mount.point.size() <= kLabelBytesMax);
    require(is_printable(mount.point));
    require(points.insert(mount.point).second);
  }
  return 0;
}
