#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/command/commands.h"
#include "client/command/print_load.h"

namespace unroll::client {
namespace {

constexpr int64_t kTopK = 3;

// What a caller who has no wishes would ask of every step.
v1::Outputs ChooseOutputs(const BenchFlags& flags,
                          const v1::GetModelResponse& model) {
  v1::Outputs outputs = flags.outputs;
  if (!outputs.results().empty()) return outputs;
  if (model.has_head()) {
    outputs.add_results(v1::TOP);
    outputs.set_top_k(
        static_cast<int32_t>(std::min(kTopK, model.head().classes())));
  } else {
    outputs.add_results(v1::HIDDEN);
  }
  return outputs;
}

absl::Status FirstError(const LoadReport& report) {
  if (report.errors.empty()) return absl::OkStatus();
  const auto& [what, errors] = *report.errors.begin();
  return absl::Status(
      what.first,
      absl::StrCat(report.failed, " of ", report.failed + report.succeeded,
                   " sequences failed: ", errors.message));
}

}  // namespace

int RunBench(const BenchFlags& flags, Terminal& terminal) {
  const ConnectionFlags& connection = flags.model.connection;
  const auto model =
      Client(connection.server)
          .GetModel(flags.model.model, flags.model.version, connection.call);
  if (!model.ok()) return CallFailed(model.status(), terminal);
  if (flags.load.call == CallKind::kLive && model->spec().directions() > 1) {
    return BadUsage(
        absl::InvalidArgumentError(absl::StrCat(
            model->name(), " runs backward, too: it has no live sequences")),
        terminal);
  }
  LoadOptions load = flags.load;
  load.address = connection.server;
  load.timeout = connection.call.timeout;
  const bool progress = flags.progress || terminal.watched;
  if (progress) terminal.err << DescribeLoad(flags, *model) << std::flush;
  const LoadReport report = RunLoad(
      load, *model, ChooseOutputs(flags, *model), [&](const LoadProgress& now) {
        if (progress) terminal.err << FormatProgress(now) << std::flush;
      });
  if (connection.json) {
    terminal.out << ToLine(ToJson(flags, *model, report));
  } else {
    terminal.out << DescribeLoad(flags, *model) << FormatLoad(flags, report);
  }
  if (!flags.slos.empty()) {
    return std::all_of(flags.slos.begin(), flags.slos.end(),
                       [&](const Slo& slo) { return slo.Holds(report); })
               ? kSuccess
               : kSloMissed;
  }
  const absl::Status error = FirstError(report);
  return error.ok() ? kSuccess : CallFailed(error, terminal);
}

}  // namespace unroll::client
