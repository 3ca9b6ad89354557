// Which pods are meant, in Kubernetes' own syntax, as kubectl takes it for --selector. Pure.
#ifndef KUBEPULSE_IDENTITY_LABEL_SELECTOR_H
#define KUBEPULSE_IDENTITY_LABEL_SELECTOR_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "identity/pod.h"

namespace kubepulse {

class LabelSelector {
 public:
  static constexpr size_t kTextBytesMax = 4096;

  // Requirements that all have to hold, joined by commas:
  //   a=b  a==b  a!=b  a in (b,c)  a notin (b,c)  a  !a  a>1  a<1
  // "" matches every pod. Reads, refuses and matches like k8s.io/apimachinery/pkg/labels; errors
  // tell the column, counted from 1.
  static Result<LabelSelector> parse(std::string_view text);

  // != and notin match a pod without the key, too; > and < compare 64-bit integers, and match no
  // other value. Labels that were cut are judged by those that are left.
  bool matches(const Label* labels, size_t count) const;
  bool matches(const PodLabels& labels) const { return matches(labels.begin(), labels.size()); }
  bool empty() const { return requirements_.empty(); }

 private:
  friend class LabelSelectorParser;
  enum class Operator : uint8_t { in, not_in, exists, not_exists, greater, less };
  struct Requirement {
    std::string key;
    Operator op = Operator::exists;
    std::vector<std::string> values;
    int64_t bound = 0;  // of greater and less
  };
  static bool holds(const Requirement& requirement, const Label* labels, size_t count);

  std::vector<Requirement> requirements_;
};

}  // namespace kubepulse

#endif
