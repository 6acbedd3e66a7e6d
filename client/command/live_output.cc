#include "client/command/live_output.h"

#include <deque>
#include <mutex>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/command/keyboard.h"
#include "client/command/print_result.h"
#include "client/command/print_scores.h"
#include "client/command/rows.h"
#include "client/command/step_output.h"
#include "client/command/text.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

constexpr size_t kPieceColumn = 10;
constexpr size_t kTypedColumn = 24;

bool BeginsCodePoint(char byte) { return (byte & 0xc0) != 0x80; }

// The last code points, at most so many.
std::string EndOf(std::string text, size_t columns) {
  while (Width(text) > columns) {
    size_t next = 1;
    while (next < text.size() && !BeginsCodePoint(text[next])) ++next;
    text.erase(0, next);
  }
  return text;
}

void RemoveLast(std::string& text) {
  while (!BeginsCodePoint(text.back())) text.pop_back();
  text.pop_back();
}

absl::Status Print(const std::string& text, Terminal& terminal) {
  if (terminal.out << text << std::flush) return absl::OkStatus();
  return absl::CancelledError("the output cannot be written any more");
}

class LiveTable : public LiveOutput {
 public:
  LiveTable(const v1::GetModelResponse& model, bool typed, Terminal& terminal)
      : model_(model),
        typed_(typed),
        terminal_(terminal),
        scores_(model.head(), terminal.unicode) {}

  void OnKey(char key) override {
    if (!typed_) return;
    const std::lock_guard lock(mutex_);
    text_ += absl::ascii_isspace(key) ? ' ' : key;
    (void)Redraw();
  }

  void OnSent(const std::vector<std::string>& pieces) override {
    const std::lock_guard lock(mutex_);
    sent_.insert(sent_.end(), pieces.begin(), pieces.end());
  }

  absl::Status Add(v1::LiveResponse response) override {
    const std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(const Rows hidden, Rows::Of(response.hidden()));
    for (int i = 0; i < response.steps_size(); ++i) {
      result_ = i < response.top_size() ? scores_.Line(response.top(i))
                                        : FirstValues(hidden[i]);
      std::string piece;
      if (!sent_.empty()) {
        piece = PadRight(sent_.front(), kPieceColumn) + "  ";
        sent_.pop_front();
      }
      if (typed_) continue;
      RETURN_IF_ERROR(Print(
          absl::StrFormat("%6d  %s%s\n", response.steps(i), piece, result_),
          terminal_));
    }
    if (typed_) RETURN_IF_ERROR(Redraw());
    return response.has_final() ? AddEnd(response.final()) : absl::OkStatus();
  }

 private:
  // The end of what was typed, and what came of it, in one line.
  absl::Status Redraw() {
    text_ = EndOf(text_, kTypedColumn);
    std::string line =
        absl::StrCat(PadLeft(text_, kTypedColumn), " | ", result_);
    while (Width(line) >= TerminalColumns()) RemoveLast(line);
    return Print(absl::StrCat("\r\x1b[K", line), terminal_);
  }

  absl::Status AddEnd(const v1::StreamEnd& end) {
    std::string text = typed_ ? "\n" : "";
    ASSIGN_OR_RETURN(const std::string state,
                     FormatFinalState(end.final_state()));
    text += state;
    if (end.has_exact()) {
      text += FormatContinuation(end.exact(), end.steps_done());
    }
    return Print(text + model_.name() + " " +
                     FormatTiming(end.version(), end.timing()) + "\n",
                 terminal_);
  }

  const v1::GetModelResponse& model_;
  const bool typed_;
  Terminal& terminal_;
  const ScoreFormat scores_;

  std::mutex mutex_;
  std::deque<std::string> sent_;  // what steps without results read
  std::string text_;              // typed
  std::string result_;            // of the last step
};

class LiveJson : public LiveOutput {
 public:
  LiveJson(const v1::GetModelResponse& model, Terminal& terminal)
      : output_(MakeJsonOutput(0, model, terminal)) {}

  // As a stream's, which has the same fields.
  absl::Status Add(v1::LiveResponse response) override {
    v1::PredictStreamResponse message;
    *message.mutable_steps() = std::move(*response.mutable_steps());
    *message.mutable_top() = std::move(*response.mutable_top());
    *message.mutable_token_ids() = std::move(*response.mutable_token_ids());
    if (response.has_hidden()) {
      *message.mutable_hidden() = std::move(*response.mutable_hidden());
    }
    if (response.has_scores()) {
      *message.mutable_scores() = std::move(*response.mutable_scores());
    }
    if (response.has_final()) {
      *message.mutable_final() = std::move(*response.mutable_final());
    }
    return output_->Add(message);
  }

 private:
  const std::unique_ptr<StepOutput> output_;
};

}  // namespace

std::unique_ptr<LiveOutput> MakeLiveTable(const v1::GetModelResponse& model,
                                          bool typed, Terminal& terminal) {
  return std::make_unique<LiveTable>(model, typed, terminal);
}

std::unique_ptr<LiveOutput> MakeLiveJson(const v1::GetModelResponse& model,
                                         Terminal& terminal) {
  return std::make_unique<LiveJson>(model, terminal);
}

}  // namespace unroll::client
