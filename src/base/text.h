// Appending numbers and escaped text to a string, without locale and without allocation of its own.
#ifndef KUBEPULSE_BASE_TEXT_H
#define KUBEPULSE_BASE_TEXT_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kubepulse {

void append_number(std::string& out, uint64_t value);
void append_number(std::string& out, int64_t value);
// Exact, and without floating point: 1500000000 ns are "1.5" seconds, 250 are "0.00000025".
void append_seconds(std::string& out, uint64_t ns);
// The same in milliseconds: 12400000 are "12.4".
void append_milliseconds(std::string& out, uint64_t ns);

// As a quoted JSON string: control characters, quotes and backslashes escaped, bytes that are not
// UTF-8 replaced by U+FFFD. No byte of `text` can end the line.
void append_json_string(std::string& out, std::string_view text);

// As the inside of a Prometheus label value: \\, \" and \n escaped, other control characters and
// bytes that are not UTF-8 replaced by U+FFFD; cut at `bytes_max` bytes of `text`, on a character.
constexpr size_t kLabelBytesMax = 128;
void append_label_value(std::string& out, std::string_view text, size_t bytes_max = kLabelBytesMax);

// As it is, for a terminal: control characters and bytes that are not UTF-8 are replaced by U+FFFD.
void append_shown(std::string& out, std::string_view text);

// The beginning of `text` of at most `bytes_max` bytes, cut on a character.
std::string_view cut_text(std::string_view text, size_t bytes_max);

// "2026-01-02T03:04:05.678901Z"
void append_rfc3339(std::string& out, uint64_t realtime_ns);
// That very form, of the years 1970 to 2500.
std::optional<uint64_t> parse_rfc3339(std::string_view text);

// The whole of `text` as a decimal number in [0, max]; nothing else is accepted.
std::optional<uint64_t> parse_number(std::string_view text, uint64_t max = UINT64_MAX);

// The whole of `text`, 1 to 16 digits, as a hexadecimal number.
std::optional<uint64_t> parse_hex(std::string_view text);

// Without locale, as <cctype> has one.
char ascii_lower(char byte);
// Whether `text` is `lower_case`, which is in lower case, but for its case.
bool is_same_but_case(std::string_view text, std::string_view lower_case);

// As /proc writes paths (fs/seq_file.c, mangle_path): "a\\040b" is "a b". What is no escape stays.
std::string unescape_octal(std::string_view text);

// Whether `text` can be written as it is: valid UTF-8 without control characters, those above ASCII
// included.
bool is_printable(std::string_view text);

// Without spaces and tabs before and behind.
std::string_view trim_blanks(std::string_view text);

// How many letters to insert, remove or change to make one of the other (Levenshtein). O(product of
// the lengths).
size_t edit_distance(std::string_view one, std::string_view other);

// The next piece of `rest` up to `separator`; `rest` is left behind it.
std::string_view next_piece(std::string_view& rest, char separator);

}  // namespace kubepulse

#endif
