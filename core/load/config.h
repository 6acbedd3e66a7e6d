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
  // "layers": the head's Linears in order. None: there is at most one, found
  // or configured by "tensors", and `activation` is its.
  struct HeadLayer {
    std::string prefix;  // of weight and bias
    Activation activation = Activation::kIdentity;
  };
  std::vector<HeadLayer> head_layers;

  // "input": numbers for all features, or one for each of I.
  std::vector<float> input_mean, input_std;

  std::optional<std::string> vocabulary;  // plain file names
  std::optional<std::string> labels;
  std::optional<Tokenizer> tokenizer;
  std::optional<std::string> unknown_token;
  std::optional<std::string> blank_token;

  // "tensors": settles what names and shapes leave open.
  std::vector<std::string> rnn_prefixes;   // of weight_ih_l0, often "rnn."
  std::optional<std::string> embedding;    // the tensor's whole name
  std::optional<std::string> head_prefix;  // of weight and bias, often "head."
  std::optional<std::string> tensor_mean;  // whole names of the two that
  std::optional<std::string> tensor_std;   // normalise the input

  std::vector<std::string> ignore;  // patterns of tensors to leave out
  std::optional<KernelChoice> kernel;
  std::optional<Precision> precision;
};

// Reads config.json. `where` names the file in messages.
// INVALID_ARGUMENT: bad JSON, keys that contradict each other, an unknown key
// (the known ones are listed), a value of a wrong type or that is not one of
// the words, a file name that is not plain, too many or too long patterns.
absl::StatusOr<Config> ParseConfig(std::string_view text,
                                   std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_CONFIG_H_
