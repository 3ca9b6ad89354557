// What a person has asked for by keys: how it is sorted, whether it stands still. Pure.
#ifndef KUBEPULSE_TOP_CONTROLS_H
#define KUBEPULSE_TOP_CONTROLS_H

#include <cstdint>
#include <string>
#include <string_view>

namespace kubepulse {

enum class SortBy : uint8_t {
  bytes,
  connections,
  failures,
  p50,
  p95,
  dns,
  nxdomain,
  received,
  sent,
  drops,
  retransmits,
  rtt,
  name
};

struct SortKey {
  char key;
  SortBy by;
  const char* name;  // of --sort and of the help
};
// All of them, in the order of SortBy.
constexpr SortKey kSortKeys[] = {
    {'b', SortBy::bytes, "bytes"},
    {'c', SortBy::connections, "connections"},
    {'f', SortBy::failures, "failures"},
    {'5', SortBy::p50, "p50"},
    {'9', SortBy::p95, "p95"},
    {'d', SortBy::dns, "dns"},
    {'n', SortBy::nxdomain, "nxdomain"},
    {'i', SortBy::received, "in"},
    {'o', SortBy::sent, "out"},
    {'p', SortBy::drops, "drops"},
    {'t', SortBy::retransmits, "retransmits"},
    {'l', SortBy::rtt, "rtt"},
    {'a', SortBy::name, "name"},
};

struct Controls {
  SortBy sort = SortBy::bytes;  // the busiest first, names in their order
  bool reverse = false;
  bool paused = false;
  bool help = false;

  enum class Effect { none, redraw, quit };
  // A byte from the terminal: what follows an escape (arrow keys and their like) is passed over.
  Effect press(char key);

 private:
  enum class Escape : uint8_t { none, begun, sequence };
  Escape escape_ = Escape::none;
};

const char* sort_name(SortBy by);
// False where it is no name of one.
bool set_sort(SortBy& by, std::string_view name);
// "bytes, connections, ... or name"
std::string sort_names();

}  // namespace kubepulse

#endif
