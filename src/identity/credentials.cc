#include "identity/credentials.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file.h"
#include "identity/kubeconfig.h"

namespace kubepulse {

namespace {

// A bundle of all CAs of the world has 230 KB; a token has 1 KB, and has to fit in a head of HTTP.
constexpr size_t kFileBytesMax = size_t{1} << 20;
constexpr size_t kTokenBytesMax = 16384;

bool is_missing(const Status& status) {
  return status.error_number() == ENOENT || status.error_number() == ENOTDIR;
}

// What stands in `path`, if that is not "".
Status read_into(std::string& text, const std::string& path, size_t bytes_max = kFileBytesMax) {
  if (path.empty()) return {};
  auto read = read_file(path, bytes_max);
  if (!read.ok()) return std::move(read.status());
  text = std::move(read.value());
  return {};
}

Status read_token(Credentials& out, const std::string& path) {
  if (Status status = read_into(out.token, path, kTokenBytesMax); !status.ok()) return status;
  size_t first = out.token.find_first_not_of(" \t\r\n");
  if (first == out.token.npos) return Status::error(path + ": no token is in it");
  out.token.erase(out.token.find_last_not_of(" \t\r\n") + 1);
  out.token.erase(0, first);
  // Nothing that could end the line of the request.
  bool fits =
      std::all_of(out.token.begin(), out.token.end(), [](char c) { return c > ' ' && c < '\x7F'; });
  if (!fits) return Status::error(path + ": no token, it has characters that HTTP cannot carry");
  out.token_from = path;
  return {};
}

void tell_origin(Credentials& out, const char* what, const std::string& path) {
  out.tls_from += (out.tls_from.empty() ? "" : ", ") + (what + path);
}

Status read_pem(Credentials& out, const char* what, const std::string& path, std::string& pem) {
  Status status = read_into(pem, path);
  if (status.ok()) tell_origin(out, what, path);
  return status;
}

Status read_own_certificate(Credentials& out, const std::string& certificate_file,
                            const std::string& key_file) {
  Status status = read_pem(out, "certificate ", certificate_file, out.tls.certificate_pem);
  if (status.ok()) status = read_pem(out, "key ", key_file, out.tls.key_pem);
  return status;
}

Status take_kubeconfig_token(Credentials& out, const Kubeconfig& config, const std::string& path) {
  out.token_was_named = true;
  Status status;
  if (!config.token_file.empty()) status = read_token(out, config.token_file);
  if (!config.token_file.empty() && status.ok()) return {};
  if (config.token.empty()) return status;
  out.token = config.token;
  out.token_from = path;
  return {};
}

// What the options name is not taken from the kubeconfig.
Status take_kubeconfig(Credentials& out, const ServerSettings& settings) {
  const std::string& path = settings.kubeconfig;
  std::string text;
  if (Status status = read_into(text, path); !status.ok()) return status;
  size_t slash = path.rfind('/');
  std::string folder = slash == path.npos ? "" : path.substr(0, slash == 0 ? 1 : slash);
  auto parsed = parse_kubeconfig(text, folder);
  if (!parsed.ok()) return std::move(parsed.status()).in(path);
  Kubeconfig& config = parsed.value();
  out.server = config.server;
  out.tls_server_name = config.tls_server_name;
  Status status;
  if (settings.ca_file.empty()) {
    out.tls.insecure = out.tls.insecure || config.insecure_skip_tls_verify;
    out.tls.ca_pem = config.authority;
    if (!config.authority.empty()) tell_origin(out, "CA ", path);
    if (!config.authority_file.empty())
      status = read_pem(out, "CA ", config.authority_file, out.tls.ca_pem);
  }
  if (status.ok() && settings.certificate_file.empty()) {
    out.tls.certificate_pem = config.certificate;
    out.tls.key_pem = config.key;
    if (!config.certificate.empty()) tell_origin(out, "certificate ", path);
    if (!config.certificate_file.empty())
      status = read_pem(out, "certificate ", config.certificate_file, out.tls.certificate_pem);
    if (status.ok() && !config.key_file.empty())
      status = read_pem(out, "key ", config.key_file, out.tls.key_pem);
  }
  if (status.ok() && settings.token_file.empty()) status = take_kubeconfig_token(out, config, path);
  return status;
}

Status take_service_account(Credentials& out, const ServerSettings& settings) {
  Status status;
  if (settings.token_file.empty()) status = read_token(out, settings.service_account + "/token");
  if (!status.ok() && !is_missing(status)) return status;
  status = {};
  if (settings.ca_file.empty())
    status = read_pem(out, "CA ", settings.service_account + "/ca.crt", out.tls.ca_pem);
  return is_missing(status) ? Status() : std::move(status);
}

}  // namespace

Result<Credentials> read_credentials(const ServerSettings& settings) {
  Credentials out;
  out.tls.insecure = settings.insecure;
  Status status;
  if (!settings.ca_file.empty()) status = read_pem(out, "CA ", settings.ca_file, out.tls.ca_pem);
  if (status.ok() && !settings.certificate_file.empty())
    status = read_own_certificate(out, settings.certificate_file, settings.key_file);
  if (status.ok() && !settings.token_file.empty()) {
    status = read_token(out, settings.token_file);
    out.token_was_named = true;
  }
  if (status.ok())
    status = settings.kubeconfig.empty() ? take_service_account(out, settings)
                                         : take_kubeconfig(out, settings);
  if (!status.ok()) return status;
  return out;
}

}  // namespace kubepulse
