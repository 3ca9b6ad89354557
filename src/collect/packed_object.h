// The objects of the kernel programs, packed with gzip in this binary: a quarter of their size.
// The skeletons that the Makefile makes unpack them so.
#ifndef KUBEPULSE_COLLECT_PACKED_OBJECT_H
#define KUBEPULSE_COLLECT_PACKED_OBJECT_H

#include <cstddef>

namespace kubepulse {

// The unpacked bytes, valid until the next call or release; null where they are damaged.
const void* unpack_object(const unsigned char* packed, size_t packed_size, size_t* size);

// libbpf keeps nothing of them once an object is open.
void release_object();

}  // namespace kubepulse

#endif
