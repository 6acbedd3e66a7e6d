#include "client/command/sequence_source.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/array.h"
#include "client/command/parse.h"
#include "client/command/state_file.h"
#include "client/command/text.h"
#include "client/npy.h"
#include "client/sequence.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

absl::Status Prefixed(const std::string& where, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(where, ": ", status.message()));
}

absl::StatusOr<Array> ReadFloats(const std::string& path) {
  ASSIGN_OR_RETURN(NpyArray array, ReadNpy(path));
  auto* values = std::get_if<std::vector<float>>(&array.values);
  if (values == nullptr) {
    return absl::InvalidArgumentError(path + ": integers, expected float32");
  }
  return Array{std::move(array.shape), std::move(*values)};
}

// Text is checked here: gRPC's own error for it would not say where.
absl::StatusOr<v1::Sequence> FromText(const std::string& text) {
  RETURN_IF_ERROR(CodePoints(text).status());
  return TextSequence(text);
}

absl::StatusOr<v1::Sequence> ParseLine(const std::string& line,
                                       const v1::GetModelResponse& model) {
  if (line.empty()) {
    return absl::InvalidArgumentError(
        "empty, expected a sequence of one step or more");
  }
  if (model.takes_text()) return FromText(line);
  if (model.vocabulary_size() > 0) {
    ASSIGN_OR_RETURN(const auto ids, ParseTokenIds(line));
    return TokenSequence(ids);
  }
  v1::Sequence sequence;
  ASSIGN_OR_RETURN(*sequence.mutable_features(), ParseRows(line));
  return sequence;
}

const char* LineFormat(const v1::GetModelResponse& model) {
  if (model.takes_text()) return "text";
  return model.vocabulary_size() > 0 ? "token ids such as 3 17 4"
                                     : "rows such as [[0.5, 1], [2, 3]]";
}

}  // namespace

absl::StatusOr<v1::Sequence> ReadSequence(const std::string& path) {
  ASSIGN_OR_RETURN(NpyArray array, ReadNpy(path));
  if (auto* ids = std::get_if<std::vector<int64_t>>(&array.values)) {
    if (array.shape.size() == 1) return TokenSequence(*ids);
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: integers of shape %s, expected token ids [T]",
                        path, ShapeString(array.shape)));
  }
  if (array.shape.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: float32 of shape %s, expected features [T,I]",
                        path, ShapeString(array.shape)));
  }
  return FeatureSequence(
      {array.shape, std::get<std::vector<float>>(std::move(array.values))});
}

absl::StatusOr<SequenceSource> SequenceSource::Open(
    const InputFlags& flags, const v1::GetModelResponse& model,
    Terminal& terminal) {
  SequenceSource source(flags, model, terminal);
  if (!flags.initial_state.empty()) {
    ASSIGN_OR_RETURN(const Array h, ReadFloats(flags.initial_state));
    v1::Sequence sequence;
    SetInitialState(h, sequence);
    source.initial_state_ = sequence.initial_state();
  }
  if (!flags.state_in.empty()) {
    ASSIGN_OR_RETURN(source.state_token_, ReadStateFile(flags.state_in));
  }
  return source;
}

absl::StatusOr<std::optional<NamedSequence>> SequenceSource::Next() {
  std::optional<NamedSequence> next;
  if (flags_.files.empty() && flags_.texts.empty()) {
    ASSIGN_OR_RETURN(next, FromLine());
  } else if (taken_ < flags_.files.size() + flags_.texts.size()) {
    ASSIGN_OR_RETURN(next, FromFlags());
  }
  if (next && initial_state_) {
    *next->sequence.mutable_initial_state() = *initial_state_;
  }
  if (next && !state_token_.empty()) {
    next->sequence.set_state_token(state_token_);
    next->sequence.set_require_exact(flags_.require_exact);
  }
  return next;
}

absl::StatusOr<NamedSequence> SequenceSource::FromFlags() {
  const size_t index = taken_++;
  if (index < flags_.files.size()) {
    const std::string& path = flags_.files[index];
    ASSIGN_OR_RETURN(v1::Sequence sequence, ReadSequence(path));
    return NamedSequence{path, std::move(sequence)};
  }
  const std::string& text = flags_.texts[index - flags_.files.size()];
  absl::StatusOr<v1::Sequence> sequence = FromText(text);
  if (!sequence.ok()) return Prefixed("--text", sequence.status());
  return NamedSequence{absl::StrCat("\"", text, "\""), *std::move(sequence)};
}

absl::StatusOr<std::optional<NamedSequence>> SequenceSource::FromLine() {
  if (taken_ == 0 && terminal_.typed) {
    terminal_.err
        << "Reading sequences from standard input, a line a sequence: "
        << LineFormat(model_) << ". End with Ctrl-D." << std::endl;
  }
  std::string line;
  if (!std::getline(terminal_.in, line)) return std::nullopt;
  ++taken_;
  absl::StatusOr<v1::Sequence> sequence = ParseLine(line, model_);
  if (!sequence.ok()) {
    return Prefixed(absl::StrCat("standard input, line ", taken_),
                    sequence.status());
  }
  return NamedSequence{model_.takes_text() ? absl::StrCat("\"", line, "\"")
                                           : absl::StrCat("line ", taken_),
                       *std::move(sequence)};
}

absl::StatusOr<std::vector<NamedSequence>> ReadAll(SequenceSource& source) {
  std::vector<NamedSequence> sequences;
  while (true) {
    ASSIGN_OR_RETURN(std::optional<NamedSequence> next, source.Next());
    if (!next) break;
    sequences.push_back(*std::move(next));
  }
  if (sequences.empty()) {
    return absl::InvalidArgumentError(
        "standard input: no sequences, expected one a line (or give --input or "
        "--text)");
  }
  return sequences;
}

}  // namespace unroll::client
