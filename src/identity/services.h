// Keeps a ServiceTable filled from an API server. What was known stays while that does not answer.
// Inside the loop.
#ifndef KUBEPULSE_IDENTITY_SERVICES_H
#define KUBEPULSE_IDENTITY_SERVICES_H

#include <optional>

#include "base/loop.h"
#include "base/status.h"
#include "identity/api_watcher.h"
#include "identity/pods_settings.h"
#include "identity/service_reader.h"
#include "identity/service_table.h"

namespace kubepulse {

class Services {
 public:
  Services(Loop& loop, const ApiServerSettings& settings);
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  // Fails where it could never work, see check_api_server(). All else is told in the log, once for
  // each kind of failure, and tried again.
  Status start();

  const ServiceTable& table() const { return table_; }

 private:
  // One line for each change of how it fares.
  void tell(std::optional<ServerOutcome::Kind>& told, const char* what,
            const ServerOutcome& outcome);

  template <typename Reader, typename Object>
  ApiWatcher::Handlers handlers(Reader& reader, const Object& (Reader::*object)() const,
                                ServiceTable::Kind kind, const char* what,
                                std::optional<ServerOutcome::Kind>& told);

  ApiServerSettings settings_;
  ServiceTable table_;
  ServiceReader service_;
  EndpointSliceReader slice_;
  std::optional<ServerOutcome::Kind> told_services_, told_slices_;
  ApiWatcher services_;
  ApiWatcher slices_;
};

}  // namespace kubepulse

#endif
