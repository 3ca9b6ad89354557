// The YAML that kubectl, kubeadm and kubelets write: mappings and sequences in blocks, plain and
// quoted texts on one line, comments; and JSON, as the whole or as a value on one line. Everything
// else (anchors, tags, texts over several lines, ...) is refused. Pure; any bytes are safe.
#ifndef KUBEPULSE_BASE_YAML_READER_H
#define KUBEPULSE_BASE_YAML_READER_H

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace kubepulse {

constexpr size_t kYamlBytesMax = 1 << 20;
constexpr size_t kYamlDepthMax = 16;

struct YamlPlace {
  std::vector<std::string> keys;  // from the outside in; sequences have none
  size_t item = 0;  // which element of the outermost sequence that was met last, counted from 1
  size_t line = 0;  // counted from 1; of JSON where it begins
};

// Calls `scalar` for each text, number or boolean of the document, which is a mapping, as it is
// written there; null and what is empty is left out. It may refuse, and ends the reading by it.
// Errors name the line, and what is not taken.
Status read_yaml(std::string_view text,
                 const std::function<Status(const YamlPlace&, std::string_view)>& scalar);

}  // namespace kubepulse

#endif
