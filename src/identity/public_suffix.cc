#include "identity/public_suffix.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

// clang-format off
asm(".pushsection .rodata.public_suffix, \"a\"\n"
    ".globl kubepulse_public_suffix_begin, kubepulse_public_suffix_end\n"
    ".hidden kubepulse_public_suffix_begin, kubepulse_public_suffix_end\n"
    "kubepulse_public_suffix_begin:\n"
    ".incbin \"" PUBLIC_SUFFIX_FILE "\"\n"
    "kubepulse_public_suffix_end:\n"
    ".popsection\n");
// clang-format on
extern "C" {
__attribute__((visibility("hidden"))) extern const char kubepulse_public_suffix_begin[];
__attribute__((visibility("hidden"))) extern const char kubepulse_public_suffix_end[];
}

namespace kubepulse {

namespace {

// The file is libpsl's binary form of the list (https://github.com/rockdaboot/libpsl; the format is
// described in its src/psl-make-dafsa, which has it from Chromium's
// net/tools/dafsa/make_dafsa.py): a line that names the version, then a word graph, byte by byte.
//
//   graph   the links of the start, then the nodes
//   node    its label, then its links; or a label whose last byte is a value, and no links
//   label   characters, the last one with bit 0x80; 0x80 to 0x8F is no character but a value
//   links   distances of 6, 13 or 21 bits in 1, 2 or 3 bytes. Bits 0x60 of the first byte tell the
//           length, 0x80 marks the last link. The first counts from its own place, each further
//           one from the node that the link before it led to.
//
// A word is the characters along a path, without the value. No two links of a node lead to labels
// that begin alike. Non-ASCII rules are there twice, as punycode and in an escape that starts with
// 0x1F, so that no ASCII name matches it.
//
// The words are the rules without "*." and "!", the value is the sum of these. What it cannot say
// is "com" beside "*.com": libpsl writes one value for each word.
constexpr unsigned kException = 1;
constexpr unsigned kWildcard = 2;
constexpr std::string_view kHeader = ".DAFSA@PSL_0   \n";

class Graph {
 public:
  explicit Graph(std::string_view file) {
    if (file.substr(0, kHeader.size()) == kHeader) bytes_ = file.substr(kHeader.size());
    for (unsigned i = 0; i < starts_.size(); i++) {
      auto character = static_cast<char>(i);
      starts_[i] = static_cast<uint32_t>(follow(0, {&character, 1}).value_or(0));
    }
  }

  // The value of `word`; nothing where it is no word. O(length of the word), and every step checks
  // that it stays inside the graph.
  std::optional<unsigned> find(std::string_view word) const {
    if (word.empty() || first(word) >= starts_.size() || starts_[first(word)] == 0)
      return std::nullopt;
    std::optional<size_t> node = starts_[first(word)];
    for (size_t at = 0; node; node = follow(at, word)) {
      at = *node;
      for (bool last = false; !last; at++) {
        unsigned label = byte(at);
        if (is_value(label)) return word.empty() ? std::optional(label & 0x0F) : std::nullopt;
        if (word.empty() || (label & 0x7F) != first(word)) return std::nullopt;
        word.remove_prefix(1);
        last = (label & 0x80) != 0;
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr unsigned kOutside =
      0x1F;  // as a label it matches no name, as a link it ends soon

  static bool is_value(unsigned byte) { return byte >= 0x80 && byte <= 0x8F; }
  static unsigned first(std::string_view word) { return static_cast<unsigned char>(word[0]); }
  unsigned byte(size_t at) const {
    return at < bytes_.size() ? static_cast<unsigned char>(bytes_[at]) : kOutside;
  }

  // Of the links at `at` the one to the node that `word` goes on with: the label begins with its
  // first character or, where nothing is left of it, is a value.
  std::optional<size_t> follow(size_t at, std::string_view word) const {
    size_t node = at;
    while (at < bytes_.size()) {
      unsigned link = byte(at);
      switch (link & 0x60) {
        case 0x60:
          node += (link & 0x1F) << 16 | byte(at + 1) << 8 | byte(at + 2);
          at += 3;
          break;
        case 0x40:
          node += (link & 0x1F) << 8 | byte(at + 1);
          at += 2;
          break;
        default:
          node += link & 0x3F;
          at += 1;
      }
      unsigned label = byte(node);
      bool goes_on =
          word.empty() ? is_value(label) : !is_value(label) && (label & 0x7F) == first(word);
      if (goes_on) return node;
      if ((link & 0x80) != 0) break;
    }
    return std::nullopt;
  }

  std::string_view bytes_;
  // Where a word's first character leads to, 0: nowhere. To follow the links of the start, which
  // are by far the most, would take half of the time.
  std::array<uint32_t, 128> starts_{};
};

std::optional<unsigned> find_rule(std::string_view name) {
  const char* begin = kubepulse_public_suffix_begin;
  static const Graph graph({begin, static_cast<size_t>(kubepulse_public_suffix_end - begin)});
  return graph.find(name);
}

std::string_view without_first_label(std::string_view name) {
  size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

}  // namespace

std::string_view registrable_domain(std::string_view name) {
  // From the longest end of the name to the shortest; the longest rule that matches prevails. The
  // two ends before this one are kept, as they are what a rule for it leads to.
  std::string_view before = name, before_that = name;
  for (std::string_view end = name; !end.empty(); end = without_first_label(end)) {
    std::optional<unsigned> rule = find_rule(end);
    if (rule && (*rule & kException) != 0) return end;
    if (rule && (*rule & kWildcard) == 0) return before;
    // "*.end" is about a name that has more than `end`.
    if (rule && end.size() < name.size()) return before_that;
    before_that = before;
    before = end;
  }
  return before_that;
}

bool is_listed_suffix(std::string_view name) {
  std::optional<unsigned> rule = find_rule(name);
  if (rule && (*rule & kException) != 0) return false;
  if (rule && (*rule & kWildcard) == 0) return true;
  std::optional<unsigned> above = find_rule(without_first_label(name));
  return above && (*above & kWildcard) != 0;
}

}  // namespace kubepulse
