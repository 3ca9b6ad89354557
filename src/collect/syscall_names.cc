#include "collect/syscall_names.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"
#include "bpf/event.h"

namespace kubepulse {

namespace {

constexpr uint16_t kNone = UINT16_MAX;
constexpr size_t kShownBytesMax = 32;  // the longest name has 23

// In one piece, each ended by 0: an array of pointers would be larger than the names.
constexpr char kNames[] =
#define SYSCALL(name, x86_64, arm64) #name "\0"
#include "collect/syscall_table.inc"
#undef SYSCALL
    ;

constexpr uint16_t kNumbers[][2] = {
#define SYSCALL(name, x86_64, arm64) {x86_64, arm64},
#include "collect/syscall_table.inc"
#undef SYSCALL
};

// `take` is given each name and its numbers until it returns true.
template <typename Take>
void each_known(Take&& take) {
  const char* at = kNames;
  for (const auto& numbers : kNumbers) {
    std::string_view name = at;
    if (take(name, numbers)) return;
    at += name.size() + 1;
  }
}

struct Known {
  std::string_view name;
  const uint16_t* numbers = nullptr;  // null: on no architecture
};

Known find(std::string_view name) {
  Known found;
  each_known([&](std::string_view known, const uint16_t* numbers) {
    if (known != name) return false;
    found = {known, numbers};
    return true;
  });
  return found;
}

uint8_t flags_of(std::string_view name) {
  for (const char* each : {"exit", "exit_group", "rt_sigreturn"})
    if (name == each) return SYSCALL_AT_ENTRY;
  for (const char* each : {"fork", "vfork", "clone", "clone3"})
    if (name == each) return SYSCALL_RETURNS_TWICE;
  return 0;
}

Status unknown(std::string_view name) {
  std::string shown(name.substr(0, kShownBytesMax));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c > 0x7E; }, '?');
  std::string_view nearest;
  size_t nearest_distance = SIZE_MAX;
  each_known([&](std::string_view known, const uint16_t*) {
    size_t distance = edit_distance(shown, known);
    if (distance < nearest_distance) {
      nearest = known;
      nearest_distance = distance;
    }
    return false;
  });
  std::string text = "unknown syscall \"" + shown + "\"; the nearest is ";
  return Status::error(text.append(nearest));
}

}  // namespace

std::optional<uint16_t> syscall_number(std::string_view name, Architecture architecture) {
  const uint16_t* numbers = find(name).numbers;
  if (numbers == nullptr) return std::nullopt;
  uint16_t number = numbers[static_cast<size_t>(architecture)];
  if (number == kNone) return std::nullopt;
  return number;
}

Result<SyscallList> parse_syscalls(std::string_view list, Architecture architecture) {
  SyscallList out;
  do {
    std::string_view name = trim_blanks(next_piece(list, ','));
    if (name.empty()) return Status::error("a syscall's name is missing");
    Known known = find(name);
    if (known.numbers == nullptr) return unknown(name);
    uint16_t number = known.numbers[static_cast<size_t>(architecture)];
    if (number == kNone) {
      out.elsewhere.append(out.elsewhere.empty() ? "" : ", ").append(known.name);
      continue;
    }
    auto is_same = [number](const Syscall& syscall) { return syscall.number == number; };
    if (std::any_of(out.syscalls.begin(), out.syscalls.end(), is_same)) continue;
    if (out.syscalls.size() == SYSCALLS_TRACKED_MAX)
      return Status::error("more than " + std::to_string(SYSCALLS_TRACKED_MAX) + " syscalls");
    out.syscalls.push_back({known.name, number, flags_of(known.name)});
  } while (!list.empty());
  return out;
}

}  // namespace kubepulse
