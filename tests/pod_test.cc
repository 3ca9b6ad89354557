#include "identity/pod.h"

#include <memory>
#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string described(const PodLabels& labels) {
  std::string out;
  for (const Label& label : labels)
    out += std::string(label.key) + "=" + std::string(label.value) + " ";
  return out + (labels.cut() ? "cut" : "");
}

START_TEST(short_texts) {
  ShortText<8> text;
  ck_assert(text.empty());
  ck_assert(text.assign("12345678"));
  CHECK_TEXT(text.view(), "12345678");
  ck_assert(!text.assign("1234567\xC3\xA9"));
  CHECK_TEXT(text.view(), "1234567");
  ShortText<8> copy = text;
  text.clear();
  CHECK_TEXT(copy.view(), "1234567");
  CHECK_TEXT(text.view(), "");
  ck_assert(text.assign(""));
  copy = text;
  ck_assert(copy.empty());
}
END_TEST

START_TEST(labels) {
  auto labels = std::make_unique<PodLabels>();
  labels->add("a", "1");
  labels->add("b", "");
  labels->add("a", "2");
  CHECK_TEXT(described(*labels), "a=2 b= ");
  labels->set_cut();
  labels->clear();
  CHECK_TEXT(described(*labels), "");
  for (size_t i = 0; i < PodLabels::kLabelsMax + 1; i++)
    labels->add("key-" + std::to_string(i), "v");
  ck_assert(labels->cut());
  ck_assert_uint_eq(labels->size(), PodLabels::kLabelsMax);
  // Exactly as many bytes as there is room for.
  labels->clear();
  std::string half(PodLabels::kBytesMax / 2 - 1, 'x');
  labels->add("a", half);
  labels->add("b", half);
  ck_assert(!labels->cut());
  ck_assert_uint_eq(labels->size(), 2);
  labels->add("c", "");
  labels->add("a", "y");
  ck_assert(labels->cut());
  ck_assert_uint_eq(labels->size(), 2);
  CHECK_TEXT(labels->begin()->value, half);
}
END_TEST

START_TEST(containers) {
  auto pod = std::make_unique<Pod>();
  PodContainer* a = pod->container("a");
  a->restarts = 7;
  ck_assert(pod->container("b") != a && pod->container("a") == a);
  ck_assert_uint_eq(pod->container_count, 2);
  for (size_t i = 2; i < Pod::kContainersMax; i++)
    ck_assert(pod->container(std::to_string(i)) != nullptr);
  ck_assert(!pod->cut);
  ck_assert(pod->container("one more") == nullptr && pod->cut);
  // What was there before leaves no trace.
  pod->clear();
  ck_assert(pod->container("x") == a && a->restarts == 0 && !pod->cut);
  ck_assert_uint_le(sizeof(Pod), 48 * 1024);
}
END_TEST

}  // namespace

CHECK_MAIN("pod", short_texts, labels, containers)
