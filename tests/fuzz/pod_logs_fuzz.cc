// Any bytes as the name of a folder of logs, and as names of all kinds.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "identity/kubernetes_name.h"
#include "identity/pod_logs.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto pod = std::make_unique<Pod>();
  std::string name(reinterpret_cast<const char*>(data), size);
  if (read_pod_log_name(name, *pod)) {
    std::string joined = std::string(pod->ns.view()) + "_" + std::string(pod->name.view()) + "_" +
                         std::string(pod->uid.view());
    require(joined == name);
    require(is_dns_label(pod->ns.view()) && is_dns_subdomain(pod->name.view()));
  }
  // Each kind of name is also one of the next.
  if (is_dns_label(name)) require(is_dns_subdomain(name) && is_label_key(name));
  if (is_label_key(name) && name.find('/') == std::string::npos) require(is_label_value(name));
  return 0;
}
