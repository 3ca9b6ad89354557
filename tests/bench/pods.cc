// What it costs to read a kubelet's answer and to fill the table of pods from it.
//   pods PODS BYTES-OF-A-POD      prints "read BYTES in MS, table KIB"; the best of 7 runs
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "base/clock.h"
#include "identity/pod_list.h"
#include "identity/pod_table.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr size_t kPieceBytes = 16384;  // about what a TLS record brings

std::string text_of(const char* path) {
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// A list of `pods` copies of the real pod shop/web, each filled up with its own managedFields.
std::string answer_of(unsigned pods, size_t pod_bytes) {
  std::string real = text_of("tests/data/kubelet/systemd-api/pods.json");
  size_t begin = real.find(R"({"metadata":{"name":"web","namespace":"shop")");
  size_t end = real.find(R"({"metadata":{"name")", begin + 1);
  if (begin == std::string::npos) return {};
  std::string pod =
      real.substr(begin, (end == std::string::npos ? real.size() - 2 : end - 1) - begin);
  size_t fields = pod.find("\"managedFields\":[") + strlen("\"managedFields\":[");
  std::string field = pod.substr(fields, pod.find("}],\"", pod.find("\"fieldsV1\"")) + 1 - fields);
  while (pod.size() + field.size() < pod_bytes)
    pod.insert(fields, field + ",");
  std::string out = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)";
  for (unsigned i = 0; i < pods; i++) {
    char number[16];
    snprintf(number, sizeof number, "%08x", i);
    std::string copy = pod;
    replace(copy, "ce4de524", number);
    // Each container of each pod has another id.
    for (size_t at = 0; (at = copy.find("containerd://", at + 1)) != std::string::npos;)
      copy.replace(at + strlen("containerd://"), 8, number);
    out += (i > 0 ? "," : "") + copy;
  }
  return out + "]}";
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  std::string answer =
      answer_of(static_cast<unsigned>(atoi(arguments[1])), static_cast<size_t>(atoi(arguments[2])));
  uint64_t best_ns = UINT64_MAX;
  size_t bytes = 0;
  for (int run = 0; run < 7; run++) {
    PodTable table;
    uint64_t begun_ns = monotonic_ns();
    table.begin();
    PodListReader reader([&table](const Pod& pod) { table.add(pod); });
    Status status;
    for (size_t at = 0; at < answer.size() && status.ok(); at += kPieceBytes)
      status = reader.feed(std::string_view(answer).substr(at, kPieceBytes));
    if (status.ok()) status = reader.finish();
    if (!status.ok()) {
      fprintf(stderr, "%s\n", status.message().c_str());
      return 1;
    }
    table.commit(begun_ns);
    best_ns = std::min(best_ns, monotonic_ns() - begun_ns);
    bytes = table.bytes();
    if (table.pods() != static_cast<size_t>(atoi(arguments[1]))) return 1;
  }
  printf("read %zu in %.2f, table %zu\n", answer.size(), static_cast<double>(best_ns) / kNsPerMs,
         bytes / 1024);
}
