#include "identity/kubernetes_name.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string x(size_t bytes) {
  return std::string(bytes, 'x');
}

void check_all(bool (*is)(std::string_view), std::initializer_list<std::string> good,
               std::initializer_list<std::string> bad) {
  for (const std::string& text : good)
    ck_assert_msg(is(text), "%s", text.c_str());
  for (const std::string& text : bad)
    ck_assert_msg(!is(text), "%s", text.c_str());
}

START_TEST(dns_labels) {
  check_all(is_dns_label, {"a", "0", "kube-system", "a--b", x(63)},
            {"", "-a", "a-", "A", "a.b", "a_b", "a/b", " a", "\xC3\xA9", x(64)});
}
END_TEST

START_TEST(dns_subdomains) {
  check_all(is_dns_subdomain, {"a", "a.b", "web-0.x", x(253), x(64) + ".x"},
            {"", ".", "a.", ".a", "a..b", "a.-b", "a-.b", "A.b", "a_b", x(254)});
}
END_TEST

START_TEST(label_keys) {
  check_all(is_label_key,
            {"a", "A", "a_b.c-d", "app.kubernetes.io/name", "a/B", x(253) + "/" + x(63)},
            {"", "/", "/a", "a/", "a/b/c", "A/b", "-a", "a-", "_a", "a b", x(64), x(254) + "/a",
             "a/" + x(64)});
}
END_TEST

START_TEST(label_values) {
  check_all(is_label_value, {"", "a", "A.b_c-d", "1", x(63)},
            {"-a", "a-", ".a", "a/b", "a b", x(64), "a\n"});
}
END_TEST

START_TEST(pod_uids) {
  check_all(is_pod_uid,
            {"5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41", "48bf1ded8cdd6337d986ce766ed35a34"},
            {"", "5F3B0C1E-7a2d-4e7b-9f10-2b6c1d0e9a41", "5f3b0c1e_7a2d_4e7b_9f10_2b6c1d0e9a41",
             "48bf1ded8cdd6337d986ce766ed35a3g", "48bf1ded8cdd6337d986ce766ed35a3", x(36)});
}
END_TEST

}  // namespace

CHECK_MAIN("kubernetes_name", dns_labels, dns_subdomains, label_keys, label_values, pod_uids)
