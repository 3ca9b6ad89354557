// Figures as a table shows them: at most 6 characters for what is below 10^17. Pure.
#ifndef KUBEPULSE_TOP_FIGURE_TEXT_H
#define KUBEPULSE_TOP_FIGURE_TEXT_H

#include <string>
#include <string_view>

namespace kubepulse {

struct FigureText {
  char text[24];
};

// "0", "0.25", "7.5", "123", "12.3k", "1.23M"
FigureText rate_text(double per_second);
// Powers of 1024: "0", "512", "1.5K", "12.3M"
FigureText bytes_text(double bytes);
// "85us", "1.24ms", "12.4ms", "1.5s"; "-" where it is negative: there is none
FigureText latency_text(double seconds);
// "0", "12.5", "100"; likewise
FigureText percent_text(double share);

// A name from a page may hold anything: what is not printable ASCII becomes "?", one for each
// character, so that nothing else reaches the terminal and a byte is a column.
std::string plain_name(std::string_view name);
// The first `columns` of it; a "+" at the end where it is cut.
std::string cut_name(std::string_view plain, size_t columns);

}  // namespace kubepulse

#endif
