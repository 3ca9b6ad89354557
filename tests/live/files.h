// Files and folders of the tests, and waiting.
#ifndef KUBEPULSE_TESTS_LIVE_FILES_H
#define KUBEPULSE_TESTS_LIVE_FILES_H

#include <string>
#include <string_view>
#include <vector>

namespace kubepulse::live {

// Everything that a run makes is called this and its process id.
constexpr std::string_view kRunPrefix = "kubepulse-live-";
// True for such a name whose process is no more.
bool is_dead_run(const std::string& name);

// Empty where it cannot be read.
std::string read_file(const std::string& path);
// False where it cannot be written; for files of /proc and /sys as well.
bool write_file(const std::string& path, std::string_view text);
// A folder and those above it, where they are not yet.
bool make_folders(const std::string& path);
// The names of the folders in `folder`, without "." and "..".
std::vector<std::string> folders_in(const std::string& folder);

// /tmp/kubepulse-live-PID of the run, made by open_scratch() and removed with all its files by
// close_scratch(); the process of the run calls both.
bool open_scratch();
void close_scratch();
// A path there that nobody has used.
std::string scratch_path(std::string_view name);

void sleep_ms(unsigned ms);

}  // namespace kubepulse::live

#endif
