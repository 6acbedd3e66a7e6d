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
#include "client/command/state_file.h"
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

// The files that the flags ask for, of the sequence `index` of several.
absl::Status WriteFiles(const v1::SequenceResult& result,
                        const PredictFlags& flags, std::optional<int> index,
                        Terminal& terminal) {
  std::vector<std::string> lines;
  if (const std::string& directory = flags.output.directory;
      !directory.empty()) {
    ASSIGN_OR_RETURN(
        lines, WriteResult(result, index ? absl::StrCat(directory, "/", *index)
                                         : directory));
  }
  if (const std::string& file = flags.output.state_out; !file.empty()) {
    ASSIGN_OR_RETURN(
        const std::string line,
        WriteStateFile(result, index ? absl::StrCat(file, ".", *index) : file));
    lines.push_back(line);
  }
  if (flags.model.connection.json) return absl::OkStatus();  // JSON alone
  for (const std::string& line : lines) terminal.out << line << "\n";
  return absl::OkStatus();
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
    if (!flags.output.directory.empty() || !flags.output.state_out.empty()) {
      collector.emplace();
    }
    absl::Status status = StreamOne(*stream, *output, collector);
    if (status.ok() && collector) {
      status = WriteFiles(collector->result(), flags,
                          many ? std::optional(index) : std::nullopt, terminal);
    }
    if (!status.ok()) return CallFailed(status, terminal);
  }
}

}  // namespace unroll::client
