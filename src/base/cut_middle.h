#ifndef KUBEPULSE_BASE_CUT_MIDDLE_H
#define KUBEPULSE_BASE_CUT_MIDDLE_H

#include <cstddef>
#include <string>
#include <string_view>

namespace kubepulse {

// At most `bytes_max` bytes, 4 at least: where `text` is longer, its beginning and its end, cut on
// characters, and "..." between them. Of an error that others have wrapped, the end is what went
// wrong.
std::string cut_middle(std::string_view text, size_t bytes_max);

}  // namespace kubepulse

#endif
