// Whose a pod is, and what it waits for. Names, containers and bounds are in pod_list_test.cc.
#include "identity/pod_reader.h"

#include <memory>
#include <string>

#include "tests/check.h"
#include "tests/json_pieces.h"

using namespace kubepulse;  // NOLINT

namespace {

// One pod, in pieces of that size.
std::unique_ptr<PodReader> read(std::string_view text, size_t piece_bytes) {
  auto reader = std::make_unique<PodReader>();
  read_object(*reader, text, piece_bytes);
  return reader;
}

std::string described(const Pod& pod) {
  std::string out(pod.owner_kind.view());
  out += "/" + std::string(pod.owner_name.view()) + " ";
  if (pod.waiting != Pod::kNobody) {
    ck_assert_uint_lt(pod.waiting, pod.container_count);
    const PodContainer& container = pod.containers[pod.waiting];
    out += std::string(container.name.view()) + ":" + std::string(container.reason.view()) + " ";
  }
  if (!pod.unscheduled.empty()) out += "no node:" + std::string(pod.unscheduled.view()) + " ";
  if (!pod.restarts_always) out += "may end ";
  return out + "\"" + std::string(pod.message.view()) + "\"";
}

void check(const std::string& members, const std::string& want) {
  for (size_t piece_bytes : {size_t{1}, size_t{7}, size_t{4096}}) {
    std::string pod = R"({"kind":"Pod",)" + members + "}";
    CHECK_TEXT(described(read(pod, piece_bytes)->pod()), want);
  }
}

std::string owners(const std::string& elements) {
  return R"("metadata":{"name":"a","uid":"u","ownerReferences":[)" + elements + "]}";
}

START_TEST(owner) {
  check(owners(R"({"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-7d9c5b7f6d","uid":"x",)"
               R"("controller":true,"blockOwnerDeletion":true})"),
        "ReplicaSet/web-7d9c5b7f6d \"\"");
  // The one that has controller=true, wherever it is and in any order of its members.
  check(owners(R"({"kind":"ConfigMap","name":"no"},{"controller":true,"name":"db","kind":)"
               R"("StatefulSet"},{"kind":"Node","name":"n","controller":false})"),
        "StatefulSet/db \"\"");
  check(owners(R"({"kind":"ConfigMap","name":"no","controller":"true"})"), "/ \"\"");
  check(owners(""), "/ \"\"");
  check(owners(R"(null,7,{"controller":true},[{"kind":"x","controller":true}])"), "/ \"\"");
  // Twice: the later one counts.
  check(R"("metadata":{"ownerReferences":[{"kind":"Job","name":"a","controller":true}],)"
        R"("ownerReferences":[]})",
        "/ \"\"");
  // Half a name would be another's.
  check(owners(R"({"kind":"Job","controller":true,"name":")" + std::string(254, 'n') + "\"}"),
        "Job/ \"\"");
  check(owners(R"({"kind":"Job","controller":true,"name":")" + std::string(253, 'n') + "\"}"),
        "Job/" + std::string(253, 'n') + " \"\"");
}
END_TEST

std::string waits(const std::string& name, const std::string& reason, const std::string& why = "") {
  return R"({"name":")" + name + R"(","state":{"waiting":{"reason":")" + reason + "\"" +
         (why.empty() ? "" : R"(,"message":")" + why + "\"") + "}}}";
}

std::string status(const std::string& containers, const std::string& more = "") {
  return R"("status":{"containerStatuses":[)" + containers + "]" + more + "}";
}

START_TEST(what_waits) {
  check(status(waits("a", "ErrImagePull", "rpc error")), "/ a:ErrImagePull \"rpc error\"");
  check(status(waits("a", "ContainerCreating") + "," + waits("b", "ContainerCreating")),
        "/ a:ContainerCreating \"\"");
  // What others only wait for explains them.
  check(status(waits("a", "PodInitializing"), R"(,"initContainerStatuses":[{"name":"first",)"
                                              R"("state":{"terminated":{"exitCode":0}}},)" +
                                                  waits("second", "CrashLoopBackOff", "back-off") +
                                                  "," + waits("third", "PodInitializing") + "]"),
        "/ second:CrashLoopBackOff \"back-off\"");
  check(status(waits("a", "ImagePullBackOff", "A") + "," + waits("b", "ErrImagePull", "B")),
        "/ a:ImagePullBackOff \"A\"");
  check(status(waits("a", "", "A") + "," + waits("b", "ErrImagePull", "B")),
        "/ b:ErrImagePull \"B\"");
  check(
      status("", R"(,"ephemeralContainerStatuses":[)" + waits("debug", "ErrImagePull", "B") + "]"),
      "/ \"\"");
  check(status(R"({"name":"a","state":{"running":{}}},{"name":"b","state":{"terminated":)"
               R"({"reason":"Error","message":"no"}},"lastState":{"waiting":{"reason":"no"}}})"),
        "/ \"\"");
  // Told twice: the later one counts.
  check(status(waits("a", "ErrImagePull", "A") + R"(,{"name":"a","state":{"running":{}}})"),
        "/ \"\"");
  check(status(waits("a", "ErrImagePull", "A") + "," + waits("a", "ImagePullBackOff", "B")),
        "/ a:ImagePullBackOff \"B\"");
  // A message of a state that is none of it.
  check(status(R"({"name":"a","state":{"waiting":{"reason":"X","message":{"message":"no"}}}})"),
        "/ a:X \"\"");
  std::string euro = "\xE2\x82\xAC";
  check(status(waits("a", "X", std::string(255, 'm') + euro)),
        "/ a:X \"" + std::string(127, 'm') + "..." + std::string(123, 'm') + euro + "\"");
}
END_TEST

START_TEST(no_node) {
  std::string conditions = R"("conditions":[{"type":"Ready","status":"False","reason":"no",)"
                           R"("message":"no"},{"message":"0/3 nodes are available","type":)"
                           R"("PodScheduled","reason":"Unschedulable","status":"False"}])";
  const std::string want = "no node:Unschedulable \"0/3 nodes are available\"";
  check("\"status\":{" + conditions + "}", "/ " + want);
  // The scheduler's word counts, whoever comes first.
  check(status(waits("a", "X", "A"), "," + conditions), "/ a:X " + want);
  check("\"status\":{" + conditions + R"(,"containerStatuses":[)" + waits("a", "X", "A") + "]}",
        "/ a:X " + want);
  check(R"("status":{"conditions":[{"type":"PodScheduled","status":"True","reason":"x",)"
        R"("message":"no"},{"type":"Initialized","status":"False","reason":"ContainersNot"}]})",
        "/ \"\"");
  check(R"("status":{"conditions":[{"type":"PodScheduled","status":"False"},null,"x"]})", "/ \"\"");
  check("\"status\":{" + conditions + R"(,"conditions":[]})", "/ \"\"");
}
END_TEST

START_TEST(restart_policy) {
  check(R"("spec":{"restartPolicy":"Always","containers":[]})", "/ \"\"");
  for (const char* policy : {"Never", "OnFailure"})
    check(R"("spec":{"initContainers":[{"name":"s","restartPolicy":"Always"}],"restartPolicy":")" +
              std::string(policy) + "\"}",
          "/ may end \"\"");
}
END_TEST

START_TEST(last_end) {
  auto reader = read(
      R"({"status":{"containerStatuses":[{"name":"a","lastState":{"terminated":{"exitCode":)"
      R"(137,"reason":"OOMKilled","containerID":"x://y"}},"state":{"terminated":)"
      R"({"exitCode":1,"reason":"Error"}}},{"name":"b","lastState":{},"state":{"running":{}}},)"
      R"({"name":"c","lastState":{"terminated":{"exitCode":"1","reason":null}}}]}})",
      9);
  const Pod& pod = reader->pod();
  ck_assert_uint_eq(pod.container_count, 3);
  const PodContainer &a = pod.containers[0], &b = pod.containers[1], &c = pod.containers[2];
  ck_assert(a.has_last && !b.has_last && c.has_last);
  ck_assert_int_eq(a.last_exit_code, 137);
  ck_assert_int_eq(a.exit_code, 1);
  CHECK_TEXT(a.last_reason.view(), "OOMKilled");
  CHECK_TEXT(a.reason.view(), "Error");
  ck_assert(c.last_reason.empty() && c.last_exit_code == 0);
  ck_assert_uint_lt(sizeof(PodReader), 64 * 1024 - 2 * JsonReader::kTextBytesMax);
}
END_TEST

START_TEST(nothing_is_left_of_the_last_one) {
  auto reader = read("{" + owners(R"({"kind":"Job","name":"j","controller":true})") + "," +
                         status(waits("a", "X", "A")) + R"(,"spec":{"restartPolicy":"Never"}})",
                     4096);
  CHECK_TEXT(described(reader->pod()), "Job/j a:X may end \"A\"");
  reader->begin();
  CHECK_TEXT(described(reader->pod()), "/ \"\"");
}
END_TEST

}  // namespace

CHECK_MAIN("pod_reader", owner, what_waits, no_node, restart_policy, last_end,
           nothing_is_left_of_the_last_one)
