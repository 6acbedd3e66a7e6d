#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/command/commands.h"
#include "client/command/output_files.h"
#include "client/command/outputs.h"
#include "client/command/sequence_source.h"
#include "client/command/step_output.h"
#include "client/status_macros.h"
#include "client/stream_collector.h"

namespace unroll::client {
namespace {

v1::PredictStreamRequest MakeRequest(const PredictFlags& flags,
                                     const v1::GetModelResponse& model,
                                     const v1::Sequence& sequence) {
  const bool everything =
      flags.model.connection.json || !flags.output.directory.empty();
  v1::PredictStreamRequest request;
  request.set_model(model.name());
  // The version that GetModel told of, even if a higher one loads meanwhile.
  request.set_version(model.version());
  request.set_request_id(flags.request_id);
  *request.mutable_sequence() = sequence;
  *request.mutable_outputs() = ChooseOutputs(
      flags.output, model, everything ? View::kEverything : View::kSteps);
  return request;
}

// Streams one sequence to `output`; what it all came to is added to `collector`
// if there is one.
absl::Status StreamOne(PredictionStream& stream, StepOutput& output,
                       std::optional<StreamCollector>& collector) {
  v1::PredictStreamResponse response;
  while (stream.Read(response)) {
    RETURN_IF_ERROR(output.Add(response));
    if (collector) collector->Add(std::move(response));
  }
  return stream.Finish();
}

}  // namespace

int RunStream(const PredictFlags& flags, Terminal& terminal) {
  const ConnectionFlags& connection = flags.model.connection;
  Client client(connection.server);
  const auto model =
      client.GetModel(flags.model.model, flags.model.version, connection.call);
  if (!model.ok()) return CallFailed(model.status(), terminal);
  auto source = SequenceSource::Open(flags.input, *model, terminal);
  if (!source.ok()) return BadUsage(source.status(), terminal);
  const bool many = flags.input.files.size() + flags.input.texts.size() != 1;

  for (int index = 0;; ++index) {
    auto next = source->Next();
    if (!next.ok()) return BadUsage(next.status(), terminal);
    if (!*next) return kSuccess;
    const NamedSequence& sequence = **next;
    const auto stream = client.PredictStream(
        MakeRequest(flags, *model, sequence.sequence), connection.call);
    const std::unique_ptr<StepOutput> output =
        connection.json ? MakeJsonOutput(index, *model, terminal)
                        : MakeTableOutput(sequence, *model, terminal);
    std::optional<StreamCollector> collector;
    if (!flags.output.directory.empty()) collector.emplace();
    const absl::Status status = StreamOne(*stream, *output, collector);
    if (!status.ok()) return CallFailed(status, terminal);
    if (!collector) continue;
    const std::string& directory = flags.output.directory;
    const auto lines =
        WriteResult(collector->result(),
                    many ? absl::StrCat(directory, "/", index) : directory);
    if (!lines.ok()) return CallFailed(lines.status(), terminal);
    if (connection.json) continue;  // the output is JSON alone
    for (const std::string& line : *lines) terminal.out << line << "\n";
  }
}

}  // namespace unroll::client
