#include "base/file.h"

#include <fcntl.h>
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

std::string lines_of(const std::string& text, size_t bytes_max) {
  FILE* out = fopen((folder + "/file").c_str(), "we");
  ck_assert(out != nullptr && fwrite(text.data(), 1, text.size(), out) == text.size());
  fclose(out);
  Fd file(open((folder + "/file").c_str(), O_RDONLY | O_CLOEXEC));
  auto read = read_lines(file, bytes_max);
  CHECK_OK(read.ok() ? Status() : read.status());
  return read.value();
}

START_TEST(beginnings) {
  CHECK_TEXT(lines_of("", 10), "");
  CHECK_TEXT(lines_of("one\ntwo", 7), "one\ntwo");
  CHECK_TEXT(lines_of("one\ntwo\n", 8), "one\ntwo\n");
  CHECK_TEXT(lines_of("one\ntwo\n", 7), "one\n");
  CHECK_TEXT(lines_of("one\ntwo\n", 4), "one\n");
  CHECK_TEXT(lines_of("one\ntwo\n", 3), "");
  std::string line = std::string(99, 'x') + "\n", text;
  for (int i = 0; i < 200; i++)
    text += line;
  ck_assert(lines_of(text, 1 << 20) == text);
  ck_assert_uint_eq(lines_of(text, 10050).size(), 10000);
  CHECK_TEXT(read_lines(Fd(), 10).status().message(), "read: Bad file descriptor");
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
  return run_suite("file", {whole_files, no_files, beginnings}, make_folder, remove_folder);
}
