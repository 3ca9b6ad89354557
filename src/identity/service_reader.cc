#include "identity/service_reader.h"

#include <algorithm>
#include <iterator>

namespace kubepulse {

namespace {

enum ServiceSpot : uint8_t {
  kService,
  kMetadata,
  kName,
  kNamespace,
  kSpec,
  kStatus,
  kBalancer,
  kIngresses,
  kIngress,
  kAddresses,
  kAddress,
};

enum SliceSpot : uint8_t {
  kSlice,
  kSliceMetadata,
  kSliceName,
  kSliceNamespace,
  kEndpoints,
  kEndpoint,
  kEndpointAddresses,
  kEndpointAddress,
  kTarget,
  kTargetKind,
  kTargetName,
  kTargetNamespace,
};

}  // namespace

ServiceReader::ServiceReader()
    : ApiFieldReader([] {
        using Shape = Field::Shape;
        static constexpr Field kFields[] = {
            {"metadata", kService, kMetadata, Shape::object},
            {"name", kMetadata, kName, Shape::text},
            {"namespace", kMetadata, kNamespace, Shape::text},
            {"spec", kService, kSpec, Shape::object},
            {"clusterIP", kSpec, kAddress, Shape::text},
            {"clusterIPs", kSpec, kAddresses, Shape::array},
            {"externalIPs", kSpec, kAddresses, Shape::array},
            {"", kAddresses, kAddress, Shape::text},
            {"status", kService, kStatus, Shape::object},
            {"loadBalancer", kStatus, kBalancer, Shape::object},
            {"ingress", kBalancer, kIngresses, Shape::array},
            {"", kIngresses, kIngress, Shape::object},
            {"ip", kIngress, kAddress, Shape::text},
        };
        return Fields{std::begin(kFields), std::end(kFields)};
      }()) {}

void ServiceReader::begin() {
  ApiFieldReader::begin();
  service_.ns.clear();
  service_.name.clear();
  service_.addresses.clear();
  service_.cut = 0;
  cut_name_ = false;
}

void ServiceReader::text(uint8_t spot, std::string_view text, bool whole) {
  if (spot == kName) cut_name_ |= !service_.name.assign(text) || !whole;
  if (spot == kNamespace) cut_name_ |= !service_.ns.assign(text) || !whole;
  if (spot != kAddress) return;
  std::optional<IpBytes> address = parse_ip(text);
  std::vector<IpBytes>& known = service_.addresses;
  // clusterIPs begins with what is in clusterIP.
  if (!address || std::find(known.begin(), known.end(), *address) != known.end()) return;
  if (known.size() == Service::kAddressesMax)
    service_.cut++;
  else
    known.push_back(*address);
}

EndpointSliceReader::EndpointSliceReader()
    : ApiFieldReader([] {
        using Shape = Field::Shape;
        static constexpr Field kFields[] = {
            {"metadata", kSlice, kSliceMetadata, Shape::object},
            {"name", kSliceMetadata, kSliceName, Shape::text},
            {"namespace", kSliceMetadata, kSliceNamespace, Shape::text},
            {"endpoints", kSlice, kEndpoints, Shape::array},
            {"", kEndpoints, kEndpoint, Shape::object},
            {"addresses", kEndpoint, kEndpointAddresses, Shape::array},
            {"", kEndpointAddresses, kEndpointAddress, Shape::text},
            {"targetRef", kEndpoint, kTarget, Shape::object},
            {"kind", kTarget, kTargetKind, Shape::text},
            {"name", kTarget, kTargetName, Shape::text},
            {"namespace", kTarget, kTargetNamespace, Shape::text},
        };
        return Fields{std::begin(kFields), std::end(kFields)};
      }()) {}

void EndpointSliceReader::begin() {
  ApiFieldReader::begin();
  slice_.ns.clear();
  slice_.name.clear();
  slice_.endpoints.clear();
  slice_.cut = 0;
  cut_name_ = false;
}

void EndpointSliceReader::enter(uint8_t spot) {
  if (spot == kEndpoints) slice_.endpoints.clear();
  if (spot != kEndpoint) return;
  address_count_ = 0;
  pod_.clear();
  target_kind_.clear();
  target_ns_.clear();
}

void EndpointSliceReader::leave(uint8_t spot) {
  if (spot == kEndpoint) end_endpoint();
}

void EndpointSliceReader::text(uint8_t spot, std::string_view text, bool whole) {
  switch (spot) {
    case kSliceName:
      cut_name_ |= !slice_.name.assign(text) || !whole;
      break;
    case kSliceNamespace:
      cut_name_ |= !slice_.ns.assign(text) || !whole;
      break;
    case kTargetKind:
      target_kind_.assign(text);
      break;
    case kTargetName:
      if (!pod_.assign(text)) pod_.clear();
      break;
    case kTargetNamespace:
      target_ns_.assign(text);
      break;
    case kEndpointAddress:
      // Of the address type FQDN it is a name.
      if (std::optional<IpBytes> address = parse_ip(text);
          address && address_count_ < kAddressesMax)
        addresses_[address_count_++] = *address;
      break;
    default:
      break;
  }
}

// A slice is of a namespace, and so are its pods: whoever may write one names no other's.
void EndpointSliceReader::end_endpoint() {
  bool is_elsewhere =
      !target_ns_.empty() && !slice_.ns.empty() && target_ns_.view() != slice_.ns.view();
  if (target_kind_.view() != "Pod" || pod_.empty() || is_elsewhere) return;
  for (size_t i = 0; i < address_count_; i++) {
    if (slice_.endpoints.size() == EndpointSlice::kEndpointsMax)
      slice_.cut++;
    else
      slice_.endpoints.push_back({addresses_[i], std::string(pod_.view())});
  }
}

}  // namespace kubepulse
