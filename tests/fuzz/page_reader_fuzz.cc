// However a page is cut into pieces, the same is read of it; and whatever it says, what is shown of
// it is as wide as it may be, and cannot steer the terminal.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "client/page_reader.h"
#include "top/report_json.h"
#include "top/snapshot.h"
#include "top/view.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

std::string read(std::string_view page, size_t step, Snapshot& snapshot) {
  std::string told;
  PageReader reader([&](const PageSample& sample) {
    told.append(sample.name).append(1, '\0').append(sample.labels).append(1, '\0');
    told.append(sample.value).append(1, '\0');
    snapshot.take(sample);
  });
  for (size_t at = 0; at < page.size(); at += step)
    reader.feed(page.substr(at, step));
  reader.finish();
  return told + std::to_string(reader.bad_lines());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view page(reinterpret_cast<const char*>(data), size);
  Snapshot whole, pieces, half;
  std::string told = read(page, size == 0 ? 1 : size, whole);
  require(read(page, 7, pieces) == told);
  read(page.substr(0, size / 2), 64, half);
  Growth growth = compare(half, whole, 1);
  for (const RowGrowth& row : growth.workloads)
    for (double value : row.grown)
      require(value >= kNothing);
  View view;
  view.growth = &growth;
  view.controls.sort = static_cast<SortBy>(size % 13);
  for (const ScreenLine& line : screen_lines(view, 20 + size % 100, size % 40)) {
    require(line.text.size() <= 20 + size % 100);
    for (char c : line.text)
      require(c >= 0x20 && c < 0x7F);
  }
  require(report_json(view, 0).find('\n') + 1 == report_json(view, 0).size());
  return 0;
}
