#include "core/format/state_dict.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/format/pickle.h"

namespace unroll {
namespace {

// A pickle can name one tensor many times, in a few bytes each.
constexpr size_t kMaxTensors = 1 << 16;

// Where training scripts keep the state_dict.
constexpr std::string_view kCheckpointKeys[] = {
    "state_dict", "model_state_dict", "model",  "net",
    "network",    "module",           "weights"};

// Whether it is a dict that has a tensor.
bool HasTensor(const Pickle& pickle, const PickleValue& value) {
  if (value.kind != PickleKind::kDict) return false;
  for (size_t i = 1; i < value.items.size(); i += 2) {
    if (IsPickledTensor(pickle[value.items[i]])) return true;
  }
  return false;
}

bool IsCheckpointKey(const PickleValue& key) {
  const auto end = std::end(kCheckpointKeys);
  return std::find(std::begin(kCheckpointKeys), end, key.text) != end;
}

absl::Status NoStateDict(const Pickle& pickle, const PickleValue& top) {
  constexpr size_t kShown = 10;
  std::vector<std::string> keys;
  for (size_t i = 0; i < top.items.size() && keys.size() < kShown; i += 2) {
    keys.push_back(Describe(pickle[top.items[i]]));
  }
  return Invalid(
      "no tensors in it, nor in a dict under one of its keys %s; it has %d "
      "keys: %s",
      ListForMessage({std::begin(kCheckpointKeys), std::end(kCheckpointKeys)}),
      top.items.size() / 2, ListForMessage(keys));
}

// The state_dict of a checkpoint: one of its parts, whose key it fills in, or
// all of it.
absl::StatusOr<PickleRef> FindStateDict(const Pickle& pickle,
                                        std::string& checkpoint_key) {
  const PickleValue& top = pickle[pickle.top];
  if (top.kind != PickleKind::kDict) {
    return Invalid("is %s, expected a state_dict or a dict that has one",
                   Describe(top));
  }
  PickleRef found = pickle.top;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < top.items.size(); i += 2) {
    const PickleValue& key = pickle[top.items[i]];
    const PickleRef value = top.items[i + 1];
    if (!IsCheckpointKey(key)) continue;
    if (!seen.insert(key.text).second) {
      return Invalid("key %s appears twice", Quoted(key.text));
    }
    if (!HasTensor(pickle, pickle[value])) continue;
    if (!checkpoint_key.empty()) {
      return Invalid("state_dicts under %s and %s, expected one",
                     Quoted(checkpoint_key), Quoted(key.text));
    }
    checkpoint_key = key.text;
    found = value;
  }
  if (!HasTensor(pickle, pickle[found])) return NoStateDict(pickle, top);
  return found;
}

absl::StatusOr<StateDict> ReadStateDict(const Pickle& pickle) {
  StateDict state_dict;
  ASSIGN_OR_RETURN(const PickleRef ref,
                   FindStateDict(pickle, state_dict.checkpoint_key));
  const std::vector<PickleRef>& items = pickle[ref].items;
  if (items.size() / 2 > kMaxTensors) {
    return Invalid("%d tensors, expected at most %d", items.size() / 2,
                   kMaxTensors);
  }
  std::set<std::string_view> names;
  for (size_t i = 0; i < items.size(); i += 2) {
    const PickleValue& name = pickle[items[i]];
    if (name.kind != PickleKind::kText || name.text.empty()) {
      return Invalid(
          "a tensor's name is %s, expected a string that is not empty",
          Describe(name));
    }
    if (name.text.size() > kMaxTensorNameBytes) {
      return Invalid("tensor %s: name of %d bytes, expected at most %d",
                     Quoted(name.text), name.text.size(), kMaxTensorNameBytes);
    }
    if (!names.insert(name.text).second) {
      return Invalid("tensor %s appears twice", Quoted(name.text));
    }
    auto tensor = ToStateDictTensor(pickle, pickle[items[i + 1]]);
    if (!tensor.ok()) {
      return Invalid("tensor %s: %s", Quoted(name.text),
                     tensor.status().message());
    }
    tensor->name = name.text;
    state_dict.tensors.push_back(*std::move(tensor));
  }
  std::sort(state_dict.tensors.begin(), state_dict.tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return state_dict;
}

}  // namespace

absl::StatusOr<StateDict> ParseStateDict(std::string_view bytes,
                                         std::string_view where) {
  ASSIGN_OR_RETURN(const Pickle pickle,
                   ParsePickle(bytes, absl::StrFormat("%s: data.pkl", where)));
  auto state_dict = ReadStateDict(pickle);
  if (!state_dict.ok()) {
    return Invalid("%s: %s", where, state_dict.status().message());
  }
  return state_dict;
}

}  // namespace unroll
