// v1 Services and discovery.k8s.io/v1 EndpointSlices, one at a time, while they arrive. Pure; any
// bytes are safe, and memory is bounded.
#ifndef KUBEPULSE_IDENTITY_SERVICE_READER_H
#define KUBEPULSE_IDENTITY_SERVICE_READER_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "identity/api_field_reader.h"
#include "identity/service.h"

namespace kubepulse {

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
