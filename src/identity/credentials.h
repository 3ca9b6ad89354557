// As whom a kubelet or an API server is asked: what the options name, else the kubeconfig, else the
// service account of the pod that we are. Read anew for each connection, as tokens and certificates
// rotate.
#ifndef KUBEPULSE_IDENTITY_CREDENTIALS_H
#define KUBEPULSE_IDENTITY_CREDENTIALS_H

#include <string>

#include "base/status.h"
#include "identity/pods_settings.h"
#include "identity/tls.h"

namespace kubepulse {

struct Credentials {
  std::string token;       // without blanks and line ends; "": none
  std::string token_from;  // a path, as messages name it
  // Somebody has named it. That of a service account just lies there, and is not for everybody.
  bool token_was_named = false;
  TlsSettings tls;              // but for its names
  std::string tls_from;         // paths, as messages name them
  std::string server;           // of the kubeconfig; "": there is none
  std::string tls_server_name;  // likewise
};

// An error names the file.
Result<Credentials> read_credentials(const ServerSettings& settings);

}  // namespace kubepulse

#endif
