#include "collect/packed_object.h"

#include <zlib.h>

#include <vector>

namespace kubepulse {

namespace {

constexpr size_t kTrailerBytes = 4;  // RFC 1952: the length before packing, little-endian
constexpr size_t kObjectBytesMax = 1 << 20;
constexpr int kGzip = 16 + MAX_WBITS;

std::vector<unsigned char>& unpacked() {
  static std::vector<unsigned char> bytes;
  return bytes;
}

}  // namespace

const void* unpack_object(const unsigned char* packed, size_t packed_size, size_t* size) {
  *size = 0;
  release_object();
  if (packed_size < kTrailerBytes) return nullptr;
  size_t length = 0;
  for (size_t i = 0; i < kTrailerBytes; i++)
    length |= size_t{packed[packed_size - kTrailerBytes + i]} << (8 * i);
  if (length > kObjectBytesMax) return nullptr;
  unpacked().resize(length);
  z_stream stream{};
  stream.next_in = const_cast<unsigned char*>(packed);
  stream.avail_in = static_cast<uInt>(packed_size);
  stream.next_out = unpacked().data();
  stream.avail_out = static_cast<uInt>(length);
  if (inflateInit2(&stream, kGzip) != Z_OK) return nullptr;
  bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out == length;
  inflateEnd(&stream);
  if (!whole) return nullptr;
  *size = length;
  return unpacked().data();
}

void release_object() {
  std::vector<unsigned char>().swap(unpacked());
}

}  // namespace kubepulse
