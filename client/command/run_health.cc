#include "client/command/commands.h"
#include "client/command/json.h"

namespace unroll::client {

int RunHealth(const HealthFlags& flags, Terminal& terminal) {
  using grpc::health::v1::HealthCheckResponse;
  Client client(flags.connection.server);
  const auto status = client.CheckHealth(flags.model, flags.connection.call);
  if (!status.ok()) return CallFailed(status.status(), terminal);
  const std::string name = HealthCheckResponse::ServingStatus_Name(*status);
  terminal.out << (flags.connection.json
                       ? ToLine({{"model", flags.model}, {"status", name}})
                       : name + "\n");
  return *status == HealthCheckResponse::SERVING ? kSuccess : kCallFailed;
}

}  // namespace unroll::client
