// How to reach a cluster, from a kubeconfig. Pure: files that it names are for the caller to read.
#ifndef KUBEPULSE_IDENTITY_KUBECONFIG_H
#define KUBEPULSE_IDENTITY_KUBECONFIG_H

#include <string>
#include <string_view>

#include "base/status.h"

namespace kubepulse {

struct Kubeconfig {
  std::string context, cluster, user;  // names; `user` may be ""
  std::string ns;                      // of the context

  std::string server;           // a URL, as written
  std::string tls_server_name;  // "": the host of the URL
  bool insecure_skip_tls_verify = false;

  // PEM, or the path of a file with it, never both: what is in the kubeconfig wins. All may be "".
  std::string authority, authority_file;
  std::string certificate, certificate_file;
  std::string key, key_file;

  // Where both are given, the file wins as long as it can be read, as in client-go.
  std::string token, token_file;
};

// Takes what kubectl, kubeadm and kubelets write, as YAML or JSON: `context`, or where that is ""
// the current-context. Paths are told relative to `folder`, where the kubeconfig is ("": as they
// are). What would change who we are or how to get there and is not known here (exec and
// auth-provider plugins, passwords, impersonation, proxies) is an error where the context uses it,
// and so is YAML beyond read_yaml(); errors name the line.
Result<Kubeconfig> parse_kubeconfig(std::string_view text, std::string_view folder,
                                    std::string_view context = {});

}  // namespace kubepulse

#endif
