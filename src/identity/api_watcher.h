// Follows one kind of object of an API server: lists all, watches what changes, and lists again
// where the watch has come too late. Inside the loop; one question at a time; what fails is tried
// again for ever, ever more seldom.
#ifndef KUBEPULSE_IDENTITY_API_WATCHER_H
#define KUBEPULSE_IDENTITY_API_WATCHER_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/loop.h"
#include "base/status.h"
#include "identity/api_list.h"
#include "identity/api_object.h"
#include "identity/api_question.h"
#include "identity/api_watch.h"
#include "identity/http_client.h"
#include "identity/logged_breaker.h"
#include "identity/pods_settings.h"
#include "identity/server_outcome.h"

namespace kubepulse {

class ApiWatcher {
 public:
  struct Resource {
    ApiListReader::Kind list;
    std::string path;      // "/api/v1/services"
    std::string selector;  // "fieldSelector=..", as a URL has it; "": all of them
    std::string grant;     // what an account needs for it, see ServerRefusal
  };
  struct Handlers {
    // A list: begin, item for each object, then commit or drop. After drop there may be a begin at
    // once. A list that comes in pages is one.
    std::function<void()> begin;
    std::function<void()> item;  // the object's reader has read it
    std::function<void()> commit;
    std::function<void()> drop;
    // Single changes, after a commit.
    std::function<void()> changed;
    std::function<void()> deleted;
    // With each failure, and once all is well, or again. The watcher may not be destroyed within
    // any of these.
    std::function<void(const ServerOutcome&)> told;
  };

  // `reader` outlives this.
  ApiWatcher(Loop& loop, ApiServerSettings settings, Resource resource, ApiObjectReader& reader,
             Handlers handlers);
  ~ApiWatcher();
  ApiWatcher(const ApiWatcher&) = delete;
  ApiWatcher& operator=(const ApiWatcher&) = delete;

  void start();

  // It goes on being well, as was told last.
  bool is_good() const { return good_; }
  // Between begin and commit or drop.
  bool is_listing() const { return in_list_; }

 private:
  enum class Step : uint8_t { list, watch };

  void ask();
  Result<HttpClient::Question> question();
  std::string target(const HttpUrl& url);
  bool take(std::string_view piece);
  bool take_event(const ApiWatchReader::Event& event);
  void answered(const HttpClient::Answer& answer);
  void end_list(const HttpClient::Answer& answer);
  void end_watch(const HttpClient::Answer& answer);
  void listed();
  void watch_begun();
  void list_again();
  void refused(const HttpClient::Answer& answer);
  void failed(ServerOutcome::Kind kind, const std::string& reason);
  void succeeded();
  void drop_list();
  void ask_after(uint64_t delay_ns);
  uint64_t jittered(uint64_t ns);

  Loop& loop_;
  ApiServerSettings settings_;
  Resource resource_;
  ApiObjectReader& reader_;
  Handlers handlers_;
  HttpClient client_;
  LoggedBreaker breaker_;
  Loop::TimerId timer_ = 0;
  uint64_t random_;

  Step step_ = Step::list;
  bool good_ = false;
  bool in_list_ = false;
  bool fresh_ = false;  // the resource version is the list's, and nothing came of it yet
  bool gone_ = false;   // the watch says that it is too old
  // The last watch came, and to no good: one that comes is not enough to be well again.
  bool watch_is_bad_ = false;
  uint64_t asked_ns_ = 0;
  unsigned failures_ = 0;         // in a row
  ApiAsker asker_;                // of the last question
  std::string resource_version_;  // to watch from
  std::string rest_;              // of the list, to be asked for
  std::string error_;             // that the watch has told
  std::unique_ptr<ApiListReader> list_;
  std::unique_ptr<ApiWatchReader> watch_;
};

}  // namespace kubepulse

#endif
