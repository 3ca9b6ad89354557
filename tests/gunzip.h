#ifndef KUBEPULSE_TESTS_GUNZIP_H
#define KUBEPULSE_TESTS_GUNZIP_H

#include <zlib.h>

#include <string>

#include "tests/check.h"

// Fails unless `packed` is one whole gzip stream and nothing else.
inline std::string gunzip(std::string packed) {
  z_stream stream{};
  ck_assert_int_eq(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string plain;
  int result = Z_OK;
  while (result == Z_OK) {
    char step[16384];
    stream.next_out = reinterpret_cast<Bytef*>(step);
    stream.avail_out = sizeof step;
    result = inflate(&stream, Z_NO_FLUSH);
    plain.append(step, sizeof step - stream.avail_out);
  }
  ck_assert_int_eq(result, Z_STREAM_END);
  ck_assert_uint_eq(stream.avail_in, 0);
  inflateEnd(&stream);
  return plain;
}

#endif
