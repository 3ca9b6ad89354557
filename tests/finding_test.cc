#include "insight/finding.h"

#include <set>
#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// They are labels, and members of JSON: a promise.
START_TEST(names) {
  std::set<std::string> seen;
  for (size_t i = 0; i < kInsightTypes; i++)
    seen.insert(insight_type_name(static_cast<InsightType>(i)));
  ck_assert_uint_eq(seen.size(), kInsightTypes);
  CHECK_TEXT(insight_type_name(InsightType::oom_predicted), "oom_predicted");
  CHECK_TEXT(insight_type_name(InsightType::dns_search_amplification), "dns_search_amplification");
  CHECK_TEXT(insight_type_name(InsightType::systemic), "systemic");
  CHECK_TEXT(severity_name(Severity::warning), "warning");
  CHECK_TEXT(severity_name(Severity::critical), "critical");
  CHECK_TEXT(unit_name(Unit::count), "count");
  CHECK_TEXT(unit_name(Unit::bytes_per_second), "bytes_per_second");
  CHECK_TEXT(unit_name(Unit::per_second), "per_second");
}
END_TEST

START_TEST(origins) {
  size_t kubernetes = 0;
  for (size_t i = 0; i < kInsightTypes; i++)
    kubernetes += origin_of(static_cast<InsightType>(i)) == Origin::kubernetes;
  ck_assert_uint_eq(kubernetes, 4);
  ck_assert(origin_of(InsightType::image_pull) == Origin::kubernetes);
  ck_assert(origin_of(InsightType::oom_killed) == Origin::kernel);
}
END_TEST

START_TEST(evidence) {
  EvidenceList list;
  ck_assert_ptr_null(list.find("a"));
  constexpr const char* kNames[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  for (const char* name : kNames)
    list.add(name, 2, Unit::count);
  ck_assert_uint_eq(list.size(), EvidenceList::kMax);
  ck_assert_ptr_nonnull(list.find("h"));
  ck_assert_ptr_null(list.find("i"));
}
END_TEST

}  // namespace

CHECK_MAIN("finding", names, origins, evidence)
