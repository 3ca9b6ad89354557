// What reads one kind of Kubernetes object, token by token; what is around it (a list, a watch) is
// for others.
#ifndef KUBEPULSE_IDENTITY_API_OBJECT_H
#define KUBEPULSE_IDENTITY_API_OBJECT_H

#include "base/json_reader.h"

namespace kubepulse {

class ApiObjectReader {
 public:
  virtual ~ApiObjectReader() = default;
  // Its { has been read. What was read before is forgotten.
  virtual void begin() = 0;
  // What follows, its } included. It may skip() in `json`, but nothing else.
  virtual void take(JsonReader& json, JsonToken token) = 0;
};

}  // namespace kubepulse

#endif
