#include "publish/domains.h"

#include <map>
#include <random>
#include <set>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(held_once) {
  Domains domains;
  ck_assert(!domains.find("a.com"));
  std::string name = "a.com";
  Domains::Id id = *domains.hold(name);
  name = "x.com";  // what it was held by is not kept
  ck_assert(domains.find("a.com") == id);
  ck_assert(domains.hold("a.com") == id);
  ck_assert(domains.hold("b.com") != id);
  ck_assert_uint_eq(domains.size(), 2);
  CHECK_TEXT(domains.name(id), "a.com");
  domains.release(id);
  ck_assert(domains.find("a.com") == id);
  domains.release(id);
  ck_assert(!domains.find("a.com"));
  ck_assert_uint_eq(domains.size(), 1);
}
END_TEST

START_TEST(ids_are_used_again) {
  Domains domains;
  Domains::Id first = *domains.hold("a.com"), second = *domains.hold("b.com");
  domains.release(first);
  Domains::Id third = *domains.hold(std::string(253, 'c'));
  ck_assert_uint_eq(third, first);
  CHECK_TEXT(domains.name(third), std::string(253, 'c'));
  CHECK_TEXT(domains.name(second), "b.com");
  ck_assert(!domains.find("a.com"));
  ck_assert(domains.hold("a.com").value() > second);
}
END_TEST

START_TEST(any_name) {
  Domains domains;
  for (std::string_view name : {std::string_view(""), std::string_view("."),
                                std::string_view("a\0b", 3), std::string_view("a\0c", 3)}) {
    auto id = domains.hold(name);
    ck_assert(id && domains.find(name) == id);
    CHECK_TEXT(domains.name(*id), name);
  }
  ck_assert_uint_eq(domains.size(), 4);
}
END_TEST

START_TEST(full) {
  Domains domains;
  std::set<Domains::Id> ids;
  for (size_t i = 0; i < Domains::kDomainsMax; i++)
    ids.insert(*domains.hold("domain-" + std::to_string(i)));
  ck_assert_uint_eq(ids.size(), Domains::kDomainsMax);
  ck_assert_uint_eq(*ids.rbegin(), Domains::kDomainsMax - 1);  // dense
  ck_assert(!domains.hold("one-more"));
  ck_assert(!domains.find("one-more"));
  ck_assert(domains.hold("domain-77") == domains.find("domain-77"));
  domains.release(*domains.find("domain-77"));
  ck_assert(!domains.hold("one-more"));
  Domains::Id given_back = *domains.find("domain-77");
  domains.release(given_back);
  ck_assert(domains.hold("one-more") == given_back);
  ck_assert_uint_eq(domains.size(), Domains::kDomainsMax);
}
END_TEST

START_TEST(against_a_model) {
  Domains domains;
  std::map<std::string, uint32_t> holders;
  std::mt19937 random(1);
  for (int step = 0; step < 100000; step++) {
    // Short names stand in the string itself, long ones elsewhere.
    std::string name = std::to_string(random() % 500);
    if (name.back() % 2 == 0) name += ".a-domain-that-is-longer-than-a-short-string.example";
    if (random() % 2 == 0) {
      ck_assert(domains.hold(name));
      holders[name]++;
    } else if (auto held = holders.find(name); held != holders.end()) {
      domains.release(*domains.find(name));
      if (--held->second == 0) holders.erase(held);
    }
    ck_assert_int_eq(domains.find(name).has_value(), holders.count(name) != 0);
    if (auto id = domains.find(name)) CHECK_TEXT(domains.name(*id), name);
    ck_assert_uint_eq(domains.size(), holders.size());
  }
}
END_TEST

}  // namespace

CHECK_MAIN("domains", held_once, ids_are_used_again, any_name, full, against_a_model)
