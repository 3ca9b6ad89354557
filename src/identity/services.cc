#include "identity/services.h"

#include "base/log.h"

namespace kubepulse {

namespace {

constexpr const char* kGrant =
    "the verbs list and watch of services, and of endpointslices in discovery.k8s.io,";

ApiWatcher::Resource services_resource() {
  return {{ServiceReader::kListKind, "v1", "the list of services"}, "/api/v1/services", "", kGrant};
}

ApiWatcher::Resource slices_resource() {
  return {{EndpointSliceReader::kListKind, "discovery.k8s.io/v1", "the list of endpoint slices"},
          "/apis/discovery.k8s.io/v1/endpointslices",
          "",
          kGrant};
}

}  // namespace

template <typename Reader, typename Object>
ApiWatcher::Handlers Services::handlers(Reader& reader, const Object& (Reader::*object)() const,
                                        ServiceTable::Kind kind, const char* what,
                                        std::optional<ServerOutcome::Kind>& told) {
  auto put = [this, &reader, object] {
    if (reader.is_named()) table_.put((reader.*object)());
  };
  ApiWatcher::Handlers made;
  made.begin = [this, kind] { table_.begin(kind); };
  made.item = put;
  made.commit = [this, kind] { table_.commit(kind); };
  made.drop = [] {};
  made.changed = put;
  made.deleted = [this, &reader, object] {
    if (reader.is_named()) table_.remove((reader.*object)());
  };
  made.told = [this, what, &told](const ServerOutcome& outcome) { tell(told, what, outcome); };
  return made;
}

Services::Services(Loop& loop, const ApiServerSettings& settings)
    : settings_(settings),
      services_(loop, settings, services_resource(), service_,
                handlers(service_, &ServiceReader::service, ServiceTable::Kind::service, "services",
                         told_services_)),
      slices_(loop, settings, slices_resource(), slice_,
              handlers(slice_, &EndpointSliceReader::slice, ServiceTable::Kind::slice,
                       "endpointslices", told_slices_)) {}

Status Services::start() {
  if (Status status = check_api_server(settings_); !status.ok()) return status;
  services_.start();
  slices_.start();
  return {};
}

void Services::tell(std::optional<ServerOutcome::Kind>& told, const char* what,
                    const ServerOutcome& outcome) {
  if (told == outcome.kind) return;
  told = outcome.kind;
  bool is_known = table_.services() + table_.slices() > 0;
  if (outcome.kind == ServerOutcome::Kind::good)
    log_info("the API server tells its objects", {{"resource", what}, {"url", outcome.url}});
  else
    log_warn("the API server does not tell its objects",
             {{"resource", what},
              {"kind", server_outcome_text(outcome.kind)},
              {"reason", outcome.reason},
              {"meanwhile", is_known ? "what it told last" : "nothing"}});
}

}  // namespace kubepulse
