#include "identity/public_suffix.h"

#include <cstdio>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr const char* kListPath = "/usr/share/publicsuffix/public_suffix_list.dat";

// Of publicsuffix.org's test_psl.txt; "" is its null, a name that is a suffix itself. There the
// registrable domain is the name.
struct Vector {
  const char* name;
  const char* registrable;
};

constexpr Vector kVectors[] = {
    {"com", ""},
    {"example.com", "example.com"},
    {"www.example.com", "example.com"},
    // An unlisted top-level domain.
    {"example", ""},
    {"example.example", "example.example"},
    {"b.example.example", "example.example"},
    {"a.b.example.example", "example.example"},
    // One rule.
    {"biz", ""},
    {"domain.biz", "domain.biz"},
    {"b.domain.biz", "domain.biz"},
    {"a.b.domain.biz", "domain.biz"},
    // Rules of two labels.
    {"b.example.com", "example.com"},
    {"a.b.example.com", "example.com"},
    {"uk.com", ""},
    {"example.uk.com", "example.uk.com"},
    {"b.example.uk.com", "example.uk.com"},
    {"a.b.example.uk.com", "example.uk.com"},
    {"test.ac", "test.ac"},
    {"ac", ""},
    {"com.ac", ""},
    {"www.com.ac", "www.com.ac"},
    // A wildcard alone.
    {"mm", ""},
    {"c.mm", ""},
    {"b.c.mm", "b.c.mm"},
    {"a.b.c.mm", "b.c.mm"},
    // All at once.
    {"jp", ""},
    {"test.jp", "test.jp"},
    {"www.test.jp", "test.jp"},
    {"ac.jp", ""},
    {"test.ac.jp", "test.ac.jp"},
    {"www.test.ac.jp", "test.ac.jp"},
    {"kyoto.jp", ""},
    {"test.kyoto.jp", "test.kyoto.jp"},
    {"ide.kyoto.jp", ""},
    {"b.ide.kyoto.jp", "b.ide.kyoto.jp"},
    {"a.b.ide.kyoto.jp", "b.ide.kyoto.jp"},
    {"kobe.jp", "kobe.jp"},
    {"c.kobe.jp", ""},
    {"b.c.kobe.jp", "b.c.kobe.jp"},
    {"a.b.c.kobe.jp", "b.c.kobe.jp"},
    {"city.kobe.jp", "city.kobe.jp"},
    {"www.city.kobe.jp", "city.kobe.jp"},
    // A wildcard and an exception.
    {"ck", ""},
    {"test.ck", ""},
    {"b.test.ck", "b.test.ck"},
    {"a.b.test.ck", "b.test.ck"},
    {"www.ck", "www.ck"},
    {"www.www.ck", "www.ck"},
    // Schools.
    {"us", ""},
    {"test.us", "test.us"},
    {"www.test.us", "test.us"},
    {"ak.us", ""},
    {"test.ak.us", "test.ak.us"},
    {"www.test.ak.us", "test.ak.us"},
    {"k12.ak.us", ""},
    {"test.k12.ak.us", "test.k12.ak.us"},
    {"www.test.k12.ak.us", "test.k12.ak.us"},
    // IDN.
    {"xn--85x722f.com.cn", "xn--85x722f.com.cn"},
    {"xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"},
    {"www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"},
    {"shishi.xn--55qx5d.cn", "shishi.xn--55qx5d.cn"},
    {"xn--55qx5d.cn", ""},
    {"xn--85x722f.xn--fiqs8s", "xn--85x722f.xn--fiqs8s"},
    {"www.xn--85x722f.xn--fiqs8s", "xn--85x722f.xn--fiqs8s"},
    {"shishi.xn--fiqs8s", "shishi.xn--fiqs8s"},
    {"xn--fiqs8s", ""},
};

START_TEST(known_vectors) {
  for (const Vector& vector : kVectors) {
    bool is_suffix = vector.registrable[0] == '\0';
    CHECK_TEXT(registrable_domain(vector.name), is_suffix ? vector.name : vector.registrable);
  }
}
END_TEST

START_TEST(listed) {
  for (const char* name : {"com", "io", "dev", "app", "uk.com", "co.uk", "c.kobe.jp", "c.mm",
                           "github.io", "xn--fiqs8s", "s3.amazonaws.com"})
    ck_assert_msg(is_listed_suffix(name), "%s", name);
  for (const char* name : {"", "internal", "example", "example.com", "kobe.jp", "city.kobe.jp",
                           "b.c.kobe.jp", "mm", "www.ck", "c", "comx", "xn--", "cluster.local"})
    ck_assert_msg(!is_listed_suffix(name), "%s", name);
}
END_TEST

START_TEST(other_names) {
  CHECK_TEXT(registrable_domain(""), "");
  CHECK_TEXT(registrable_domain("redis"), "redis");
  CHECK_TEXT(registrable_domain("a.b.compute.internal"), "compute.internal");
  CHECK_TEXT(registrable_domain("me.github.io"), "me.github.io");
  CHECK_TEXT(registrable_domain("www.me.github.io"), "me.github.io");
  CHECK_TEXT(registrable_domain("_sip._tcp.example.co.uk"), "example.co.uk");
  // A wildcard says nothing about its own base: the rule for this is "com".
  CHECK_TEXT(registrable_domain("compute.amazonaws.com"), "amazonaws.com");
  CHECK_TEXT(registrable_domain("b.us-east-1.compute.amazonaws.com"),
             "b.us-east-1.compute.amazonaws.com");
  // The answer is a part of the question.
  std::string_view name = "www.example.com";
  ck_assert(registrable_domain(name).data() == name.data() + 4);
  // Bytes and shapes that no name has do no harm.
  for (std::string_view odd : {".", "..", "a..com", ".com", "com.", "\xFF.com", "\x80", "\x1f"})
    (void)registrable_domain(odd);
  ck_assert(!is_listed_suffix("\x1f"));
  ck_assert(!is_listed_suffix("\x84"));
  ck_assert(!is_listed_suffix(std::string_view("\0", 1)));
  // Non-ASCII rules are in the graph in an escape, which an ASCII name must not reach.
  std::string many(253, '.');
  ck_assert(registrable_domain(many).size() <= many.size());
}
END_TEST

// The algorithm as publicsuffix.org states it, label by label over all rules.
class Reference {
 public:
  bool read() {
    std::ifstream file(kListPath);
    for (std::string line; std::getline(file, line);) {
      line = line.substr(0, line.find_first_of(" \t\r"));
      if (line.empty() || line.compare(0, 2, "//") == 0) continue;
      bool ascii = true;
      for (char letter : line)
        if (static_cast<unsigned char>(letter) >= 0x80) ascii = false;
      if (ascii) rules_.insert(line);
    }
    return !rules_.empty();
  }

  const std::set<std::string>& rules() const { return rules_; }
  bool has(const std::string& rule) const { return rules_.count(rule) > 0; }

  bool is_listed(const std::string& name) const {
    if (has("!" + name)) return false;
    return has(name) || has("*." + behind_first(name));
  }

  std::string registrable(const std::string& name) const {
    size_t suffix_labels = 1;
    size_t labels = count(name);
    std::string end = name;
    for (size_t left = labels; left > 0; left--, end = behind_first(end)) {
      if (has("!" + end)) {
        suffix_labels = left - 1;
        break;
      }
      if ((has(end) || (left > 1 && has("*." + behind_first(end)))) && left > suffix_labels)
        suffix_labels = left;
    }
    end = name;
    for (size_t left = labels; left > suffix_labels + 1; left--)
      end = behind_first(end);
    return end;
  }

 private:
  static std::string behind_first(const std::string& name) {
    size_t dot = name.find('.');
    return dot == std::string::npos ? "" : name.substr(dot + 1);
  }
  static size_t count(const std::string& name) {
    size_t labels = 1;
    for (char letter : name)
      labels += letter == '.';
    return labels;
  }

  std::set<std::string> rules_;
};

START_TEST(every_rule) {
  Reference reference;
  if (!reference.read()) {
    printf("public_suffix: %s is absent, the rules are not compared\n", kListPath);
    return;
  }
  ck_assert_uint_gt(reference.rules().size(), 5000);
  size_t compared = 0;
  for (const std::string& rule : reference.rules()) {
    std::string base = rule;
    if (base[0] == '!') base.erase(0, 1);
    if (base[0] == '*') base.erase(0, 2);
    // The graph has one value for a word and cannot say both; see public_suffix.cc.
    if (reference.has(base) && reference.has("*." + base)) continue;
    std::string above = base.substr(base.find('.') == std::string::npos ? 0 : base.find('.') + 1);
    for (const std::string& name :
         {base, "www." + base, "a.www." + base, "x.a.www." + base, "city." + base,
          "www.city." + base, above, base + "x", "x" + base, base.substr(1)}) {
      // Only what differs is asserted: each assertion is a write to Check's pipe.
      if (registrable_domain(name) != reference.registrable(name))
        CHECK_TEXT(registrable_domain(name), reference.registrable(name));
      if (is_listed_suffix(name) != reference.is_listed(name))
        ck_abort_msg("%s is %sa listed suffix", name.c_str(),
                     reference.is_listed(name) ? "" : "not ");
      compared++;
    }
  }
  ck_assert_uint_gt(compared, 50000);
}
END_TEST

}  // namespace

CHECK_MAIN("public_suffix", known_vectors, listed, other_names, every_rule)
