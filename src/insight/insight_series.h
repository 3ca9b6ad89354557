// Insights as series of the page. Pure.
#ifndef KUBEPULSE_INSIGHT_INSIGHT_SERIES_H
#define KUBEPULSE_INSIGHT_INSIGHT_SERIES_H

#include "insight/insight_table.h"
#include "publish/catalogue.h"

namespace kubepulse {

// Containers, mount points and resources have no label of their own: of those that would be one
// series the prediction that is most likely is told, as type="oom" or "filesystem".
ActiveInsights insight_series(const InsightTable& table);

}  // namespace kubepulse

#endif
