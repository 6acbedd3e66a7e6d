#ifndef UNROLL_CORE_LOAD_MODULE_HINT_H_
#define UNROLL_CORE_LOAD_MODULE_HINT_H_

#include <optional>
#include <string_view>

namespace unroll {

// "head." of "head.weight", "" of "weight", nothing of other names.
std::optional<std::string_view> WeightModule(std::string_view name);

// What a module's name says of it.
enum class ModuleHint {
  kNone,
  kEmbedding,
  kHead,
  kLayer,  // a Linear, wherever it stands
  kOther,  // neither an embedding nor a head: a layer in front, a state
};

// How a Linear of its shape could stand in the network.
enum class Placement {
  kBehind,    // not in front of the nn.RNN
  kFront,     // in front too: [I, D*H]
  kAnywhere,  // as kFront, and square: what goes in and out looks the same
};

struct NamedModule {
  std::string_view name;  // of "model.decoder.weight" it is "model.decoder."
  std::string_view rnn;   // the nn.RNN's prefix: numbers before and behind it
                          // in an nn.Sequential say much
  bool biased = false;
  Placement placement = Placement::kBehind;
};

// Goes by the last part of the name that says something. The harder its shape
// makes it to say where a module stands, the clearer its name has to be.
ModuleHint HintOf(const NamedModule& module);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_MODULE_HINT_H_
