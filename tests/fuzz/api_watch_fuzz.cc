// Any bytes as the stream of a watch, and as a list: what is told is the same however it is cut
// into pieces, none exceeds a bound, and the table that it fills keeps its books.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "identity/api_list.h"
#include "identity/api_watch.h"
#include "identity/pod_reader.h"
#include "identity/service_reader.h"
#include "identity/service_table.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

void put(std::string& out, std::string_view text) {
  out.append(text).append(1, '|');
}

std::string bytes_of(const IpBytes& address) {
  return {reinterpret_cast<const char*>(address.data()), address.size()};
}

// Gives `document` to `feed` in pieces; each dies before the next.
template <typename Feed>
void feed_pieces(std::string_view document, size_t piece_bytes, Feed&& feed) {
  for (bool on = true; on && !document.empty();) {
    std::string_view piece = document.substr(0, piece_bytes);
    std::vector<char> held(piece.begin(), piece.end());
    document.remove_prefix(piece.size());
    on = feed(std::string_view(held.data(), held.size()));
  }
}

template <typename Reader, typename Take>
std::string watch(std::string_view document, size_t piece_bytes, Take&& take) {
  using Type = ApiWatchReader::Event::Type;
  std::string out;
  Reader object;
  ApiWatchReader reader(object, [&](const ApiWatchReader::Event& event) {
    require(event.code >= 0 && event.code <= 999);
    out += static_cast<char>('0' + static_cast<int>(event.type));
    put(out, event.resource_version);
    put(out, event.message);
    take(object, event.type == Type::deleted, out);
    return event.type != Type::error;
  });
  feed_pieces(document, piece_bytes, [&](std::string_view piece) { return reader.feed(piece); });
  return out + "!" + reader.status().message();
}

void check(const ServiceTable& table, const IpBytes* addresses, size_t count, std::string& out) {
  size_t counted = 0;
  table.each_namespace([&counted](std::string_view, size_t services) { counted += services; });
  require(counted == table.services());
  for (size_t i = 0; i < count; i++) {
    std::optional<Peer> peer = table.find(Address::of(AF_INET6, addresses[i].data()));
    if (peer) put(out, peer->ns);
    if (peer) put(out, peer->name);
  }
}

std::string watch_services(std::string_view document, size_t piece_bytes) {
  ServiceTable table;
  auto take = [&](const ServiceReader& reader, bool deleted, std::string& out) {
    const Service& service = reader.service();
    require(service.addresses.size() <= Service::kAddressesMax);
    put(out, service.name.view());
    for (const IpBytes& address : service.addresses)
      put(out, bytes_of(address));
    if (!reader.is_named()) return;
    if (deleted)
      table.remove(service);
    else
      table.put(service);
    check(table, service.addresses.data(), service.addresses.size(), out);
  };
  return watch<ServiceReader>(document, piece_bytes, take);
}

std::string watch_slices(std::string_view document, size_t piece_bytes) {
  ServiceTable table;
  auto take = [&](const EndpointSliceReader& reader, bool deleted, std::string& out) {
    const EndpointSlice& slice = reader.slice();
    require(slice.endpoints.size() <= EndpointSlice::kEndpointsMax);
    std::vector<IpBytes> addresses;
    for (const EndpointSlice::Endpoint& each : slice.endpoints) {
      require(!each.pod.empty());
      addresses.push_back(each.address);
      put(out, each.pod);
    }
    if (!reader.is_named()) return;
    if (deleted)
      table.remove(slice);
    else
      table.put(slice);
    check(table, addresses.data(), addresses.size(), out);
    require(table.addresses() <= ServiceTable::kAddressesMax);
  };
  std::string told = watch<EndpointSliceReader>(document, piece_bytes, take);
  // What nobody has any more leaves nothing behind.
  table.begin(ServiceTable::Kind::slice);
  table.commit(ServiceTable::Kind::slice);
  require(table.slices() == 0 && table.addresses() == 0);
  return told;
}

std::string watch_pods(std::string_view document, size_t piece_bytes) {
  return watch<PodReader>(document, piece_bytes,
                          [](const PodReader& reader, bool, std::string& out) {
                            require(reader.pod().container_count <= Pod::kContainersMax);
                            put(out, reader.pod().name.view());
                            put(out, reader.pod().uid.view());
                          });
}

std::string list_services(std::string_view document, size_t piece_bytes) {
  std::string out;
  ServiceReader service;
  ApiListReader reader({"ServiceList", "v1", "the list"}, service,
                       [&] { put(out, service.service().name.view()); });
  Status status;
  feed_pieces(document, piece_bytes, [&](std::string_view piece) {
    status = reader.feed(piece);
    return status.ok();
  });
  if (status.ok()) status = reader.finish();
  put(out, reader.resource_version());
  require(reader.rest().size() <= JsonReader::kTextBytesMax);
  return out + reader.rest() + "!" + status.message();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view document(reinterpret_cast<const char*>(data), size);
  size_t whole = std::max(size, size_t{1});
  for (auto* read : {watch_services, watch_slices, watch_pods, list_services})
    require(read(document, whole) == read(document, 3));
  return 0;
}
