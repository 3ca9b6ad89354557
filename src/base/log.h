// The daemon's own log: one JSON object a line on standard error.
//   {"level":"warn","ts":"2026-01-02T03:04:05.678901Z","msg":"...","key":"value","count":3}
#ifndef KUBEPULSE_BASE_LOG_H
#define KUBEPULSE_BASE_LOG_H

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace kubepulse {

struct LogField {
  LogField(std::string_view key, std::string_view text) : key(key), text(text) {}
  LogField(std::string_view key, const char* text) : key(key), text(text) {}
  LogField(std::string_view key, int64_t number) : key(key), number(number), is_number(true) {}
  LogField(std::string_view key, int number) : LogField(key, static_cast<int64_t>(number)) {}
  LogField(std::string_view key, uint64_t number) : LogField(key, static_cast<int64_t>(number)) {}

  std::string_view key;
  std::string_view text;
  int64_t number = 0;
  bool is_number = false;
};

using LogFields = std::initializer_list<LogField>;

void log_info(std::string_view message, LogFields fields = {});
void log_warn(std::string_view message, LogFields fields = {});
void log_error(std::string_view message, LogFields fields = {});

}  // namespace kubepulse

#endif
