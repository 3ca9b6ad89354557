// Histories of real processes, as tests/histories/record has written them. Tests are run from the
// top of the repository.
#ifndef KUBEPULSE_TESTS_HISTORIES_RECORDED_H
#define KUBEPULSE_TESTS_HISTORIES_RECORDED_H

#include <dirent.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "tests/check.h"
#include "tests/histories/generated.h"

inline MemoryStory recorded_story(const std::string& name) {
  MemoryStory story{name.substr(0, name.rfind('.')), {}, {}};
  FILE* file = fopen(("tests/histories/recorded/" + name).c_str(), "re");
  ck_assert_ptr_nonnull(file);
  char line[128];
  double begun_s = 1000;
  while (fgets(line, sizeof line, file) != nullptr) {
    double at_s = 0, used_kib = 0, limit_kib = 0;
    if (strcmp(line, "oom\n") == 0) {
      // At some time before the next sample.
      story.oom_s = story.samples.back().at_s + 10;
      break;
    }
    ck_assert_int_eq(sscanf(line, "%lf %lf %lf", &at_s, &used_kib, &limit_kib), 3);
    story.samples.push_back({begun_s + at_s, used_kib / 1024, limit_kib / 1024});
  }
  fclose(file);
  return story;
}

inline std::vector<MemoryStory> recorded_stories() {
  std::vector<std::string> names;
  DIR* folder = opendir("tests/histories/recorded");
  ck_assert_msg(folder != nullptr, "tests/histories: run from the top of the repository");
  while (dirent* entry = readdir(folder)) {
    std::string name = entry->d_name;
    if (name.size() > 4 && name.substr(name.size() - 4) == ".txt") names.push_back(name);
  }
  closedir(folder);
  std::sort(names.begin(), names.end());
  std::vector<MemoryStory> stories;
  for (const std::string& name : names)
    stories.push_back(recorded_story(name));
  return stories;
}

#endif
