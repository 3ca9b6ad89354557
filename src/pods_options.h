// Of the options (options.h): those that say who names pods, and whom to ask how.
#ifndef KUBEPULSE_PODS_OPTIONS_H
#define KUBEPULSE_PODS_OPTIONS_H

#include <string>
#include <string_view>

#include "base/status.h"
#include "options.h"

namespace kubepulse {

// Each setter takes a value that is not empty into its place. The answer is empty, or what is
// accepted.
using Problem = std::string;

inline Problem set_text(std::string& place, std::string_view text) {
  place = text;
  return {};
}

Problem set_pods(PodsSettings::Source& place, std::string_view text);
Problem set_kubelet_url(std::string& place, std::string_view text);
Problem set_apiserver(Options& options, std::string_view text);
Problem set_kubeconfig(std::string& place, std::string_view text);
Problem set_namespaces(std::string& place, std::string_view text);
Problem set_selector(LabelSelector& place, std::string_view text);

// What each flag alone does not show, and the URL of the API server where it goes without saying.
Status check_pods(Options& options, const Environment& environment);

}  // namespace kubepulse

#endif
