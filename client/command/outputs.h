#ifndef UNROLL_CLIENT_COMMAND_OUTPUTS_H_
#define UNROLL_CLIENT_COMMAND_OUTPUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "client/command/flags.h"
#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// What becomes of the results, and so what is asked for by default.
enum class View {
  kSummary,    // a table of each sequence's outcome
  kSteps,      // a line a step
  kEverything  // JSON or files
};

v1::Outputs ChooseOutputs(const OutputFlags& flags,
                          const v1::GetModelResponse& model, View view);

// Whether the head gives one row of scores for the whole sequence.
bool ScoresOnce(const v1::GetModelResponse& model);

// T, of a sequence whose text became `token_ids`.
int64_t StepCount(const v1::Sequence& sequence,
                  const google::protobuf::RepeatedField<int64_t>& token_ids);

// The steps that `outputs` asks for of T; `result` says where blanks are.
std::vector<int64_t> ChosenSteps(const v1::Outputs& outputs, int64_t steps,
                                 const v1::SequenceResult& result);

// Whether a text has a blank, "[ ]", and the model a token for it.
bool HasBlank(const v1::Sequence& sequence, const v1::GetModelResponse& model);

// The pieces of `text` that become a step each, for people; [] where the split
// is not known.
std::vector<std::string> TextPieces(const std::string& text,
                                    const v1::GetModelResponse& model);

// What each step reads, for people: the piece of text where the split is known
// to be the server's, otherwise the token id; [T], or [] for features.
std::vector<std::string> StepTokens(
    const v1::Sequence& sequence, const v1::GetModelResponse& model,
    const google::protobuf::RepeatedField<int64_t>& token_ids);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_OUTPUTS_H_
