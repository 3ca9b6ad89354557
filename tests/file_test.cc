#include "base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string folder;

std::string error_of(const std::string& path, size_t bytes_max) {
  Result<std::string> text = read_file(path, bytes_max);
  return text.ok() ? "read" : text.status().message();
}

START_TEST(whole_files) {
  for (size_t size : {0, 1, 4095, 4096, 4097, 100000}) {
    std::string path = folder + "/file", want(size, 'x');
    std::ofstream(path) << want;
    Result<std::string> text = read_file(path, size);
    ck_assert(text.ok() && text.value() == want);
    if (size != 0)
      CHECK_TEXT(error_of(path, size - 1),
                 path + ": larger than " + std::to_string(size - 1) + " bytes");
  }
}
END_TEST

START_TEST(no_files) {
  CHECK_TEXT(error_of(folder + "/none", 1), folder + "/none: No such file or directory");
  CHECK_TEXT(error_of(folder, 1), folder + ": not a regular file");
  std::string pipe = folder + "/pipe";  // nobody writes to it
  ck_assert_int_eq(mkfifo(pipe.c_str(), 0600), 0);
  CHECK_TEXT(error_of(pipe, 1), pipe + ": not a regular file");
}
END_TEST

void make_folder() {
  char name[] = "/tmp/file_test.XXXXXX";
  folder = mkdtemp(name);
}

void remove_folder() {
  for (const char* name : {"/file", "/pipe"})
    unlink((folder + name).c_str());
  rmdir(folder.c_str());
}

}  // namespace

int main() {
  return run_suite("file", {whole_files, no_files}, make_folder, remove_folder);
}
