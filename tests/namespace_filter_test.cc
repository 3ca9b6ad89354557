#include "identity/namespace_filter.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

bool matches(const char* only, const char* excluded, const char* ns) {
  Result<NamespaceFilter> filter = NamespaceFilter::parse(only, excluded);
  ck_assert_msg(filter.ok(), "%s", filter.ok() ? "" : filter.status().message().c_str());
  return filter.value().matches(ns);
}

void check_error(const std::string& list, const char* want) {
  for (bool first : {true, false}) {
    Result<NamespaceFilter> filter =
        first ? NamespaceFilter::parse(list, "") : NamespaceFilter::parse("", list);
    ck_assert(!filter.ok());
    CHECK_TEXT(filter.status().message(), want);
  }
}

START_TEST(lists) {
  ck_assert(matches("", "", "shop"));
  ck_assert(matches("shop", "", "shop"));
  ck_assert(matches("web,shop", "", "shop"));
  ck_assert(matches(" web , shop ", "", "web"));
  ck_assert(!matches("shop", "", "web"));
  ck_assert(!matches("shop", "", "shop-2"));
  ck_assert(!matches("", "kube-system", "kube-system"));
  ck_assert(matches("", "kube-system", "shop"));
  ck_assert(!matches("shop,web", "web", "web"));
  ck_assert(matches("shop,web", "web", "shop"));
  ck_assert(NamespaceFilter::parse(" ", "").value().empty());
  ck_assert(!NamespaceFilter::parse("", "a").value().empty());
}
END_TEST

START_TEST(errors) {
  check_error("Shop", "\"Shop\" is not a namespace's name");
  check_error("a,,b", "\"\" is not a namespace's name");
  check_error(",a", "\"\" is not a namespace's name");
  check_error("a,", "a name is missing behind the last \",\"");
  check_error("a b", "\"a b\" is not a namespace's name");
  check_error("a.b", "\"a.b\" is not a namespace's name");
  check_error("a;b", "\"a;b\" is not a namespace's name");
  std::string many = "a";
  for (int i = 0; i < 256; i++)
    many += ",a";
  check_error(many, "more than 256 names");
}
END_TEST

}  // namespace

CHECK_MAIN("namespace_filter", lists, errors)
