#include "identity/pod_list.h"

#include <memory>
#include <string>
#include <vector>

#include "tests/check.h"
#include "tests/test_data.h"

using namespace kubepulse;  // NOLINT

namespace {

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

std::string described(const PodContainer& container) {
  static const char* const kinds[] = {"", "init ", "sidecar ", "ephemeral "};
  static const char* const states[] = {"unknown", "waiting", "running", "terminated"};
  std::string out = "\n  " + std::string(kinds[static_cast<int>(container.kind)]);
  out += container.name.view();
  out += " " + std::string(container.id.view().substr(0, 6));
  if (!container.last_id.empty()) out += "<" + std::string(container.last_id.view().substr(0, 6));
  out += " " + std::string(states[static_cast<int>(container.state)]);
  if (!container.reason.empty()) out += ":" + std::string(container.reason.view());
  if (container.state == PodContainer::State::terminated) {
    out += "(" + std::to_string(container.exit_code) + ")";
  }
  out += " x" + std::to_string(container.restarts);
  if (container.ready) out += " ready";
  return out;
}

std::string described(const Pod& pod) {
  static const char* const phases[] = {"unknown", "pending", "running", "succeeded", "failed"};
  static const char* const classes[] = {"unknown", "guaranteed", "burstable", "best_effort"};
  std::string out = std::string(pod.ns.view()) + "/" + std::string(pod.name.view());
  out += " " + std::string(pod.uid.view());
  if (!pod.static_uid.empty()) out += " static:" + std::string(pod.static_uid.view());
  out += " " + std::string(phases[static_cast<int>(pod.phase)]);
  out += " " + std::string(classes[static_cast<int>(pod.qos)]);
  for (size_t i = 0; i < pod.address_count; i++)
    out += " " + std::string(pod.addresses[i].view());
  if (pod.host_network) out += " host_network";
  if (pod.deleting) out += " deleting";
  if (pod.cut) out += " cut";
  for (const Label& label : pod.labels)
    out += " " + std::string(label.key) + "=" + std::string(label.value);
  if (pod.labels.cut()) out += " labels_cut";
  for (size_t i = 0; i < pod.container_count; i++)
    out += described(pod.containers[i]);
  return out + "\n";
}

std::string pods_of(std::string_view document, size_t piece_bytes = 1 << 20) {
  std::string out;
  PodListReader reader([&](const Pod& pod) { out += described(pod); });
  Status status;
  for (size_t at = 0; at < document.size() && status.ok(); at += piece_bytes) {
    std::string_view piece = document.substr(at, piece_bytes);
    std::vector<char> held(piece.begin(), piece.end());
    status = reader.feed({held.data(), held.size()});
  }
  if (status.ok()) status = reader.finish();
  Status again = reader.finish();
  ck_assert(again.ok() == status.ok());
  if (reader.nameless() > 0) out += "nameless " + std::to_string(reader.nameless()) + "\n";
  return status.ok() ? out : out + "! " + status.message();
}

std::string list(const std::string& items) {
  return R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)" + items + "]}";
}

std::string pod(const std::string& more, const std::string& metadata = "") {
  return R"({"metadata":{"name":"web","namespace":"shop","uid":"u1")" + metadata + "}" + more + "}";
}

void check_pods(const std::string& document, const std::string& want) {
  for (size_t bytes : {1, 2, 3, 5, 16, 100, 1 << 20})
    CHECK_TEXT(pods_of(document, bytes), want);
}

START_TEST(real_kubelet_with_api) {
  check_pods(
      test_data("kubelet/systemd-api/pods.json"),
      "batch/crash a09eae3d-38cc-4b95-ad39-3b8ea6dd56ca running best_effort 10.244.0.2 app=crash\n"
      "  crash 331370<b696a0 terminated:Error(3) x2\n"
      "payments/db d6a1bee6-f61c-44c0-a9f0-e339d704da3d running guaranteed 10.244.0.3 app=db\n"
      "  db 316bb9 running x0 ready\n"
      "default/host 7fe468a7-213b-4c65-90ba-4d1388fbf955 running best_effort 10.0.0.10 "
      "host_network app=host\n"
      "  host ac19ac running x0 ready\n"
      "  priv 2c47ed running x0 ready\n"
      "shop/web ce4de524-6411-48af-85eb-70ce2c956d82 running burstable 10.244.0.4 app=web "
      "app.kubernetes.io/name=web tier=front\n"
      "  init setup 5aac4f terminated:Completed(0) x0 ready\n"
      "  sidecar mesh 09dbc9 running x0 ready\n"
      "  web 2f99bf running x0 ready\n"
      "  logger d80f7e running x0 ready\n"
      "kube-system/static-rig-node 6d5ded598bf237f5dbe336873c1b84ba "
      "static:6d5ded598bf237f5dbe336873c1b84ba running best_effort 10.0.0.10 host_network "
      "app=static\n"
      "  static 0d03a0 running x0 ready\n");
}
END_TEST

START_TEST(real_kubelet_of_2020) {
  check_pods(test_data("kubelet/kubelet-1.20-systemd-v1/pods.json"),
             "batch/crash-rig-node 1f6724e6844ded1a5d85a8736a0dbf70 "
             "static:1f6724e6844ded1a5d85a8736a0dbf70 running best_effort 10.244.0.4 app=crash\n"
             "  crash 6b3af2<e6ab7c terminated:Error(3) x1\n"
             "payments/db-rig-node c0ffee00-1111-4222-8333-944445555566 "
             "static:c0ffee00-1111-4222-8333-944445555566 running guaranteed 10.244.0.2 app=db\n"
             "  db 9fd786 running x0 ready\n"
             "default/host-rig-node ecf9f399c883b48460d1e57f339d07da "
             "static:ecf9f399c883b48460d1e57f339d07da running best_effort host_network app=host\n"
             "  host 13c158 running x0 ready\n"
             "  priv fc7057 running x0 ready\n"
             "shop/web-rig-node 5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41 "
             "static:5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41 running burstable 10.244.0.3 app=web "
             "app.kubernetes.io/name=web tier=front\n"
             "  init setup c1317d terminated:Completed(0) x0 ready\n"
             "  web 57cf62 running x0 ready\n"
             "  logger a601e2 running x0 ready\n");
}
END_TEST

START_TEST(every_real_kubelet) {
  for (const char* config : {"cgroupfs", "cgroupfs-v1", "systemd", "systemd-crun"}) {
    std::string document = test_data("kubelet/" + std::string(config) + "/pods.json");
    std::string got = pods_of(document);
    for (const char* each :
         {"batch/crash-rig-node",
          "payments/db-rig-node c0ffee00-1111-4222-8333-944445555566 static:c0ffee00", "guaranteed",
          "default/host-rig-node", "host_network", "shop/web-rig-node", "\n  sidecar mesh ",
          "\n  init setup ", "\n  logger ", "app=web"})
      ck_assert_msg(got.find(each) != std::string::npos, "%s: %s: %s", config, each, got.c_str());
    // However it ends too early, it is an error.
    for (size_t bytes = 0; bytes < document.size() - 1; bytes += 97)
      ck_assert(pods_of(document.substr(0, bytes)).find("! the list of pods: byte ") !=
                std::string::npos);
  }
}
END_TEST

START_TEST(members_in_any_order) {
  std::string statuses =
      R"("status":{"containerStatuses":[{"containerID":"containerd://)" ID
      R"(","state":{"running":{}},"name":"a","ready":true},{"name":"i","ready":false}],)"
      R"("initContainerStatuses":[{"name":"s","restartCount":2}],"phase":"Running"})";
  std::string spec = R"("spec":{"initContainers":[{"restartPolicy":"Always","name":"s"}],)"
                     R"("containers":[{"name":"a","image":"x"},{"name":"i"}]})";
  std::string metadata = R"("metadata":{"uid":"u1","namespace":"shop","name":"web"})";
  std::string want_status_first =
      "shop/web u1 running unknown\n  a 012345 running x0 ready\n  i  unknown x0\n  sidecar s  "
      "unknown x2\n";
  check_pods(R"({"items":[{)" + statuses + "," + spec + "," + metadata +
                 R"(}],"apiVersion":"v1","kind":"PodList"})",
             want_status_first);
  check_pods(list("{" + spec + "," + metadata + "," + statuses + "}"),
             "shop/web u1 running unknown\n  sidecar s  unknown x2\n  a 012345 running x0 ready\n  "
             "i  unknown x0\n");
}
END_TEST

START_TEST(odd_members) {
  check_pods(list(""), "");
  check_pods(R"({"kind":"PodList","apiVersion":"v1","items":null})", "");
  check_pods(R"({"kind":"PodList"})", "");
  check_pods(list("null,1,\"x\",[{}]," + pod("")), "shop/web u1 unknown unknown\n");
  check_pods(list("{},{\"metadata\":null}," + pod("")),
             "shop/web u1 unknown unknown\nnameless 2\n");
  check_pods(list(R"({"metadata":{"name":"a","uid":"b"}})"), "default/a b unknown unknown\n");
  // Wrong types, unknown members, twice: the later one counts.
  check_pods(
      list(pod(
          R"(,"spec":[1,{"containers":[]}],"spec":{"hostNetwork":"true","containers":{"name":"x"}},)"
          R"("extra":{"metadata":{"name":"no"}},"status":{"phase":7,"podIPs":["x",{"ip":4}],)"
          R"("containerStatuses":[null,"x",true,{"name":null},{"name":["y"]},{"state":{"running":{}}}]})",
          R"(,"labels":{"a":"b","c":null},"labels":{"d":1,"e":"f","e":"g"},"name":"two","ns":{"name":"x"})")),
      "shop/two u1 unknown unknown e=g\n");
  check_pods(list(pod("", R"(,"deletionTimestamp":null)")), "shop/web u1 unknown unknown\n");
  check_pods(list(pod("", R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")")),
             "shop/web u1 unknown unknown deleting\n");
}
END_TEST

START_TEST(container_states) {
  auto status = [](const std::string& members) {
    return list(pod(R"(,"status":{"containerStatuses":[{"name":"a",)" + members + "}]}"));
  };
  std::string head = "shop/web u1 unknown unknown\n  a ";
  check_pods(
      status(R"("state":{"waiting":{"message":"m","reason":"ErrImagePull"}},"containerID":"")"),
      head + " waiting:ErrImagePull x0\n");
  check_pods(
      status(
          R"("state":{"terminated":{"exitCode":-1,"reason":"OOMKilled","containerID":"docker://)" ID
          R"("}})"),
      head + "012345 terminated:OOMKilled(-1) x0\n");
  check_pods(
      status(
          R"("containerID":"cri-o://)" ID
          R"(","lastState":{"terminated":{"exitCode":3,"reason":"Error","containerID":"cri-o://)" ID2
          R"("}},"restartCount":12,"state":{"running":{"startedAt":"x"}})"),
      head + "012345<ffff45 running x12\n");
  check_pods(status(R"("containerID":")" ID R"(","lastState":{"terminated":{"containerID":"x://)" ID
                    R"("}},"restartCount":99999999999)"),
             head + "012345 unknown x0\n");
  check_pods(status(R"("state":null,"lastState":null,"containerID":"x://)" ID ID R"(")"),
             head + " unknown x0\n");
  check_pods(status(R"("state":{"running":{}},"restartCount":1.5,"ready":null)"),
             head + " running x0\n");
}
END_TEST

START_TEST(static_pods) {
#define HASH "48bf1ded8cdd6337d986ce766ed35a34"
  auto annotated = [](const std::string& annotations) {
    return list(pod("", ",\"annotations\":{" + annotations + "}"));
  };
  const std::string with = "shop/web u1 static:" HASH " unknown unknown\n",
                    without = "shop/web u1 unknown unknown\n";
  check_pods(annotated(R"("kubernetes.io/config.hash":")" HASH
                       R"(","kubernetes.io/config.source":"file")"),
             with);
  check_pods(annotated(R"("kubernetes.io/config.source":"http","kubernetes.io/config.hash":")" HASH
                       R"(")"),
             with);
  check_pods(annotated(R"("kubernetes.io/config.mirror":")" HASH
                       R"(","kubernetes.io/config.source":"api")"),
             with);
  // What a user may write into a pod of the API takes nobody's place.
  check_pods(
      annotated(R"("kubernetes.io/config.hash":")" HASH R"(","kubernetes.io/config.source":"api")"),
      without);
  check_pods(annotated(R"("kubernetes.io/config.hash":")" HASH R"(")"), without);
}
END_TEST

START_TEST(addresses) {
  check_pods(
      list(pod(
          R"(,"status":{"podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"},{"ip":"10.9.9.9"}]})")),
      "shop/web u1 unknown unknown 10.0.0.1 fd00::1\n");
}
END_TEST

START_TEST(bounds) {
  std::string containers, labels;
  for (int i = 0; i < 80; i++) {
    containers += (i > 0 ? ",{\"name\":\"c" : "{\"name\":\"c") + std::to_string(i) + "\"}";
    labels +=
        (i > 0 ? ",\"l" : "\"l") + std::to_string(i) + "\":\"" + std::string(i % 60, 'v') + "\"";
  }
  std::string document =
      list(pod(",\"spec\":{\"containers\":[" + containers + "]}", ",\"labels\":{" + labels + "}") +
           "," + pod(""));
  std::string got = pods_of(document, 100);
  ck_assert(got.find(" cut ") != std::string::npos && got.find(" labels_cut") != std::string::npos);
  ck_assert(got.find("\n  c63 ") != std::string::npos && got.find("\n  c64 ") == std::string::npos);
  ck_assert(got.find(" l63=") != std::string::npos && got.find(" l64=") == std::string::npos);
  // The next pod knows nothing of it.
  ck_assert(got.find("\nshop/web u1 unknown unknown\n") != std::string::npos);

  labels.clear();
  for (int i = 0; i < 40; i++)
    labels +=
        (i > 0 ? ",\"l" : "\"l") + std::to_string(i) + "\":\"" + std::string(1000, 'v') + "\"";
  got = pods_of(list(pod("", ",\"labels\":{" + labels + "}")));
  ck_assert(got.find(" l15=") != std::string::npos && got.find(" l16=") == std::string::npos);
  ck_assert(got.find(" labels_cut") != std::string::npos);
  // A label that is too long is left out, and the others stay.
  check_pods(list(pod("", R"(,"labels":{"a":"b",")" + std::string(600, 'k') + R"(":"v","c":")" +
                              std::string(2000, 'v') + R"(","d":"e"})")),
             "shop/web u1 unknown unknown a=b d=e labels_cut\n");
  got = pods_of(list(R"({"metadata":{"name":")" + std::string(300, 'n') + R"(","uid":"u"}})"));
  CHECK_TEXT(got, "default/" + std::string(253, 'n') + " u unknown unknown cut\n");
  ck_assert_uint_lt(sizeof(PodListReader) + 2 * JsonReader::kTextBytesMax, 65536);
}
END_TEST

START_TEST(errors) {
  check_pods(
      R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods is forbidden","code":403})",
      "! a \"Status\", not a PodList: pods is forbidden");
  check_pods(R"({"kind":"Status","items":[)" + pod("") + "]}", "! a \"Status\", not a PodList");
  check_pods(R"({"kind":"PodList","apiVersion":"v2"})",
             "! a \"PodList\" of version \"v2\", not v1");
  check_pods("{}", "! an object without a kind, not a PodList");
  check_pods(R"({"items":[)" + pod("") + "]}",
             "shop/web u1 unknown unknown\n! an object without a kind, not a PodList");
  for (const char* document : {"[]", "\"x\"", "null", "1", "[{\"kind\":\"PodList\"}]"})
    check_pods(document, "! not an object, so not a PodList");
  check_pods("Unauthorized", "! the list of pods: byte 0: a value was expected");
  check_pods("", "! the list of pods: byte 0: the document ends too early");
  check_pods(list(pod("") + ",").substr(0, 140),
             "shop/web u1 unknown unknown\n! the list of pods: byte 117: a value was expected");
  check_pods(list("") + list(""),
             "! the list of pods: byte 61: the document has ended, and more follows");
  std::string deep =
      list(pod(",\"spec\":{\"a\":" + std::string(80, '[') + std::string(80, ']') + "}"));
  ck_assert(pods_of(deep).find(": nested too deep") != std::string::npos);
}
END_TEST

}  // namespace

CHECK_MAIN("pod_list", real_kubelet_with_api, real_kubelet_of_2020, every_real_kubelet,
           members_in_any_order, odd_members, container_states, static_pods, addresses, bounds,
           errors)
