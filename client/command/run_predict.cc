#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/command/commands.h"
#include "client/command/json.h"
#include "client/command/output_files.h"
#include "client/command/outputs.h"
#include "client/command/print_result.h"
#include "client/command/repeat.h"
#include "client/command/sequence_source.h"
#include "client/command/state_file.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

// One call of `predict` and what is known when it is made.
struct Call {
  const PredictFlags& flags;
  v1::GetModelResponse model;
  std::vector<NamedSequence> sequences;
  v1::PredictRequest request;
};

void FillRequest(View view, Call& call) {
  call.request.set_model(call.model.name());
  // The version that GetModel told of, even if a higher one loads meanwhile.
  call.request.set_version(call.model.version());
  call.request.set_request_id(call.flags.request_id);
  v1::Outputs& outputs = *call.request.mutable_outputs();
  outputs = ChooseOutputs(call.flags.output, call.model, view);
  // Texts with blanks ask what fills them.
  const bool chosen =
      call.flags.output.outputs.steps_case() != v1::Outputs::STEPS_NOT_SET;
  if (!chosen && view == View::kSummary &&
      std::all_of(call.sequences.begin(), call.sequences.end(),
                  [&](const NamedSequence& named) {
                    return HasBlank(named.sequence, call.model);
                  })) {
    outputs.mutable_blanks();
  }
  for (const NamedSequence& sequence : call.sequences) {
    *call.request.add_sequences() = sequence.sequence;
  }
}

int RunRepeat(const Call& call, Client& client, Terminal& terminal) {
  const ConnectionFlags& connection = call.flags.model.connection;
  const RepeatReport report = Repeat(
      [&] { return client.Predict(call.request, connection.call).status(); },
      call.flags.repeat, call.flags.concurrency);
  terminal.out << (connection.json ? ToLine(ToJson(report))
                                   : FormatReport(report));
  if (report.errors.empty()) return kSuccess;
  return CallFailed(report.first_error, terminal);
}

absl::Status PrintJson(const Call& call, const v1::PredictResponse& response,
                       Terminal& terminal) {
  for (int i = 0; i < response.results_size(); ++i) {
    const v1::SequenceResult& result = response.results(i);
    Json json = {{"sequence", i},
                 {"model", call.model.name()},
                 {"version", response.version()},
                 {"request_id", response.request_id()}};
    json["steps"] = ChosenSteps(
        call.request.outputs(),
        StepCount(call.request.sequences(i), result.token_ids()), result);
    RETURN_IF_ERROR(AddResult(result, ScoresOnce(call.model), json));
    json["timing"] = ToJson(response.timing());
    terminal.out << ToLine(json);
  }
  return absl::OkStatus();
}

absl::Status WriteFiles(const Call& call, const v1::PredictResponse& response,
                        Terminal& terminal) {
  const std::string& directory = call.flags.output.directory;
  for (int i = 0; i < response.results_size(); ++i) {
    ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                     WriteResult(response.results(i),
                                 response.results_size() == 1
                                     ? directory
                                     : absl::StrCat(directory, "/", i)));
    if (call.flags.model.connection.json) continue;  // the output is JSON alone
    for (const std::string& line : lines) terminal.out << line << "\n";
  }
  return absl::OkStatus();
}

absl::Status WriteStates(const Call& call, const v1::PredictResponse& response,
                         Terminal& terminal) {
  const std::string& file = call.flags.output.state_out;
  for (int i = 0; i < response.results_size(); ++i) {
    ASSIGN_OR_RETURN(
        const std::string line,
        WriteStateFile(response.results(i), response.results_size() == 1
                                                ? file
                                                : absl::StrCat(file, ".", i)));
    if (!call.flags.model.connection.json) terminal.out << line << "\n";
  }
  return absl::OkStatus();
}

absl::Status PrintTable(const Call& call, const v1::PredictResponse& response,
                        Terminal& terminal) {
  for (int i = 0; i < response.results_size(); ++i) {
    ASSIGN_OR_RETURN(
        const std::string table,
        FormatResult(call.sequences[i], call.request.outputs(),
                     response.results(i), call.model, terminal.unicode));
    terminal.out << table;
  }
  terminal.out << call.model.name() << " "
               << FormatTiming(response.version(), response.timing()) << "\n";
  return absl::OkStatus();
}

absl::Status Show(const Call& call, const v1::PredictResponse& response,
                  Terminal& terminal) {
  if (response.results_size() != call.request.sequences_size()) {
    return absl::InternalError(absl::StrCat(response.results_size(),
                                            " results in the reply, expected ",
                                            call.request.sequences_size()));
  }
  const bool files = !call.flags.output.directory.empty();
  const bool json = call.flags.model.connection.json;
  if (files) RETURN_IF_ERROR(WriteFiles(call, response, terminal));
  if (json) {
    RETURN_IF_ERROR(PrintJson(call, response, terminal));
  } else if (!files) {
    RETURN_IF_ERROR(PrintTable(call, response, terminal));
  }
  if (call.flags.output.state_out.empty()) return absl::OkStatus();
  return WriteStates(call, response, terminal);
}

}  // namespace

int RunPredict(const PredictFlags& flags, Terminal& terminal) {
  const ConnectionFlags& connection = flags.model.connection;
  Client client(connection.server);
  auto model =
      client.GetModel(flags.model.model, flags.model.version, connection.call);
  if (!model.ok()) return CallFailed(model.status(), terminal);
  Call call = {flags, *std::move(model)};
  auto source = SequenceSource::Open(flags.input, call.model, terminal);
  if (!source.ok()) return BadUsage(source.status(), terminal);
  auto sequences = ReadAll(*source);
  if (!sequences.ok()) return BadUsage(sequences.status(), terminal);
  call.sequences = *std::move(sequences);

  // Repeated calls are the same with and without --json.
  const bool everything =
      flags.repeat == 0 && (connection.json || !flags.output.directory.empty());
  FillRequest(everything ? View::kEverything : View::kSummary, call);
  if (flags.repeat > 0) return RunRepeat(call, client, terminal);
  const auto response = client.Predict(call.request, connection.call);
  if (!response.ok()) return CallFailed(response.status(), terminal);
  const absl::Status shown = Show(call, *response, terminal);
  return shown.ok() ? kSuccess : CallFailed(shown, terminal);
}

}  // namespace unroll::client
