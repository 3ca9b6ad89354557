// What Kubernetes lets names be (k8s.io/apimachinery/pkg/util/validation).
#ifndef KUBEPULSE_IDENTITY_KUBERNETES_NAME_H
#define KUBEPULSE_IDENTITY_KUBERNETES_NAME_H

#include <string_view>

namespace kubepulse {

// Of a namespace, a container: at most 63 of a-z 0-9 -, a letter or digit first and last.
bool is_dns_label(std::string_view text);
// Of a pod: at most 253 bytes, such labels (there of any length) joined by dots.
bool is_dns_subdomain(std::string_view text);
// Of a label: at most 63 of A-Z a-z 0-9 - _ . with a letter or digit first and last, behind a
// subdomain and a slash where there is a prefix.
bool is_label_key(std::string_view text);
// Likewise, without a prefix, or "".
bool is_label_value(std::string_view text);
// Of a pod, as the kubelet writes it into paths: a UUID in lower case, or the 32 hex digits of a
// static pod's hash.
bool is_pod_uid(std::string_view text);

}  // namespace kubepulse

#endif
