#include "identity/credentials.h"

#include "tests/check.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Fixture {
  Fixture() {
    settings.service_account = folder.path("account");
    folder.make_folder("account");
  }
  Credentials read() const {
    auto credentials = read_credentials(settings);
    CHECK_OK(credentials.ok() ? Status() : credentials.status());
    return std::move(credentials.value());
  }
  std::string error() const {
    auto credentials = read_credentials(settings);
    return credentials.ok() ? "none" : credentials.status().message();
  }
  void write_kubeconfig(const std::string& cluster, const std::string& user) {
    settings.kubeconfig =
        folder.write("config",
                     "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                     "contexts:\n- name: c\n  context:\n    cluster: k\n    user: u\n"
                     "clusters:\n- name: k\n  cluster:\n    server: https://10.0.0.1:6443\n" +
                         cluster + "users:\n- name: u\n  user:\n" + user);
  }

  Folder folder;
  KubeletSettings settings;
};

START_TEST(nothing) {
  Fixture fixture;
  Credentials read = fixture.read();
  for (const std::string* text : {&read.token, &read.token_from, &read.tls.ca_pem, &read.tls_from,
                                  &read.tls.certificate_pem, &read.tls.key_pem, &read.server})
    CHECK_TEXT(*text, "");
  ck_assert(!read.tls.insecure && !read.token_was_named);
  fixture.settings.insecure = true;
  ck_assert(fixture.read().tls.insecure);
}
END_TEST

START_TEST(service_account) {
  Fixture fixture;
  std::string token = fixture.folder.write("account/token", "abc.def\n");
  std::string authority = fixture.folder.write("account/ca.crt", "PEM");
  Credentials read = fixture.read();
  CHECK_TEXT(read.token, "abc.def");
  CHECK_TEXT(read.token_from, token);
  ck_assert(!read.token_was_named);
  CHECK_TEXT(read.tls.ca_pem, "PEM");
  CHECK_TEXT(read.tls_from, "CA " + authority);
  // It is there, so it is meant.
  fixture.folder.write("account/token", " \n");
  CHECK_TEXT(fixture.error(), token + ": no token is in it");
  fixture.folder.write("account/token", "a\r\nX-Evil: 1");
  CHECK_TEXT(fixture.error(), token + ": no token, it has characters that HTTP cannot carry");
  fixture.folder.write("account/token", std::string(16385, 'a'));
  CHECK_TEXT(fixture.error(), token + ": larger than 16384 bytes");
  unlink(token.c_str());
  CHECK_TEXT(fixture.read().token, "");
  CHECK_TEXT(fixture.read().tls.ca_pem, "PEM");
}
END_TEST

START_TEST(named_files) {
  Fixture fixture;
  fixture.folder.write("account/token", "of-the-account");
  fixture.folder.write("account/ca.crt", "CA of the account");
  KubeletSettings& settings = fixture.settings;
  settings.token_file = fixture.folder.write("token", "\t mine \r\n");
  settings.ca_file = fixture.folder.write("ca", "CA");
  settings.certificate_file = fixture.folder.write("cert", "CERT");
  settings.key_file = fixture.folder.write("key", "KEY");
  Credentials read = fixture.read();
  CHECK_TEXT(read.token, "mine");
  ck_assert(read.token_was_named);
  CHECK_TEXT(read.tls.ca_pem, "CA");
  CHECK_TEXT(read.tls.certificate_pem, "CERT");
  CHECK_TEXT(read.tls.key_pem, "KEY");
  CHECK_TEXT(read.tls_from, "CA " + settings.ca_file + ", certificate " +
                                settings.certificate_file + ", key " + settings.key_file);
  for (std::string* path :
       {&settings.token_file, &settings.ca_file, &settings.certificate_file, &settings.key_file}) {
    std::string good = *path;
    *path = fixture.folder.path("none");
    CHECK_TEXT(fixture.error(), *path + ": No such file or directory");
    *path = fixture.folder.path("account");
    CHECK_TEXT(fixture.error(), *path + ": not a regular file");
    *path = good;
  }
}
END_TEST

START_TEST(kubeconfigs) {
  Fixture fixture;
  fixture.folder.write("account/token", "of-the-account");
  fixture.folder.write("account/ca.crt", "CA of the account");
  std::string data = "    certificate-authority-data: Q0E=\n    tls-server-name: kubelet.example\n";
  std::string user = "    client-certificate-data: Q0VSVA==\n    client-key: key.pem\n";
  std::string key = fixture.folder.write("key.pem", "KEY");
  fixture.write_kubeconfig(data, user);
  Credentials read = fixture.read();
  CHECK_TEXT(read.server, "https://10.0.0.1:6443");
  CHECK_TEXT(read.tls_server_name, "kubelet.example");
  CHECK_TEXT(read.tls.ca_pem, "CA");
  CHECK_TEXT(read.tls.certificate_pem, "CERT");
  CHECK_TEXT(read.tls.key_pem, "KEY");
  CHECK_TEXT(read.token, "");
  const std::string& config = fixture.settings.kubeconfig;
  CHECK_TEXT(read.tls_from, "CA " + config + ", certificate " + config + ", key " + key);
  unlink(key.c_str());
  CHECK_TEXT(fixture.error(), key + ": No such file or directory");
  // What the options name is not looked for.
  fixture.settings.certificate_file = fixture.folder.write("own", "OWN");
  fixture.settings.key_file = fixture.settings.certificate_file;
  fixture.settings.ca_file = fixture.settings.certificate_file;
  read = fixture.read();
  CHECK_TEXT(read.tls.ca_pem + read.tls.certificate_pem + read.tls.key_pem, "OWNOWNOWN");
  fixture.folder.write("config", "nonsense");
  ck_assert(fixture.error().find(config + ": ") == 0);
  unlink(config.c_str());
  CHECK_TEXT(fixture.error(), config + ": No such file or directory");
}
END_TEST

START_TEST(kubeconfig_tokens) {
  Fixture fixture;
  std::string insecure = "    insecure-skip-tls-verify: true\n";
  fixture.write_kubeconfig(insecure, "    token: in-it\n    tokenFile: token\n");
  Credentials read = fixture.read();
  CHECK_TEXT(read.token, "in-it");
  CHECK_TEXT(read.token_from, fixture.settings.kubeconfig);
  ck_assert(read.token_was_named && read.tls.insecure);
  std::string token = fixture.folder.write("token", "of-the-file\n");
  CHECK_TEXT(fixture.read().token, "of-the-file");
  CHECK_TEXT(fixture.read().token_from, token);
  fixture.write_kubeconfig(insecure, "    tokenFile: token\n");
  CHECK_TEXT(fixture.read().token, "of-the-file");
  unlink(token.c_str());
  CHECK_TEXT(fixture.error(), token + ": No such file or directory");
  fixture.settings.token_file = fixture.folder.write("named", "named");
  CHECK_TEXT(fixture.read().token, "named");
  // Who names a CA wants it to be checked.
  fixture.settings.ca_file = fixture.folder.write("ca", "CA");
  ck_assert(!fixture.read().tls.insecure);
}
END_TEST

}  // namespace

CHECK_MAIN("credentials", nothing, service_account, named_files, kubeconfigs, kubeconfig_tokens)
