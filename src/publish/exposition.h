// A scrape: walks the catalogue and the workloads, and writes the page piece by piece, so that no
// page ever stands in memory as a whole.
#ifndef KUBEPULSE_PUBLISH_EXPOSITION_H
#define KUBEPULSE_PUBLISH_EXPOSITION_H

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "identity/workloads.h"
#include "publish/catalogue.h"
#include "publish/flow_store.h"
#include "publish/http_response.h"
#include "publish/page.h"
#include "publish/store.h"

namespace kubepulse {

class Exposition {
 public:
  struct Sources {
    const Workloads& workloads;
    const Store& store;
    const Workloads& containers;
    const ContainerStore& container_store;
    const FlowStore* flows = nullptr;  // null: there are none
  };

  // None is owned; all outlive the pages.
  Exposition(const Sources& sources, std::string_view node);

  // A page of what is counted, read as it is sent. `done` is told how long its writing took,
  // without the waiting in between, when it has been written whole.
  std::unique_ptr<HttpBody> page(PageFormat format, DaemonFacts facts,
                                 std::function<void(uint64_t duration_ns)> done);

 private:
  class Body;

  // `namespace="..",pod="..",node=".."`, made once for each index.
  class Labels {
   public:
    Labels(const Workloads& workloads, bool with_container)
        : workloads_(workloads), with_container_(with_container) {}
    std::string_view of(Workloads::Index index, std::string_view node_label);

   private:
    struct Cached {
      uint64_t serial = 0;
      std::string text;
    };

    const Workloads& workloads_;
    bool with_container_;  // `,container=".."` behind the pod
    std::vector<Cached> cached_;
  };

  Sources sources_;
  std::string node_label_;  // `node=".."`
  Labels labels_;
  Labels container_labels_;
};

}  // namespace kubepulse

#endif
