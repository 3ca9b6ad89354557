// Errors as values. A Status is empty when all is well; a Result<T> carries a value or a Status.
// Each caller adds its context in front; the text is logged once, at the top.
#ifndef KUBEPULSE_BASE_STATUS_H
#define KUBEPULSE_BASE_STATUS_H

#include <cassert>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace kubepulse {

class [[nodiscard]] Status {
 public:
  Status() = default;

  // `what` says what happened, to what and, where it helps, what to do about it.
  static Status error(std::string what, int error_number = 0) {
    Status status;
    status.message_ = std::move(what);
    status.error_number_ = error_number;
    return status;
  }

  // The one translator from errno: "WHAT: No such file or directory".
  static Status from_errno(std::string_view what, int error_number) {
    std::string text(what);
    text += ": ";
    text += strerror(error_number);
    return error(std::move(text), error_number);
  }

  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }
  int error_number() const { return error_number_; }  // 0 where errno did not say it

  // "CONTEXT: MESSAGE"; an empty Status stays empty.
  Status in(std::string_view context) && {
    if (!ok()) message_ = std::string(context) + ": " + message_;
    return std::move(*this);
  }

 private:
  std::string message_;
  int error_number_ = 0;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::move(value)) {}  // NOLINT: implicit, so that `return value;` works
  Result(Status status) : held_(std::move(status)) {}  // NOLINT: likewise

  bool ok() const { return std::holds_alternative<T>(held_); }
  // Only where ok().
  T& value() {
    assert(ok());
    return *std::get_if<T>(&held_);
  }
  // Only where !ok().
  Status& status() {
    assert(!ok());
    return *std::get_if<Status>(&held_);
  }

 private:
  std::variant<T, Status> held_;
};

}  // namespace kubepulse

#endif
