#include "publish/gzip.h"

#include <algorithm>
#include <climits>

namespace kubepulse {

namespace {

// 4 KiB of window and small tables: metrics repeat themselves within a few lines, and level 1 with
// these costs a third of the time of the defaults.
constexpr int kLevel = 1;
constexpr int kWindowBits = 12;
constexpr int kGzipHeader = 16;  // added to the window bits: a gzip header rather than zlib's
constexpr int kMemLevel = 5;
constexpr size_t kStepBytes = 4096;

}  // namespace

Result<Gzip> Gzip::create() {
  auto* stream = new z_stream{};
  if (deflateInit2(stream, kLevel, Z_DEFLATED, kWindowBits + kGzipHeader, kMemLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    delete stream;
    return Status::error("deflateInit2: out of memory");
  }
  Gzip gzip;
  gzip.stream_.reset(stream);
  return gzip;
}

void Gzip::add(std::string_view plain, std::string& out) {
  while (!plain.empty()) {
    size_t size = std::min<size_t>(plain.size(), UINT_MAX);
    deflate_into(out, plain.substr(0, size), Z_NO_FLUSH);
    plain.remove_prefix(size);
  }
}

void Gzip::finish(std::string& out) {
  deflate_into(out, {}, Z_FINISH);
}

void Gzip::deflate_into(std::string& out, std::string_view plain, int flush) {
  // deflate() does not write to its input; the cast is for a zlib built without ZLIB_CONST.
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream_->avail_in = static_cast<uInt>(plain.size());
  do {
    char step[kStepBytes];
    stream_->next_out = reinterpret_cast<Bytef*>(step);
    stream_->avail_out = sizeof step;
    // It fails only on a broken stream or without room for output; neither can be here.
    deflate(stream_.get(), flush);
    out.append(step, sizeof step - stream_->avail_out);
  } while (stream_->avail_out == 0);
}

}  // namespace kubepulse
