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
#include "publish/http_response.h"
#include "publish/page.h"
#include "publish/store.h"

namespace kubepulse {

class Exposition {
 public:
  // Neither is owned; both outlive the pages.
  Exposition(const Workloads& workloads, const Store& store, std::string_view node);

  // A page of what is counted, read as it is sent. `done` is told how long its writing took,
  // without the waiting in between, when it has been written whole.
  std::unique_ptr<HttpBody> page(PageFormat format, DaemonFacts facts,
                                 std::function<void(uint64_t duration_ns)> done);

 private:
  class Body;

  // `namespace="..",pod="..",node=".."`, made once for each workload.
  std::string_view labels_of(Workloads::Index index);

  struct Cached {
    uint64_t serial = 0;
    std::string labels;
  };

  const Workloads& workloads_;
  const Store& store_;
  std::string node_label_;  // `node=".."`
  std::vector<Cached> cached_;
};

}  // namespace kubepulse

#endif
