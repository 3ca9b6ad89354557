// The metrics of insights; see catalogue.h.
#ifndef KUBEPULSE_PUBLISH_INSIGHT_METRICS_H
#define KUBEPULSE_PUBLISH_INSIGHT_METRICS_H

#include <vector>

#include "publish/catalogue.h"

namespace kubepulse {

void add_insight_metrics(std::vector<MetricFamily>& all);

}  // namespace kubepulse

#endif
