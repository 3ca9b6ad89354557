#include "collect/packed_object.h"

#include <zlib.h>

#include <string>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// As gzip(1) packs.
std::vector<unsigned char> pack(const std::string& text) {
  std::vector<unsigned char> packed(text.size() + 100);
  z_stream stream{};
  ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                   Z_OK);
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

START_TEST(as_it_was) {
  std::string text;
  for (int i = 0; i < 20000; i++)
    text += std::to_string(i * 7919);
  for (const std::string& wanted : {text,
                                    std::string("\x7f"
                                                "ELF"),
                                    std::string(3, '\0')}) {
    std::vector<unsigned char> packed = pack(wanted);
    size_t size = 0;
    const void* bytes = unpack_object(packed.data(), packed.size(), &size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert(std::string(static_cast<const char*>(bytes), size) == wanted);
  }
  release_object();
}
END_TEST

START_TEST(damaged) {
  std::vector<unsigned char> packed = pack(std::string(1000, 'x') + "y");
  size_t size = 1;
  for (size_t length = 0; length < packed.size(); length++) {
    ck_assert_ptr_null(unpack_object(packed.data(), length, &size));
    ck_assert_uint_eq(size, 0);
  }
  packed[packed.size() - 6] ^= 1;  // the checksum
  ck_assert_ptr_null(unpack_object(packed.data(), packed.size(), &size));
}
END_TEST

}  // namespace

CHECK_MAIN("packed_object", as_it_was, damaged)
