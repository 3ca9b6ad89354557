// v1 Services and discovery.k8s.io/v1 EndpointSlices, one at a time, while they arrive. Pure; any
// bytes are safe, and memory is bounded.
#ifndef KUBEPULSE_IDENTITY_SERVICE_READER_H
#define KUBEPULSE_IDENTITY_SERVICE_READER_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json_reader.h"
#include "identity/api_object.h"
#include "identity/service.h"

namespace kubepulse {

// Follows the members that a table names, and skips all others.
class ApiFieldReader : public ApiObjectReader {
 public:
  void begin() override;
  void take(JsonReader& json, JsonToken token) final;

 protected:
  // What is under `key` at `place` is `spot`; the elements of an array are under "". The object
  // itself is spot 0.
  struct Field {
    std::string_view key;
    uint8_t place;
    uint8_t spot;
    enum class Shape : uint8_t { object, array, text } shape;
  };
  struct Fields {
    const Field* begin;
    const Field* end;
  };
  explicit ApiFieldReader(Fields fields) : fields_(fields) {}

  virtual void enter(uint8_t spot) = 0;
  virtual void leave(uint8_t spot) = 0;
  // `whole`: it was not too long to be read whole.
  virtual void text(uint8_t spot, std::string_view text, bool whole) = 0;

 private:
  const Field* find(uint8_t place, std::string_view key) const;

  static constexpr size_t kPlacesMax = 8;

  Fields fields_;
  uint8_t places_[kPlacesMax] = {};
  size_t place_count_ = 0;
  const Field* next_ = nullptr;  // what the value behind the last key is
};

class ServiceReader : public ApiFieldReader {
 public:
  static constexpr const char* kListKind = "ServiceList";

  ServiceReader();
  void begin() override;
  // After its end, until the next begin().
  const Service& service() const { return service_; }
  bool is_named() const { return !service_.ns.empty() && !service_.name.empty() && !cut_name_; }

 private:
  void enter(uint8_t) override {}
  void leave(uint8_t) override {}
  void text(uint8_t spot, std::string_view text, bool whole) override;

  Service service_;
  bool cut_name_ = false;
};

class EndpointSliceReader : public ApiFieldReader {
 public:
  static constexpr const char* kListKind = "EndpointSliceList";

  EndpointSliceReader();
  void begin() override;
  const EndpointSlice& slice() const { return slice_; }
  bool is_named() const { return !slice_.ns.empty() && !slice_.name.empty() && !cut_name_; }

 private:
  void enter(uint8_t spot) override;
  void leave(uint8_t spot) override;
  void text(uint8_t spot, std::string_view text, bool whole) override;
  void end_endpoint();

  static constexpr size_t kAddressesMax = 8;  // of one endpoint; in truth there is one

  EndpointSlice slice_;
  bool cut_name_ = false;
  // The endpoint that is being read.
  IpBytes addresses_[kAddressesMax];
  size_t address_count_ = 0;
  ShortText<kDnsNameBytesMax> pod_;
  ShortText<16> target_kind_;
  ShortText<kDnsLabelBytesMax> target_ns_;
};

}  // namespace kubepulse

#endif
