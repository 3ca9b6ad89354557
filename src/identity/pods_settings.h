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
struct KubeletSettings {
  std::string url;  // "": the server of the kubeconfig, or else the kubelet of this node, see below
  std::string token_file;
  std::string ca_file;
  std::string certificate_file, key_file;  // both or none
  bool insecure = false;                   // whoever answers is believed
  std::string kubeconfig;
  std::string node_name;

  // What stands in for `token_file` and `ca_file` where there is no kubeconfig either.
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
  // Tried in this order where nobody is named; the second by those who have no TLS, too.
  std::string secure_url = "https://127.0.0.1:10250";
  std::string read_only_url = "http://127.0.0.1:10255";
  HttpFetchLimits limits;
  ResolverSettings resolver;
};

struct PodsSettings {
  enum class Source : uint8_t {
    automatic,  // the kubelet, and while it does not answer the logs
    kubelet,
    logs,
    none,
  };
  Source source = Source::automatic;
  KubeletSettings kubelet;
  uint64_t poll_ns = 30 * kNsPerSecond;
  uint64_t pause_ns = 2 * kNsPerSecond;  // at least so far apart, whatever is unknown
  std::string logs = "/var/log/pods";
  NamespaceFilter namespaces;
  LabelSelector selector;
};

}  // namespace kubepulse

#endif
