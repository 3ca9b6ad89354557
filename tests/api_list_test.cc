// What is a list and what is not, is in pod_list_test.cc.
#include "identity/api_list.h"

#include <string>
#include <vector>

#include "identity/service_reader.h"
#include "tests/check.h"
#include "tests/json_pieces.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr ApiListReader::Kind kServices = {"ServiceList", "v1", "the list of services"};

START_TEST(pages) {
  const std::string document =
      R"({"metadata":{"resourceVersion":"812","continue":"eyJ2IjoibWV0YS5rOHMuaW8vdjEi",)"
      R"("remainingItemCount":7,"selfLink":{"continue":"no"}},"items":[)"
      R"({"metadata":{"name":"a","namespace":"x","resourceVersion":"1","continue":"no"}},)"
      R"(null,7,"continue",[{"metadata":{"name":"no"}}],{"metadata":{"name":"b"}}],)"
      R"("other":{"items":[{"metadata":{"name":"no"}}]},"kind":"ServiceList","apiVersion":"v1"})";
  for (size_t piece_bytes : kPieceBytes) {
    std::string names;
    ServiceReader service;
    ApiListReader reader(kServices, service,
                         [&] { names += std::string(service.service().name.view()) + " "; });
    in_pieces(document, piece_bytes,
              [&](const std::string& piece) { CHECK_OK(reader.feed(piece)); });
    CHECK_OK(reader.finish());
    CHECK_TEXT(names, "a b ");
    CHECK_TEXT(std::string(reader.resource_version()), "812");
    CHECK_TEXT(reader.rest(), "eyJ2IjoibWV0YS5rOHMuaW8vdjEi");
  }
}
END_TEST

START_TEST(others) {
  ServiceReader service;
  int items = 0;
  ApiListReader reader(kServices, service, [&] { items++; });
  CHECK_OK(reader.feed(R"({"kind":"PodList","apiVersion":"v1","items":[{"metadata":{}}]})"));
  CHECK_TEXT(reader.finish().message(), "a \"PodList\", not a ServiceList");
  ck_assert_int_eq(items, 0);
  ApiListReader later(kServices, service, [&] { items++; });
  CHECK_OK(later.feed(R"({"kind":"ServiceList","apiVersion":"v2","items":null})"));
  CHECK_TEXT(later.finish().message(), "a \"ServiceList\" of version \"v2\", not v1");
  ApiListReader broken(kServices, service, [&] { items++; });
  CHECK_TEXT(broken.feed("{]").message(),
             "the list of services: byte 1: a key in quotes was expected");
}
END_TEST

}  // namespace

CHECK_MAIN("api_list", pages, others)
