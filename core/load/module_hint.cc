#include "core/load/module_hint.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace unroll {
namespace {

using Words = std::initializer_list<std::string_view>;

bool ContainsAny(std::string_view text, Words words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != text.npos;
  });
}

// "fc_in", "fc-in" and "fcIn" are all "_fc_in_": a word is found with its
// underscores.
std::string Separated(std::string_view name) {
  std::string separated = "_";
  bool small = false;
  for (const char c : name) {
    if (small && absl::ascii_isupper(c)) separated += '_';
    small = absl::ascii_islower(c);
    separated += absl::ascii_isalnum(c) ? absl::ascii_tolower(c) : '_';
  }
  return separated + "_";
}

// The last part of "a.b." is "b"; `parent` gets the "a." before it.
std::string_view LastPart(std::string_view module, std::string_view* parent) {
  if (!module.empty()) module.remove_suffix(1);
  const size_t begin = module.rfind('.') + 1;  // 0 without a dot
  *parent = module.substr(0, begin);
  return module.substr(begin);
}

std::optional<int> Number(std::string_view part) {
  int number = 0;
  if (part.empty() ||
      !std::all_of(part.begin(), part.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(std::string(part), &number)) {
    return std::nullopt;
  }
  return number;
}

// How far a module of an nn.Sequential stands behind the nn.RNN in it; 0:
// nothing says so.
int StepsBehind(std::string_view part, std::string_view parent,
                std::string_view rnn) {
  if (!rnn.starts_with(parent)) return 0;
  rnn.remove_prefix(parent.size());
  const auto own = Number(part);
  const auto other = Number(rnn.substr(0, rnn.find('.')));
  return own && other ? *own - *other : 0;
}

ModuleHint HintOfNumber(int steps_behind, const NamedModule& module) {
  if (steps_behind > 0) return ModuleHint::kHead;
  if (module.biased) return ModuleHint::kOther;
  return module.placement == Placement::kBehind ? ModuleHint::kEmbedding
                                                : ModuleHint::kNone;
}

ModuleHint HintOfWords(std::string_view part, const NamedModule& module) {
  const std::string name = Separated(part);
  if (ContainsAny(
          name, {"_h0_", "_h_0_", "_hx_", "_init_", "_initial_", "_state_"})) {
    return ModuleHint::kOther;
  }
  const bool layer = ContainsAny(name, {"fc", "linear", "dense", "proj"});
  const bool head = ContainsAny(name, {"head", "_out", "output", "readout",
                                       "decoder", "class", "logit", "score"});
  if (ContainsAny(name, {"emb"})) {
    if (layer || ContainsAny(name, {"head", "out", "_pos_", "position"})) {
      return ModuleHint::kOther;
    }
    return ModuleHint::kEmbedding;
  }
  if (ContainsAny(name, {"_in_", "_inp_", "input", "_pre_", "prenet", "preproc",
                         "skip", "resid", "shortcut", "attn", "attention",
                         "gate", "_query_"})) {
    return ModuleHint::kOther;
  }
  // torch's own language model calls its embedding so; others, a Linear.
  if (ContainsAny(name, {"encoder"})) {
    const bool clear = !module.biased && module.placement == Placement::kBehind;
    return clear ? ModuleHint::kEmbedding : ModuleHint::kOther;
  }
  if (head) return ModuleHint::kHead;
  if (module.placement == Placement::kBehind &&
      ContainsAny(name, {"fc", "linear"})) {
    return ModuleHint::kHead;
  }
  return layer ? ModuleHint::kLayer : ModuleHint::kNone;
}

}  // namespace

std::optional<std::string_view> WeightModule(std::string_view name) {
  constexpr std::string_view kWeight = "weight";
  if (name != kWeight && !name.ends_with(".weight")) return std::nullopt;
  return name.substr(0, name.size() - kWeight.size());
}

ModuleHint HintOf(const NamedModule& module) {
  std::string_view parent;
  const std::string_view part = LastPart(module.name, &parent);
  if (const int steps = StepsBehind(part, parent, module.rnn)) {
    return HintOfNumber(steps, module);
  }
  const ModuleHint hint = HintOfWords(part, module);
  if (hint != ModuleHint::kNone && hint != ModuleHint::kLayer) return hint;
  // A parent of the nn.RNN as well says nothing of where in it this stands.
  ModuleHint parents = ModuleHint::kNone;
  if (!parent.empty() && !module.rnn.starts_with(parent)) {
    NamedModule above = module;
    above.name = parent;
    parents = HintOf(above);
  }
  // "classifier.1" and "out.proj" are heads; "encoder.fc" may be anything.
  if (Number(part) || parents == ModuleHint::kHead) return parents;
  // "fc1" often stands in front of the nn.RNN, "fc" seldom.
  const std::string name = Separated(part);
  const bool last_layer = name == "_fc_" || name == "_linear_";
  if (last_layer && module.placement == Placement::kFront &&
      parents == ModuleHint::kNone) {
    return ModuleHint::kHead;
  }
  return hint;
}

}  // namespace unroll
