// Objects as API servers write them.
#include "identity/service_reader.h"

#include <string>

#include "tests/check.h"
#include "tests/json_pieces.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string text_of(const IpBytes& address) {
  bool v4 = parse_ip("::ffff:0.0.0.0").value()[10] == address[10] && address[10] == 0xFF;
  return v4 ? Address::of(AF_INET, address.data() + 12).text()
            : Address::of(AF_INET6, address.data()).text();
}

std::string addresses_of(const Service& service) {
  std::string text;
  for (const IpBytes& address : service.addresses)
    text += text_of(address) + " ";
  return text;
}

constexpr const char* kService = R"({
  "metadata": {"name": "web", "namespace": "shop", "uid": "0f1e3f6e-1f8b-4b8e-9c55-0f7b9a7a1c11",
    "resourceVersion": "8123", "creationTimestamp": "2026-01-02T03:04:05Z",
    "labels": {"app": "web", "name": "no"}, "annotations": {"namespace": "no"},
    "managedFields": [{"manager": "kubectl", "operation": "Update", "apiVersion": "v1",
      "fieldsV1": {"f:spec": {"f:clusterIP": "no", "f:clusterIPs": ["10.9.9.9"]}}}]},
  "spec": {"ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}],
    "selector": {"clusterIP": "10.9.9.9"}, "clusterIP": "10.96.14.7",
    "clusterIPs": ["10.96.14.7", "fd00:10:96::1a2b"], "type": "LoadBalancer",
    "externalIPs": ["192.0.2.7"], "sessionAffinity": "None", "loadBalancerIP": "203.0.113.1",
    "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"},
  "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9", "ipMode": "VIP"},
    {"hostname": "lb.example.com"}]}, "conditions": []}})";

START_TEST(a_service) {
  for (size_t piece_bytes : {SIZE_MAX, size_t{50}, size_t{1}}) {
    ServiceReader reader;
    read_object(reader, kService, piece_bytes);
    ck_assert(reader.is_named());
    CHECK_TEXT(std::string(reader.service().ns.view()), "shop");
    CHECK_TEXT(std::string(reader.service().name.view()), "web");
    CHECK_TEXT(addresses_of(reader.service()),
               "10.96.14.7 fd00:10:96::1a2b 192.0.2.7 203.0.113.9 ");
  }
}
END_TEST

START_TEST(other_services) {
  ServiceReader reader;
  read_object(reader, kService);
  // Nothing of the one before stays.
  read_object(reader,
              R"({"metadata":{"name":"dns","namespace":"kube-system"},)"
              R"("spec":{"clusterIP":"None","clusterIPs":["None"]},"status":{"loadBalancer":{}}})");
  CHECK_TEXT(addresses_of(reader.service()), "");
  ck_assert(reader.is_named());
  read_object(reader, R"({"metadata":{"name":"out","namespace":"x"},"spec":{"type":"ExternalName",)"
                      R"("externalName":"example.com","clusterIP":"","clusterIPs":null}})");
  CHECK_TEXT(addresses_of(reader.service()), "");
  // What is of no use.
  for (const char* text :
       {"{}", R"({"metadata":null})", R"({"metadata":[{"name":"a","namespace":"b"}]})",
        R"({"metadata":{"name":7,"namespace":"x"}})", R"({"metadata":{"name":"a"}})"}) {
    read_object(reader, text);
    ck_assert_msg(!reader.is_named(), "%s", text);
  }
  std::string name(64, 'a');
  read_object(reader, R"({"metadata":{"namespace":"x","name":")" + name + R"("}})");
  ck_assert(!reader.is_named());
  std::string many = R"({"metadata":{"name":"a","namespace":"x"},"spec":{"externalIPs":[)";
  for (int i = 0; i < 70; i++)
    many += "\"10.0.0." + std::to_string(i) + "\",";
  read_object(reader, many + R"("no","10.0.0.1"]}})");
  ck_assert_uint_eq(reader.service().addresses.size(), Service::kAddressesMax);
  ck_assert_uint_eq(reader.service().cut, 6);
}
END_TEST

constexpr const char* kSlice = R"({
  "metadata": {"name": "web-x7k2p", "generateName": "web-", "namespace": "shop",
    "resourceVersion": "8200", "labels": {"kubernetes.io/service-name": "web"},
    "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "0f1e"}]},
  "addressType": "IPv4",
  "endpoints": [
    {"addresses": ["10.244.1.5"], "conditions": {"ready": true, "serving": true},
      "nodeName": "node-1", "zone": "a",
      "targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-5d9c-abcde", "uid": "1"}},
    {"addresses": ["10.244.2.6", "10.244.2.7"], "targetRef": {"kind": "Pod", "name": "web-1"}},
    {"addresses": ["192.0.2.1"], "conditions": {}},
    {"addresses": ["192.0.2.2"], "targetRef": {"kind": "Node", "name": "node-1"}},
    {"addresses": ["192.0.2.3"], "targetRef": {"kind": "Pod", "namespace": "bank", "name": "vault"}},
    {"addresses": ["host.example.com"], "targetRef": {"kind": "Pod", "name": "web-2"}}],
  "ports": [{"name": "", "protocol": "TCP", "port": 8080}]})";

START_TEST(a_slice) {
  for (size_t piece_bytes : {SIZE_MAX, size_t{50}, size_t{1}}) {
    EndpointSliceReader reader;
    read_object(reader, kSlice, piece_bytes);
    ck_assert(reader.is_named());
    CHECK_TEXT(std::string(reader.slice().ns.view()), "shop");
    CHECK_TEXT(std::string(reader.slice().name.view()), "web-x7k2p");
    std::string text;
    for (const EndpointSlice::Endpoint& each : reader.slice().endpoints)
      text += text_of(each.address) + "=" + each.pod + " ";
    CHECK_TEXT(text, "10.244.1.5=web-5d9c-abcde 10.244.2.6=web-1 10.244.2.7=web-1 ");
    read_object(reader, R"({"metadata":{"name":"e","namespace":"x"},"endpoints":null})");
    ck_assert(reader.is_named() && reader.slice().endpoints.empty());
  }
}
END_TEST

START_TEST(long_slices) {
  std::string text = R"({"metadata":{"name":"a","namespace":"x"},"endpoints":[)";
  for (int i = 0; i < 1003; i++)
    text += R"({"targetRef":{"kind":"Pod","name":"p"},"addresses":["10.0.)" +
            std::to_string(i / 250) + "." + std::to_string(i % 250) + "\"]},";
  EndpointSliceReader reader;
  read_object(reader, text + "{}]}");
  ck_assert_uint_eq(reader.slice().endpoints.size(), EndpointSlice::kEndpointsMax);
  ck_assert_uint_eq(reader.slice().cut, 3);
}
END_TEST

}  // namespace

CHECK_MAIN("service_reader", a_service, other_services, a_slice, long_slices)
