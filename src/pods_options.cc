#include "pods_options.h"

#include <utility>

#include "identity/http_url.h"
#include "identity/tls.h"

namespace kubepulse {

namespace {

constexpr const char* kInCluster = "in-cluster";

// Where a pod finds the API server.
Status set_in_cluster(ApiServerSettings& apiserver, const Environment& environment) {
  const char* host = environment("KUBERNETES_SERVICE_HOST");
  const char* port = environment("KUBERNETES_SERVICE_PORT");
  std::string text = host == nullptr ? "" : host;
  if (text.find(':') != text.npos) text = "[" + text + "]";
  text = "https://" + text + ":" + (port == nullptr ? "" : port);
  if (!HttpUrl::parse(text).ok())
    return Status::error(
        "the API server in the cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do not "
        "tell it; give --apiserver=URL or --kubeconfig");
  if (!tls_is_built_in())
    return Status::error(text + ": this build has no TLS, `make TLS=1` makes one that has it");
  apiserver.url = text;
  return {};
}

Status check_apiserver(PodsSettings& pods, const Environment& environment) {
  ApiServerSettings& apiserver = pods.apiserver;
  bool has_kubeconfig = !pods.kubelet.kubeconfig.empty();
  if (apiserver.url.empty() && pods.source == PodsSettings::Source::apiserver)
    apiserver.url = has_kubeconfig ? ApiServerSettings::kKubeconfigUrl : kInCluster;
  if (apiserver.url == ApiServerSettings::kKubeconfigUrl && !has_kubeconfig)
    return Status::error("--apiserver=kubeconfig needs --kubeconfig");
  if (apiserver.url == kInCluster) return set_in_cluster(apiserver, environment);
  apiserver.kubeconfig = pods.kubelet.kubeconfig;
  return {};
}

}  // namespace

Problem set_pods(PodsSettings::Source& place, std::string_view text) {
  using Source = PodsSettings::Source;
  constexpr struct {
    std::string_view name;
    Source source;
  } kSources[] = {{"auto", Source::automatic},
                  {"kubelet", Source::kubelet},
                  {"apiserver", Source::apiserver},
                  {"logs", Source::logs},
                  {"none", Source::none}};
  for (const auto& each : kSources) {
    if (text != each.name) continue;
    place = each.source;
    return {};
  }
  return "auto, kubelet, apiserver, logs or none";
}

Problem set_kubelet_url(std::string& place, std::string_view text) {
  auto url = HttpUrl::parse(text);
  if (!url.ok()) return "https://HOST:PORT or http://HOST:PORT";
  if (url.value().tls && !tls_is_built_in())
    return "http://HOST:PORT only: this build has no TLS, `make TLS=1` makes one that has it";
  return set_text(place, text);
}

Problem set_apiserver(Options& options, std::string_view text) {
  bool is_word = text == kInCluster || text == ApiServerSettings::kKubeconfigUrl;
  auto url = HttpUrl::parse(text);
  if (!is_word && !url.ok()) return "https://HOST:PORT, http://HOST:PORT, in-cluster or kubeconfig";
  if (!is_word && url.value().tls && !tls_is_built_in())
    return "http://HOST:PORT only: this build has no TLS, `make TLS=1` makes one that has it";
  options.services = true;
  return set_text(options.pods.apiserver.url, text);
}

// kubectl takes lists of them.
Problem set_kubeconfig(std::string& place, std::string_view text) {
  if (text.find(':') != text.npos) return "the path of one file, without a colon";
  return set_text(place, text);
}

Problem set_namespaces(std::string& place, std::string_view text) {
  auto filter = NamespaceFilter::parse(text, "");
  if (filter.ok()) return set_text(place, text);
  return "names with commas between them; " + filter.status().message();
}

Problem set_selector(LabelSelector& place, std::string_view text) {
  auto selector = LabelSelector::parse(text);
  if (!selector.ok())
    return "a selector such as app=web,tier in (a,b); " + selector.status().message();
  place = std::move(selector.value());
  return {};
}

Status check_pods(Options& options, const Environment& environment) {
  PodsSettings& pods = options.pods;
  bool has_certificate = !pods.kubelet.certificate_file.empty();
  if (has_certificate != !pods.kubelet.key_file.empty())
    return Status::error(has_certificate ? "--kubelet-cert-file needs --kubelet-key-file"
                                         : "--kubelet-key-file needs --kubelet-cert-file");
  if (pods.source == PodsSettings::Source::logs && !pods.selector.empty())
    return Status::error("--label-selector cannot work with --pods=logs: logs know no labels");
  if (pods.source == PodsSettings::Source::none && !pods.selector.empty())
    return Status::error("--label-selector cannot work with --pods=none: nobody tells labels");
  auto filter = NamespaceFilter::parse(options.namespaces, options.excluded_namespaces);
  if (!filter.ok()) return std::move(filter.status());
  pods.namespaces = std::move(filter.value());
  return check_apiserver(pods, environment);
}

PodsSettings pods_settings(const Options& options) {
  PodsSettings settings = options.pods;
  settings.kubelet.node_name = settings.apiserver.node_name = options.node_name;
  return settings;
}

}  // namespace kubepulse
