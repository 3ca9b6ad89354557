// The metrics of flows and peers, for the catalogue.
#ifndef KUBEPULSE_PUBLISH_FLOW_METRICS_H
#define KUBEPULSE_PUBLISH_FLOW_METRICS_H

#include <vector>

#include "publish/catalogue.h"

namespace kubepulse {

void add_flow_metrics(std::vector<MetricFamily>& all);

}  // namespace kubepulse

#endif
