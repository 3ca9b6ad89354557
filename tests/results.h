// What came of something that may fail.
#ifndef KUBEPULSE_TESTS_RESULTS_H
#define KUBEPULSE_TESTS_RESULTS_H

#include <string>
#include <utility>

#include "base/status.h"
#include "tests/check.h"

namespace kubepulse {

// It has not failed.
template <typename T>
T value_of(Result<T> result) {
  if (!result.ok()) ck_abort_msg("%s", result.status().message().c_str());
  return std::move(result.value());
}

template <typename T>
std::string refusal_of(Result<T> result) {
  return result.ok() ? "accepted" : result.status().message();
}

}  // namespace kubepulse

#endif
