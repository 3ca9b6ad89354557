// A file of tests/data. Tests are run from the top of the repository.
#ifndef KUBEPULSE_TESTS_TEST_DATA_H
#define KUBEPULSE_TESTS_TEST_DATA_H

#include <cstdio>
#include <string>

#include "tests/check.h"

inline std::string test_data(const std::string& path) {
  std::string text;
  FILE* file = fopen(("tests/data/" + path).c_str(), "re");
  ck_assert_msg(file != nullptr, "tests/data/%s: run from the top of the repository", path.c_str());
  char piece[65536];
  while (size_t size = fread(piece, 1, sizeof piece, file))
    text.append(piece, size);
  fclose(file);
  ck_assert_msg(!text.empty(), "tests/data/%s is empty", path.c_str());
  return text;
}

#endif
