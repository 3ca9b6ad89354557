// A folder for files of a test, gone with it as far as the test gets: a failing one leaves it.
#ifndef KUBEPULSE_TESTS_FOLDER_H
#define KUBEPULSE_TESTS_FOLDER_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/check.h"

namespace kubepulse {

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/kubepulse_test.XXXXXX";
    ck_assert(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() {
    nftw(
        path_.c_str(), [](const char* path, const struct stat*, int, FTW*) { return remove(path); },
        8, FTW_DEPTH | FTW_PHYS);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }

  // With the folders above it. The answer is its path.
  std::string make_folder(const std::string& name) const {
    std::string whole = path(name);
    for (size_t at = 1; at != whole.npos;) {
      at = whole.find('/', at + 1);
      int made = mkdir(whole.substr(0, at).c_str(), 0755);
      ck_assert_msg(made == 0 || errno == EEXIST, "%s", whole.c_str());
    }
    return whole;
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::string whole = path(name);
    FILE* file = fopen(whole.c_str(), "we");
    ck_assert_msg(file != nullptr, "%s", whole.c_str());
    ck_assert_uint_eq(fwrite(text.data(), 1, text.size(), file), text.size());
    fclose(file);
    return whole;
  }

 private:
  std::string path_;
};

}  // namespace kubepulse

#endif
