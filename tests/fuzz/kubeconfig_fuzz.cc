// Any bytes as a kubeconfig, as YAML and as base64.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/base64.h"
#include "base/yaml_reader.h"
#include "identity/kubeconfig.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

bool is_header_text(const std::string& text) {
  for (char c : text)
    if (c <= ' ' || c >= '\x7F') return false;
  return true;
}

void check_path(const std::string& path) {
  require(path.empty() || path[0] == '/');
}

std::string encode(const std::string& bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto byte = [&](size_t at) {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
    };
    unsigned bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (size_t n = 0; n < 4; n++)
      out += i + n <= bytes.size() ? kAlphabet[bits >> (18 - 6 * n) & 0x3F] : '=';
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  size_t bytes = 0;
  Status read = read_yaml(text, [&bytes](const YamlPlace& place, std::string_view value) {
    require(!value.empty() && place.keys.size() <= kYamlDepthMax && !place.keys.empty());
    bytes += value.size();
    return Status();
  });
  require(bytes <= text.size());

  Result<Kubeconfig> config = parse_kubeconfig(text, "/folder");
  if (config.ok()) {
    const Kubeconfig& got = config.value();
    require(read.ok() && !got.context.empty() && !got.server.empty());
    require(is_header_text(got.server) && is_header_text(got.token));
    check_path(got.authority_file);
    check_path(got.certificate_file);
    check_path(got.key_file);
    check_path(got.token_file);
    require(got.authority.empty() || got.authority_file.empty());
    require((got.key.empty() && got.key_file.empty()) ==
            (got.certificate.empty() && got.certificate_file.empty()));
  } else {
    require(!config.status().message().empty());
  }

  require(decode_base64(encode(text)) == text);
  std::optional<std::string> decoded = decode_base64(text);
  if (decoded) {
    std::string one_line;
    for (char c : text)
      if (c != '\n' && c != '\r') one_line += c;
    require(encode(*decoded) == one_line);
  }
  return 0;
}
