#include "identity/kubeconfig.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/yaml_reader.h"

namespace kubepulse {
namespace {

constexpr size_t kFieldsMax = 8192;

// What is read of a kubeconfig, by section and by what stands in an element of it.
struct Known {
  std::string_view section, key;
  std::string_view refused = {};  // what it is called where it is not taken
};

constexpr std::string_view kPassword = "a user name or password", kAs = "impersonation";
constexpr Known kKnown[] = {
    {"clusters", "name"},
    {"clusters", "cluster.server"},
    {"clusters", "cluster.certificate-authority"},
    {"clusters", "cluster.certificate-authority-data"},
    {"clusters", "cluster.insecure-skip-tls-verify"},
    {"clusters", "cluster.tls-server-name"},
    {"clusters", "cluster.proxy-url", "a proxy"},
    {"contexts", "name"},
    {"contexts", "context.cluster"},
    {"contexts", "context.user"},
    {"contexts", "context.namespace"},
    {"users", "name"},
    {"users", "user.token"},
    {"users", "user.tokenFile"},
    {"users", "user.client-certificate"},
    {"users", "user.client-certificate-data"},
    {"users", "user.client-key"},
    {"users", "user.client-key-data"},
    {"users", "user.exec", "an exec plugin"},
    {"users", "user.auth-provider", "an auth-provider plugin"},
    {"users", "user.username", kPassword},
    {"users", "user.password", kPassword},
    {"users", "user.as", kAs},
    {"users", "user.as-uid", kAs},
    {"users", "user.as-groups", kAs},
    {"users", "user.as-user-extra", kAs},
};

struct Field {
  const Known* known;
  size_t item;
  size_t line;
  std::string value;
};

Status error_at(size_t line, const std::string& what) {
  return Status::error("line " + std::to_string(line) + ": " + what);
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string quoted(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}

// The fields of a document, and answers about an element of a section.
class Fields {
 public:
  Status read(std::string_view text) {
    return read_yaml(text, [this](const YamlPlace& place, std::string_view value) {
      return take(place, value);
    });
  }

  std::string current_context;

  // The element of that name; 0 where there is none.
  size_t item_of(std::string_view section, std::string_view name) const {
    for (const Field& field : fields_) {
      bool is_name = field.known->section == section && field.known->key == "name";
      if (is_name && field.value == name) return field.item;
    }
    return 0;
  }
  const Field* find(size_t item, std::string_view key) const {
    const Field* found = nullptr;  // the last one, where a key is there twice
    for (const Field& field : fields_)
      if (field.item == item && field.known->key == key) found = &field;
    return found;
  }
  std::string text(size_t item, std::string_view key) const {
    const Field* field = find(item, key);
    return field == nullptr ? "" : field->value;
  }
  Status refused(size_t item) const {
    for (const Field& field : fields_) {
      if (field.item == item && !field.known->refused.empty())
        return error_at(field.line, std::string(field.known->refused) + " is not taken");
    }
    return {};
  }

 private:
  Status take(const YamlPlace& place, std::string_view value) {
    const std::vector<std::string>& keys = place.keys;
    if (keys.size() == 1) return take_top(keys[0], value, place.line);
    for (const Known& known : kKnown) {
      if (known.section != keys[0] || !is_key(known, keys)) continue;
      if (fields_.size() == kFieldsMax) return error_at(place.line, "too many entries");
      // Of what is refused, that it is there is all that counts.
      bool again = !known.refused.empty() && !fields_.empty() && fields_.back().known == &known &&
                   fields_.back().item == place.item;
      if (again) return {};
      fields_.push_back({&known, place.item, place.line,
                         known.refused.empty() ? std::string(value) : std::string()});
    }
    return {};
  }

  static bool is_key(const Known& known, const std::vector<std::string>& keys) {
    if (keys.size() == 2) return known.key == keys[1];
    bool exact = keys.size() == 3 || !known.refused.empty();
    size_t dot = known.key.find('.');
    return exact && dot != std::string_view::npos && known.key.substr(0, dot) == keys[1] &&
           known.key.substr(dot + 1) == keys[2];
  }

  Status take_top(std::string_view key, std::string_view value, size_t line) {
    if (key == "current-context") current_context = value;
    if (key == "kind" && value != "Config")
      return error_at(line, "this is a " + quoted(value) + ", not a Config");
    if (key == "apiVersion" && value != "v1")
      return error_at(line, "a Config of version " + quoted(value) + ", not v1");
    return {};
  }

  std::vector<Field> fields_;
};

std::string path_in(std::string_view folder, const std::string& path) {
  if (path.empty() || path[0] == '/' || folder.empty()) return path;
  return std::string(folder) + (folder.back() == '/' ? "" : "/") + path;
}

// PEM from `key`-data, else the path of a file with it from `key`.
Status read_pem(const Fields& fields, size_t item, const std::string& key, std::string_view folder,
                std::string& pem, std::string& file) {
  file = path_in(folder, fields.text(item, key));
  const Field* data = fields.find(item, key + "-data");
  if (data == nullptr) return {};
  std::optional<std::string> decoded = decode_base64(data->value);
  if (!decoded) return error_at(data->line, key.substr(key.find('.') + 1) + "-data is no base64");
  pem = std::move(*decoded);
  if (!pem.empty()) file.clear();
  return {};
}

Status read_cluster(const Fields& fields, size_t item, std::string_view folder, Kubeconfig& out) {
  Status status = fields.refused(item);
  if (!status.ok()) return status;
  out.server = fields.text(item, "cluster.server");
  out.tls_server_name = fields.text(item, "cluster.tls-server-name");
  bool is_url = starts_with(out.server, "https://") || starts_with(out.server, "http://");
  bool is_visible = std::all_of(out.server.begin(), out.server.end(),
                                [](char c) { return c > ' ' && c < '\x7F'; });
  if (!is_url || !is_visible)
    return Status::error("cluster " + quoted(out.cluster) + " has no server of http or https");
  if (const Field* insecure = fields.find(item, "cluster.insecure-skip-tls-verify")) {
    out.insecure_skip_tls_verify = insecure->value == "true";
    if (insecure->value != "true" && insecure->value != "false")
      return error_at(insecure->line, "true or false was expected, not " + quoted(insecure->value));
  }
  return read_pem(fields, item, "cluster.certificate-authority", folder, out.authority,
                  out.authority_file);
}

Status read_user(const Fields& fields, size_t item, std::string_view folder, Kubeconfig& out) {
  Status status = fields.refused(item);
  if (!status.ok()) return status;
  out.token_file = path_in(folder, fields.text(item, "user.tokenFile"));
  if (const Field* token = fields.find(item, "user.token")) {
    bool fits = std::all_of(token->value.begin(), token->value.end(),
                            [](char c) { return c > ' ' && c < '\x7F'; });
    if (!fits) return error_at(token->line, "the token has characters that HTTP cannot carry");
    out.token = token->value;
  }
  status = read_pem(fields, item, "user.client-certificate", folder, out.certificate,
                    out.certificate_file);
  if (status.ok())
    status = read_pem(fields, item, "user.client-key", folder, out.key, out.key_file);
  if (!status.ok()) return status;
  bool has_certificate = !out.certificate.empty() || !out.certificate_file.empty();
  bool has_key = !out.key.empty() || !out.key_file.empty();
  if (has_certificate != has_key)
    return Status::error("user " + quoted(out.user) + " has a client-certificate or a client-key " +
                         "without the other");
  return {};
}

}  // namespace

Result<Kubeconfig> parse_kubeconfig(std::string_view text, std::string_view folder,
                                    std::string_view context) {
  Fields fields;
  Status status = fields.read(text);
  if (!status.ok()) return status;
  Kubeconfig out;
  out.context = context.empty() ? fields.current_context : std::string(context);
  if (out.context.empty()) return Status::error("no current-context");
  size_t item = fields.item_of("contexts", out.context);
  if (item == 0) return Status::error("no context " + quoted(out.context));
  out.cluster = fields.text(item, "context.cluster");
  out.user = fields.text(item, "context.user");
  out.ns = fields.text(item, "context.namespace");

  size_t cluster = fields.item_of("clusters", out.cluster);
  if (cluster == 0) return Status::error("no cluster " + quoted(out.cluster));
  status = read_cluster(fields, cluster, folder, out);
  size_t user = fields.item_of("users", out.user);
  if (status.ok() && user == 0 && !out.user.empty())
    return Status::error("no user " + quoted(out.user));
  if (status.ok() && user != 0) status = read_user(fields, user, folder, out);
  if (!status.ok()) return status;
  return out;
}

}  // namespace kubepulse
