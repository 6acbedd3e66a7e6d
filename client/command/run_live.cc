#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/command/commands.h"
#include "client/command/keyboard.h"
#include "client/command/live_input.h"
#include "client/command/live_output.h"
#include "client/command/outputs.h"
#include "client/command/state_file.h"
#include "client/live_sequence.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

constexpr int32_t kWindow = 1024;  // steps; half of it can be in a line

// From the first server that answers.
absl::StatusOr<v1::GetModelResponse> FindModel(
    const std::vector<std::string>& addresses, const ModelFlags& flags) {
  absl::StatusOr<v1::GetModelResponse> model;
  for (const std::string& address : addresses) {
    model = Client(address).GetModel(flags.model, flags.version,
                                     flags.connection.call);
    if (model.status().code() != absl::StatusCode::kUnavailable) break;
  }
  return model;
}

absl::StatusOr<v1::LiveOpening> MakeOpening(const LiveFlags& flags,
                                            const v1::GetModelResponse& model) {
  v1::LiveOpening opening;
  opening.set_model(model.name());
  opening.set_version(model.version());
  opening.set_window(kWindow);
  *opening.mutable_outputs() = ChooseOutputs(
      flags.output, model,
      flags.model.connection.json ? View::kEverything : View::kSteps);
  if (!flags.state_in.empty()) {
    ASSIGN_OR_RETURN(*opening.mutable_state_token(),
                     ReadStateFile(flags.state_in));
    opening.set_require_exact(flags.require_exact);
  }
  return opening;
}

// Shows results until there are no more; how the sequence ended.
absl::Status Show(LiveSequence& live, LiveOutput& output,
                  v1::StreamEnd& final) {
  v1::LiveResponse response;
  absl::Status shown;
  while (live.Read(response)) {
    if (response.has_final()) final = response.final();
    if (!shown.ok()) continue;
    shown = output.Add(std::move(response));
    if (!shown.ok()) live.Cancel();
  }
  return shown.ok() ? live.Finish() : shown;
}

// Sends what there is, as it comes. INVALID_ARGUMENT: something that cannot be
// read, or sent at once. How the sequence ended is for Show to say.
absl::Status SendAll(LiveInput& input, LiveSequence& live, LiveOutput& output) {
  while (true) {
    ASSIGN_OR_RETURN(std::optional<LiveInput::Piece> piece, input.Next());
    if (!piece) break;
    output.OnSent(piece->shown);
    const absl::Status sent = live.Send(std::move(piece->request));
    if (sent.code() == absl::StatusCode::kCancelled) break;
    RETURN_IF_ERROR(sent);
  }
  live.HalfClose();
  return absl::OkStatus();
}

absl::Status WriteState(const v1::StreamEnd& final, const std::string& path) {
  v1::SequenceResult result;
  result.set_state_token(final.state_token());
  result.set_steps_done(final.steps_done());
  return WriteStateFile(result, path).status();
}

}  // namespace

int RunLive(const LiveFlags& flags, Terminal& terminal) {
  const std::vector<std::string> addresses =
      absl::StrSplit(flags.model.connection.server, ',');
  auto model = FindModel(addresses, flags.model);
  if (!model.ok()) return CallFailed(model.status(), terminal);
  // A live sequence's head is.
  if (model->has_head()) model->mutable_head()->set_applied_to("each_step");
  const auto opening = MakeOpening(flags, *model);
  if (!opening.ok()) return BadUsage(opening.status(), terminal);
  std::ifstream file;
  if (!flags.input.empty()) {
    file.open(flags.input, std::ios::binary);
    if (!file) {
      return BadUsage(absl::InvalidArgumentError(
                          absl::StrCat(flags.input, ": cannot be read")),
                      terminal);
    }
  }
  const bool keys =
      terminal.typed && flags.input.empty() && model->takes_text();
  std::optional<Keyboard> keyboard;
  if (keys) {
    keyboard.emplace();
    terminal.err << "Type; what has been read cannot be taken back. End with "
                    "Ctrl-D."
                 << std::endl;
  }
  const auto output = flags.model.connection.json
                          ? MakeLiveJson(*model, terminal)
                          : MakeLiveTable(*model, keys, terminal);
  LiveInput input(*model, flags.input.empty() ? terminal.in : file,
                  [&](char key) { output->OnKey(key); });
  LiveSequence live({.addresses = addresses}, *opening);
  absl::Status ended;
  v1::StreamEnd final;
  std::thread reader([&] { ended = Show(live, *output, final); });
  const absl::Status sent = SendAll(input, live, *output);
  if (!sent.ok()) live.Cancel();
  reader.join();
  keyboard.reset();
  if (!sent.ok()) return BadUsage(sent, terminal);
  if (ended.ok() && !flags.output.state_out.empty()) {
    ended = WriteState(final, flags.output.state_out);
  }
  return ended.ok() ? kSuccess : CallFailed(ended, terminal);
}

}  // namespace unroll::client
