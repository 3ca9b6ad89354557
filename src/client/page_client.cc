#include "client/page_client.h"

#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace kubepulse {

namespace {

constexpr std::string_view kUnix = "unix:";

// 100,000 series are some 15 MB.
constexpr uint64_t kPageBytesMax = uint64_t{256} << 20;

Address unix_address(std::string_view path) {
  Address address;
  auto& name = reinterpret_cast<sockaddr_un&>(address.storage);
  name.sun_family = AF_UNIX;
  size_t size = std::min(path.size(), sizeof name.sun_path - 1);
  memcpy(name.sun_path, path.data(), size);
  bool without_file = path[0] == '@';
  if (without_file) name.sun_path[0] = '\0';
  address.length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + (without_file ? 0 : 1));
  return address;
}

}  // namespace

PageClient::PageClient(Loop& loop, const std::string& url) : loop_(loop), resolver_(loop, {}) {
  if (url.compare(0, kUnix.size(), kUnix) == 0) {
    socket_ = unix_address(std::string_view(url).substr(kUnix.size()));
    url_.host = "localhost";
    url_.path = "/metrics";
  } else if (auto parsed = HttpUrl::parse(url); parsed.ok()) {
    url_ = std::move(parsed.value());
  }
}

void PageClient::ask(std::string_view page, Take take, Done done) {
  target_ = url_.path;
  if (!page.empty()) target_.replace(target_.rfind('/') + 1, target_.npos, page);
  code_ = 0;
  take_ = std::move(take);
  done_ = std::move(done);
  if (socket_.length > 0) {
    addresses_ = {socket_};
    return fetch_next();
  }
  resolver_.resolve(url_.host, url_.port, [this](Result<Resolver::Addresses> found) {
    if (!found.ok()) return done_(std::move(found.status()));
    addresses_ = std::move(found.value());
    std::reverse(addresses_.begin(), addresses_.end());
    fetch_next();
  });
}

void PageClient::fetch_next() {
  HttpGet get;
  get.address = addresses_.back().storage;
  get.address_length = addresses_.back().length;
  addresses_.pop_back();
  get.authority = url_.authority();
  get.target = target_;
  HttpFetchLimits limits;
  limits.body_bytes = kPageBytesMax;
  fetch_ = std::make_unique<HttpFetch>(
      loop_, std::move(get), limits,
      [this](int code, std::string_view piece) {
        if (code == 200) take_(piece);
        return true;
      },
      [this](Status status, int code) { fetched(std::move(status), code); });
  fetch_->start();
}

void PageClient::fetched(Status status, int code) {
  if (fetch_->reach() == HttpFetch::Reach::nobody && !addresses_.empty()) {
    timer_ = loop_.after(0, [this] {
      timer_ = 0;
      fetch_next();
    });
    return;
  }
  code_ = code;
  if (status.ok() && code != 200)
    status = Status::error("it answers with HTTP status " + std::to_string(code));
  done_(std::move(status));
}

}  // namespace kubepulse
