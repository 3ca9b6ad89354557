// libFuzzer: any bytes as an answer of NETLINK_SOCK_DIAG.
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "collect/sock_diag.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A netlink header needs its alignment.
  std::vector<uint8_t> bytes(data, data + size);
  size_t sockets = 0;
  auto part = parse_sock_diag(bytes.data(), bytes.size(), [&](const tcp_record& record) {
    sockets++;
    require(record.kind == TCP_KIND_OPEN || record.kind == TCP_KIND_LISTEN ||
            record.kind == TCP_KIND_CONNECTING);
    require(record.drops == 0 || record.kind == TCP_KIND_LISTEN);
    require(record.family == AF_INET || record.family == AF_INET6);
    require(record.direction == TCP_DIRECTION_UNKNOWN && record.start_ns == 0);
    constexpr uint8_t kZero[12] = {};
    if (record.family == AF_INET) require(memcmp(record.remote + 4, kZero, sizeof kZero) == 0);
  });
  require(sockets <= size / 72);
  require(part.ok() || !part.status().message().empty());
  return 0;
}
