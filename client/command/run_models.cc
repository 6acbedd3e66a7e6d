#include "client/command/commands.h"
#include "client/command/json.h"
#include "client/command/print_model.h"

namespace unroll::client {
namespace {

int ListModels(const ConnectionFlags& flags, Client& client,
               Terminal& terminal) {
  const auto models = client.ListModels(flags.call);
  if (!models.ok()) return CallFailed(models.status(), terminal);
  if (!flags.json) {
    terminal.out << FormatModels(*models);
    return kSuccess;
  }
  for (const v1::ModelStatus& model : models->models()) {
    terminal.out << ToLine(ToJson(model));
  }
  return kSuccess;
}

}  // namespace

int RunModels(const ModelFlags& flags, Terminal& terminal) {
  Client client(flags.connection.server);
  if (flags.model.empty()) {
    return ListModels(flags.connection, client, terminal);
  }
  const auto model =
      client.GetModel(flags.model, flags.version, flags.connection.call);
  if (!model.ok()) return CallFailed(model.status(), terminal);
  terminal.out << (flags.connection.json ? ToLine(ToJson(*model))
                                         : FormatModel(*model));
  return kSuccess;
}

}  // namespace unroll::client
