#include "identity/domain.h"

#include <algorithm>
#include <cstddef>

#include "identity/public_suffix.h"

namespace kubepulse {

namespace {

constexpr std::string_view kInvalid = "invalid";
constexpr std::string_view kSearch = "search";

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// `name` is `zone` or below it.
bool is_in(std::string_view name, std::string_view zone) {
  return ends_with(name, zone) &&
         (name.size() == zone.size() || name[name.size() - zone.size() - 1] == '.');
}

std::string_view last_label(std::string_view name) {
  size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::string_view take_first_label(std::string_view& rest) {
  size_t dot = rest.find('.');
  std::string_view label = rest.substr(0, dot);
  rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  return label;
}

size_t count_labels(std::string_view name) {
  if (name.empty()) return 0;
  return 1 + static_cast<size_t>(std::count(name.begin(), name.end(), '.'));
}

// Top-level domains that nobody calls a namespace. Other ones are plausible: shop, dev, app, qa,
// io.
bool is_no_namespace(std::string_view label) {
  for (std::string_view top : {"com", "net", "org", "edu", "gov", "mil"})
    if (label == top) return true;
  return false;
}

// A pod of a StatefulSet (web-0) or of an endpoint named after its IPv4 address (10-0-0-1).
bool is_pod_hostname(std::string_view label) {
  size_t dash = label.rfind('-');
  return dash != std::string_view::npos && is_digits(label.substr(dash + 1));
}

// What stands before ".svc.<cluster>" can be a cluster's name: NS, service.NS, host.service.NS, the
// latter two also as SRV (_port._proto.service.NS). The search list puts NAME.NS and NAME there,
// and NAME may well have as few labels.
bool is_service(std::string_view rest) {
  std::string_view all = rest;
  bool srv =
      take_first_label(rest).substr(0, 1) == "_" && take_first_label(rest).substr(0, 1) == "_";
  if (!srv || rest.empty()) rest = all;
  switch (count_labels(rest)) {
    case 1:
      return true;
    case 2:
      return !is_no_namespace(last_label(rest));
    case 3: {
      std::string_view host = take_first_label(rest);
      std::string_view service = take_first_label(rest);
      if (is_no_namespace(rest)) return false;
      return is_pod_hostname(host) || !is_listed_suffix(service);
    }
    default:
      return false;
  }
}

// `rest` is what stands before ".<cluster>".
bool is_cluster_name(std::string_view rest) {
  std::string_view kind = last_label(rest);
  if (kind != "svc" && kind != "pod") return false;
  if (rest.size() == kind.size()) return true;
  rest.remove_suffix(kind.size() + 1);
  return kind == "svc" ? is_service(rest) : count_labels(rest) <= 2;
}

}  // namespace

DomainRules::DomainRules(std::string_view cluster_domain) {
  size_t begin = cluster_domain.find_first_not_of('.');
  if (begin == std::string_view::npos) return;
  size_t end = cluster_domain.find_last_not_of('.') + 1;
  behind_ = ".";
  behind_ += cluster_domain.substr(begin, end - begin);
  for (char& letter : behind_)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
}

std::string_view DomainRules::domain_of(std::string_view name, bool plain) const {
  if (!plain || name.empty()) return kInvalid;
  if (name == ".") return name;
  for (std::string_view zone : {std::string_view("in-addr.arpa"), std::string_view("ip6.arpa")})
    if (is_in(name, zone)) return zone;
  if (!behind_.empty()) {
    if (name == std::string_view(behind_).substr(1)) return name;
    if (ends_with(name, behind_)) {
      return is_cluster_name(name.substr(0, name.size() - behind_.size())) ? name : kSearch;
    }
  }
  if (is_digits(last_label(name))) return kInvalid;
  return registrable_domain(name);
}

}  // namespace kubepulse
