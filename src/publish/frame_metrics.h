// The metrics of --interface; see catalogue.h.
#ifndef KUBEPULSE_PUBLISH_FRAME_METRICS_H
#define KUBEPULSE_PUBLISH_FRAME_METRICS_H

#include <vector>

#include "publish/catalogue.h"

namespace kubepulse {

void add_frames(std::vector<MetricFamily>& all);

}  // namespace kubepulse

#endif
