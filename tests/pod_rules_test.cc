#include "insight/pod_rules.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

using Phase = PodFacts::Phase;

// Which of the rules speak, each by its letter.
std::string spoken(const PodFacts& facts) {
  std::string out;
  if (pod_pending(facts, false)) out += 'p';
  if (pod_not_ready(facts, false)) out += 'r';
  if (image_pull(facts, false)) out += 'i';
  return out;
}

PodFacts pod(Phase phase, unsigned containers, unsigned ready, std::string_view reason = "") {
  PodFacts facts;
  facts.phase = phase;
  facts.containers = containers;
  facts.ready = ready;
  facts.waiting_reason = reason;
  facts.waiting_container = reason.empty() ? "" : "app";
  return facts;
}

START_TEST(one_by_one) {
  CHECK_TEXT(spoken(PodFacts()), "");
  CHECK_TEXT(spoken(pod(Phase::pending, 1, 0)), "p");
  CHECK_TEXT(spoken(pod(Phase::pending, 1, 0, "ContainerCreating")), "p");
  CHECK_TEXT(spoken(pod(Phase::pending, 1, 0, "ErrImagePull")), "i");
  CHECK_TEXT(spoken(pod(Phase::pending, 1, 0, "ImagePullBackOff")), "i");
  CHECK_TEXT(spoken(pod(Phase::pending, 1, 0, "InvalidImageName")), "i");
  CHECK_TEXT(spoken(pod(Phase::running, 1, 1)), "");
  CHECK_TEXT(spoken(pod(Phase::running, 2, 1)), "r");
  CHECK_TEXT(spoken(pod(Phase::running, 2, 1, "ErrImagePull")), "ri");
  CHECK_TEXT(spoken(pod(Phase::running, 0, 0)), "");
  CHECK_TEXT(spoken(pod(Phase::succeeded, 1, 0)), "");
  CHECK_TEXT(spoken(pod(Phase::failed, 1, 0)), "");
  CHECK_TEXT(spoken(pod(Phase::unknown, 1, 0)), "");
  for (Phase phase : {Phase::pending, Phase::running}) {
    PodFacts going = pod(phase, 2, 0, "ErrImagePull");
    going.deleting = true;
    CHECK_TEXT(spoken(going), "");
  }
  for (Phase phase : {Phase::unknown, Phase::succeeded, Phase::failed})
    CHECK_TEXT(spoken(pod(phase, 1, 0, "ErrImagePull")), "");
}
END_TEST

START_TEST(what_they_say) {
  PodFacts facts = pod(Phase::running, 3, 1, "ErrImagePull");
  CHECK_TEXT(image_pull(facts, false)->object, "app");
  CHECK_TEXT(image_pull(facts, false)->reason, "ErrImagePull");
  facts.message = "ErrImagePull: no such host";
  CHECK_TEXT(image_pull(facts, false)->reason, "ErrImagePull: no such host");
  ck_assert_double_eq(pod_not_ready(facts, false)->evidence.find("ready")->value, 1);
  ck_assert(pod_not_ready(facts, false)->severity == Severity::warning);
  facts.ready = 0;
  ck_assert(pod_not_ready(facts, false)->severity == Severity::critical);
  facts = pod(Phase::pending, 1, 0);
  facts.message = "0/3 nodes are available";
  CHECK_TEXT(pod_pending(facts, false)->reason, "0/3 nodes are available");
}
END_TEST

}  // namespace

CHECK_MAIN("pod_rules", one_by_one, what_they_say)
