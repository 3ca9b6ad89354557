// Lists in any succession, against a plain model of what has to be known: every byte is a step.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "identity/pod_table.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

std::string id_of(unsigned number) {
  return std::string(63, 'a') + "0123456789abcdef"[number % 16];
}
std::string uid_of(unsigned number) {
  return "uid-" + std::to_string(number % 8);
}

// Of a pod: until when it has to be known.
struct Known {
  std::string name;
  uint64_t until_ns = 0;
};

void check(const PodTable& table, const std::map<std::string, Known>& known, size_t listed,
           uint64_t now_ns) {
  require(table.pods() == listed);
  size_t counted = 0;
  table.each_namespace([&counted](std::string_view, size_t pods) { counted += pods; });
  require(counted == listed);
  // Each pod as it was added, or kept: number N has N / 8 containers to run, the first is ready,
  // and the last waits.
  size_t told = 0, containers = 0, counted_containers = 0;
  table.each_pod([&](const PodStatus& status) {
    require(status.index == told++);
    require(status.pod == "pod-" + std::to_string(status.containers));
    require(status.ready == (status.containers > 0 ? 1 : 0));
    require(status.waiting_container ==
            (status.containers > 0 ? "s" + std::to_string(status.containers - 1) : ""));
    require(status.waiting_reason == (status.containers > 0 ? status.pod : ""));
    require(status.owner_name == status.pod && status.message == status.uid);
    containers += status.containers;
  });
  require(told == listed);
  table.each_container([&](const ContainerStatus& status) {
    counted_containers += status.kind == PodContainer::Kind::regular;
    require(status.pod_index < listed);
    require(!status.last_exit_code || status.last_reason == "Error");
  });
  require(counted_containers == containers);
  for (unsigned number = 0; number < 8; number++) {
    std::optional<PodName> name = table.find(uid_of(number), "");
    auto want = known.find(uid_of(number));
    bool is_known = want != known.end() && want->second.until_ns > now_ns;
    require(name.has_value() == is_known);
    if (is_known) require(name->pod == want->second.name && name->container.empty());
  }
  for (unsigned number = 0; number < 16; number++) {
    std::optional<PodName> name = table.find("", id_of(number));
    if (name) require(name->container == "c" + std::to_string(number) && !name->pod.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  PodTable table;
  auto pod = std::make_unique<Pod>();
  std::map<std::string, Known> known;
  std::map<std::string, std::string> listed;
  uint64_t now_ns = 1;
  table.begin();
  for (size_t i = 0; i < size; i++) {
    unsigned value = data[i] & 0x3F;
    switch (data[i] >> 6) {
      case 0: {
        std::string uid = uid_of(value);
        std::string name = "pod-" + std::to_string(value / 8);
        pod->clear();
        pod->ns.assign(value % 2 == 0 ? "even" : "odd");
        pod->name.assign(name);
        pod->uid.assign(uid);
        pod->owner_name.assign(name);
        pod->message.assign(uid);
        for (unsigned c = 0; c < value / 8; c++) {
          PodContainer* container = pod->container("s" + std::to_string(c));
          container->ready = c == 0;
          container->state = PodContainer::State::waiting;
          container->reason.assign(name);
          pod->waiting = static_cast<uint8_t>(c);
        }
        for (unsigned c = value / 8; c < 16; c += 5) {
          PodContainer* container = pod->container("c" + std::to_string(c));
          container->id.assign(id_of(c));
          container->kind = PodContainer::Kind::init;
          container->has_last = c % 2 == 0;
          if (container->has_last) container->last_reason.assign("Error");
        }
        table.add(*pod);
        listed.emplace(uid, name);
        break;
      }
      case 1:
        if (value < 32) {
          table.drop();
          listed.clear();
        } else {
          auto held = known.find(uid_of(value));
          bool is_listed = held != known.end() && held->second.until_ns == UINT64_MAX;
          require(table.keep(uid_of(value)) == is_listed);
          if (is_listed) listed.emplace(held->first, held->second.name);
        }
        break;
      case 2:
        now_ns += value * (PodTable::kGoneKeptNs / 8);
        break;
      default:
        // Their time runs from the first list without them.
        for (auto& [uid, entry] : known) {
          if (entry.until_ns == UINT64_MAX) entry.until_ns = now_ns + PodTable::kGoneKeptNs;
        }
        for (const auto& [uid, name] : listed)
          known[uid] = {name, UINT64_MAX};
        table.commit(now_ns);
        check(table, known, listed.size(), now_ns);
        listed.clear();
    }
  }
  return 0;
}
