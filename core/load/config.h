#ifndef UNROLL_CORE_LOAD_CONFIG_H_
#define UNROLL_CORE_LOAD_CONFIG_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/model/model.h"
#include "core/model/spec.h"
#include "core/model/vocabulary.h"

namespace unroll {

// What a config.json says. All keys are optional: nothing means not said.
struct Config {
  std::optional<Nonlinearity> nonlinearity;

  bool has_head = false;  // "head" is there
  std::optional<Activation> activation;
  std::optional<AppliedTo> applied_to;

  std::optional<std::string> vocabulary;  // plain file names
  std::optional<std::string> labels;
  std::optional<Tokenizer> tokenizer;
  std::optional<std::string> unknown_token;
  std::optional<std::string> blank_token;

  // "tensors": settles what names and shapes leave open.
  std::optional<std::string> rnn_prefix;   // of weight_ih_l0, often "rnn."
  std::optional<std::string> embedding;    // the tensor's whole name
  std::optional<std::string> head_prefix;  // of weight and bias, often "head."

  std::vector<std::string> ignore;  // patterns of tensors to leave out
  std::optional<KernelChoice> kernel;
};

// Reads config.json. `where` names the file in messages.
// INVALID_ARGUMENT: bad JSON, an unknown key (the known ones are listed), a
// value of a wrong type or that is not one of the words, a file name that is
// not plain, too many or too long patterns.
absl::StatusOr<Config> ParseConfig(std::string_view text,
                                   std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_CONFIG_H_
