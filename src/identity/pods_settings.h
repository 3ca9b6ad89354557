// Where the names of pods come from, and which pods are meant. Filled by parse_options().
#ifndef KUBEPULSE_IDENTITY_PODS_SETTINGS_H
#define KUBEPULSE_IDENTITY_PODS_SETTINGS_H

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "identity/http_fetch.h"
#include "identity/label_selector.h"
#include "identity/namespace_filter.h"
#include "identity/resolver.h"

namespace kubepulse {

// Whom to ask, and as whom. Each text may be "": not given.
struct ServerSettings {
  std::string url;  // "": the server of the kubeconfig
  std::string token_file;
  std::string ca_file;
  std::string certificate_file, key_file;  // both or none
  bool insecure = false;                   // whoever answers is believed
  std::string kubeconfig;
  std::string node_name;

  // What stands in for `token_file` and `ca_file` where there is no kubeconfig either.
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
  HttpFetchLimits limits;
  ResolverSettings resolver;
};

// Without a URL and a kubeconfig it is the kubelet of this node.
struct KubeletSettings : ServerSettings {
  // Tried in this order where nobody is named; the second by those who have no TLS, too.
  std::string secure_url = "https://127.0.0.1:10250";
  std::string read_only_url = "http://127.0.0.1:10255";
};

// Its `url` is never ""; it may be kKubeconfigUrl. A kubeconfig that is given has the credentials
// that are not named.
struct ApiServerSettings : ServerSettings {
  static constexpr const char* kKubeconfigUrl = "kubeconfig";  // the server that it names

  // Until what failed is tried again: doubled by each failure in a row, up to `pause_ns`, and so
  // long at the least once the breaker is open. Each by half as much more, by chance, so that the
  // nodes of a cluster do not come all at once.
  uint64_t retry_ns = kNsPerSecond;
  uint64_t pause_ns = 30 * kNsPerSecond;
  uint64_t watch_ns = 300 * kNsPerSecond;  // how long a watch is asked to last, and up to twice
  // One that ends sooner and has told nothing has failed.
  uint64_t watch_ns_min = kNsPerSecond;
};

struct PodsSettings {
  enum class Source : uint8_t {
    automatic,  // the kubelet, and while it does not answer the logs
    kubelet,
    apiserver,  // and while it does not answer the logs
    logs,
    none,
  };
  Source source = Source::automatic;
  KubeletSettings kubelet;
  ApiServerSettings apiserver;
  uint64_t poll_ns = 30 * kNsPerSecond;
  uint64_t pause_ns = 2 * kNsPerSecond;  // at least so far apart, whatever is unknown
  std::string logs = "/var/log/pods";
  NamespaceFilter namespaces;
  LabelSelector selector;
};

}  // namespace kubepulse

#endif
