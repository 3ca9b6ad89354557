// A gzip stream (RFC 1952) on zlib with little memory: about 40 KiB, all taken by create().
#ifndef KUBEPULSE_PUBLISH_GZIP_H
#define KUBEPULSE_PUBLISH_GZIP_H

#include <zlib.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace kubepulse {

// Move-only. What is added comes out some time later, and all of it with finish().
class Gzip {
 public:
  // Fails only where memory is lacking.
  static Result<Gzip> create();

  // Both append what is compressed by now to `out`. After finish() the stream is at its end, and
  // neither may be called again.
  void add(std::string_view plain, std::string& out);
  void finish(std::string& out);

 private:
  struct End {
    void operator()(z_stream* stream) const {
      deflateEnd(stream);
      delete stream;
    }
  };

  Gzip() = default;
  void deflate_into(std::string& out, std::string_view plain, int flush);

  std::unique_ptr<z_stream, End> stream_;  // zlib keeps its address
};

}  // namespace kubepulse

#endif
