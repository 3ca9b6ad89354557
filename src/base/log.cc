#include "base/log.h"

#include <unistd.h>

#include <string>

#include "base/clock.h"
#include "base/text.h"

namespace kubepulse {

namespace {

void write_line(std::string_view level, std::string_view message, LogFields fields) {
  std::string line = "{\"level\":";
  append_json_string(line, level);
  line += ",\"ts\":\"";
  append_rfc3339(line, realtime_ns());
  line += "\",\"msg\":";
  append_json_string(line, message);
  for (const LogField& field : fields) {
    line += ',';
    append_json_string(line, field.key);
    line += ':';
    if (field.is_number)
      append_number(line, field.number);
    else
      append_json_string(line, field.text);
  }
  line += "}\n";
  // One write, so that lines of several writers do not mix; a log that cannot be written is lost.
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void log_info(std::string_view message, LogFields fields) {
  write_line("info", message, fields);
}
void log_warn(std::string_view message, LogFields fields) {
  write_line("warn", message, fields);
}
void log_error(std::string_view message, LogFields fields) {
  write_line("error", message, fields);
}

}  // namespace kubepulse
