#include "tests/live/insights.h"

#include <algorithm>

#include "tests/check.h"

namespace kubepulse::live {

Insights insights(const Daemon& daemon) {
  HttpAnswer answer = daemon.get("/insights");
  ck_assert_int_eq(answer.status, 200);
  ck_assert_msg(!answer.body.empty() && answer.body.back() == '\n', "%s", answer.body.c_str());
  answer.body.pop_back();
  Result<JsonFields> whole = parse_nested_json_object(answer.body);
  ck_assert_msg(whole.ok(), "%s", answer.body.c_str());
  Result<std::vector<std::string>> items = parse_json_array(whole.value()["insights"]);
  ck_assert_msg(items.ok(), "%s", answer.body.c_str());
  Insights all;
  for (const std::string& item : items.value()) {
    Result<JsonFields> fields = parse_nested_json_object(item);
    ck_assert_msg(fields.ok(), "%s", item.c_str());
    all.push_back(std::move(fields.value()));
  }
  return all;
}

const JsonFields* find(const Insights& all, const Owner& owner, const std::string& type) {
  for (const JsonFields& insight : all)
    if (insight.at("namespace") == owner.name_space && insight.at("pod") == owner.pod &&
        (type.empty() || insight.at("type") == type))
      return &insight;
  return nullptr;
}

std::string types_of(const Insights& all, const Owner& owner) {
  Words types;
  for (const JsonFields& insight : all)
    if (insight.at("namespace") == owner.name_space && insight.at("pod") == owner.pod)
      types.push_back(insight.at("type") + " " + insight.at("severity"));
  std::sort(types.begin(), types.end());
  std::string text;
  for (const std::string& type : types)
    text += (text.empty() ? "" : ",") + type;
  return text;
}

}  // namespace kubepulse::live
