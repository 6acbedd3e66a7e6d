#include "core/load/rnn_tensors.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/load/ignore.h"

namespace unroll {
namespace {

struct RnnName {
  std::string_view prefix;
  std::string_view part;  // "weight_ih", ...
  int64_t layer = 0;
  bool reverse = false;
  bool cell = false;  // of an nn.RNNCell: without _l<k>
};

// Whether a name ends with a part of an RNN; fills in which.
bool EndsWithPart(std::string_view name, RnnName& parsed) {
  for (const std::string_view part :
       {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"}) {
    if (!name.ends_with(part)) continue;
    parsed.part = part;
    parsed.prefix = name.substr(0, name.size() - part.size());
    return true;
  }
  return false;
}

std::optional<RnnName> ParseRnnName(std::string_view name) {
  constexpr std::string_view kReverse = "_reverse";
  RnnName parsed;
  parsed.cell = EndsWithPart(name, parsed);
  if (parsed.cell) return parsed;
  if (name.ends_with(kReverse)) {
    parsed.reverse = true;
    name.remove_suffix(kReverse.size());
  }
  const size_t underscore = name.rfind("_l");
  if (underscore == name.npos) return std::nullopt;
  const std::string_view digits = name.substr(underscore + 2);
  // Four digits are plenty, and cannot overflow.
  if (digits.empty() || digits.size() > 4 ||
      (digits[0] == '0' && digits.size() > 1)) {
    return std::nullopt;
  }
  for (const char digit : digits) {
    if (!absl::ascii_isdigit(digit)) return std::nullopt;
    parsed.layer = parsed.layer * 10 + (digit - '0');
  }
  if (!EndsWithPart(name.substr(0, underscore), parsed)) return std::nullopt;
  return parsed;
}

// Those tensors whose names share one prefix.
class Group {
 public:
  Group(std::string prefix, std::string_view where)
      : prefix_(std::move(prefix)), where_(where) {}

  void Add(const NamedShape& tensor, const RnnName& name) {
    shapes_.emplace(tensor.name, &tensor);
    layers_ = std::max(layers_, name.layer + 1);
    if (name.reverse) directions_ = 2;
    if (name.part.starts_with("bias")) bias_ = true;
    if (name.part == "weight_hr") projection_ = &tensor;
    (name.cell ? cell_ : layer_) = &tensor;
  }

  absl::StatusOr<RnnTensors> Check() const;

 private:
  // "<prefix>weight_ih_l0_reverse", or "<prefix>weight_ih" of a cell.
  std::string NameOf(std::string_view part, int64_t layer,
                     std::string_view end) const {
    return cell_ != nullptr
               ? absl::StrFormat("%s%s", prefix_, part)
               : absl::StrFormat("%s%s_l%d%s", prefix_, part, layer, end);
  }
  // A weight [rows, columns]; 0 columns: any number of them.
  absl::StatusOr<int64_t> CheckWeight(const std::string& name, int64_t rows,
                                      int64_t columns) const;
  absl::Status CheckBias(const std::string& name, int64_t rows) const;
  absl::StatusOr<const NamedShape*> Find(const std::string& name) const;
  absl::Status NotServed(const NamedShape& tensor, std::string_view cell) const;

  const std::string prefix_;
  const std::string_view where_;
  std::map<std::string_view, const NamedShape*> shapes_;  // by name
  int64_t layers_ = 0;
  int64_t directions_ = 1;
  bool bias_ = false;
  const NamedShape* projection_ = nullptr;  // an LSTM's weight_hr
  const NamedShape* cell_ = nullptr;        // some tensor without _l<k>
  const NamedShape* layer_ = nullptr;       // some tensor with it
};

absl::StatusOr<const NamedShape*> Group::Find(const std::string& name) const {
  const auto found = shapes_.find(name);
  if (found != shapes_.end()) return found->second;
  return InvalidAt(where_,
                   "tensor %s is missing; the others of %s* make %d "
                   "layer%s, %d direction%s, %s bias",
                   Quoted(name), Printable(prefix_), layers_,
                   layers_ == 1 ? "" : "s", directions_,
                   directions_ == 1 ? "" : "s", bias_ ? "with" : "without");
}

absl::Status Group::NotServed(const NamedShape& tensor,
                              std::string_view cell) const {
  return absl::UnimplementedError(
      absl::StrFormat("%s: tensor %s: this is %s, which is not served yet",
                      where_, Describe(tensor), cell));
}

absl::StatusOr<int64_t> Group::CheckWeight(const std::string& name,
                                           int64_t rows,
                                           int64_t columns) const {
  ASSIGN_OR_RETURN(const NamedShape* tensor, Find(name));
  const Shape& shape = tensor->shape;
  if (shape.size() == 2 && shape[0] > rows && shape[0] % rows == 0) {
    if (shape[0] / rows == 3) return NotServed(*tensor, "a GRU");
    if (shape[0] / rows == 4) return NotServed(*tensor, "an LSTM");
  }
  if (shape.size() != 2 || shape[0] != rows || shape[1] < 1 ||
      (columns > 0 && shape[1] != columns)) {
    return InvalidAt(where_, "tensor %s: shape %s, expected [%d,%s]",
                     Quoted(name), ShapeString(shape), rows,
                     columns > 0 ? absl::StrFormat("%d", columns) : "I");
  }
  return shape[1];
}

absl::Status Group::CheckBias(const std::string& name, int64_t rows) const {
  ASSIGN_OR_RETURN(const NamedShape* tensor, Find(name));
  if (tensor->shape == Shape{rows}) return absl::OkStatus();
  return InvalidAt(where_, "tensor %s: shape %s, expected [%d]", Quoted(name),
                   ShapeString(tensor->shape), rows);
}

absl::StatusOr<RnnTensors> Group::Check() const {
  if (projection_ != nullptr) {
    return NotServed(*projection_, "an LSTM with projections");
  }
  if (cell_ != nullptr && layer_ != nullptr) {
    return InvalidAt(where_,
                     "tensors %s and %s: an nn.RNNCell and an "
                     "nn.RNN with one prefix",
                     Quoted(cell_->name), Quoted(layer_->name));
  }
  RnnTensors rnn;
  rnn.prefixes = {prefix_};
  rnn.spec.num_layers = layers_;
  rnn.spec.directions = directions_;
  rnn.spec.bias = bias_;
  // Everything is measured by the recurrent weights' columns: those are H for
  // every kind of cell.
  ASSIGN_OR_RETURN(const NamedShape* recurrent,
                   Find(NameOf("weight_hh", 0, "")));
  if (recurrent->shape.size() != 2 || recurrent->shape[1] < 1) {
    return InvalidAt(where_, "tensor %s: shape %s, expected [H,H]",
                     Quoted(recurrent->name), ShapeString(recurrent->shape));
  }
  const int64_t h = recurrent->shape[1];
  rnn.spec.hidden_size = h;
  for (int64_t k = 0; k < layers_; ++k) {
    for (const std::string_view end : {"", "_reverse"}) {
      if (!end.empty() && directions_ == 1) continue;
      const auto name = [&](std::string_view part) {
        return NameOf(part, k, end);
      };
      RnnTensors::Layer layer = {.weight_ih = name("weight_ih"),
                                 .weight_hh = name("weight_hh")};
      RETURN_IF_ERROR(CheckWeight(layer.weight_hh, h, h).status());
      // The first weight_ih of all says what I is.
      const int64_t reads = k == 0 ? rnn.spec.input_size : directions_ * h;
      ASSIGN_OR_RETURN(const int64_t columns,
                       CheckWeight(layer.weight_ih, h, reads));
      if (k == 0) rnn.spec.input_size = columns;
      if (bias_) {
        layer.bias_ih = name("bias_ih");
        layer.bias_hh = name("bias_hh");
        RETURN_IF_ERROR(CheckBias(layer.bias_ih, h));
        RETURN_IF_ERROR(CheckBias(layer.bias_hh, h));
      }
      rnn.layers.push_back(std::move(layer));
    }
  }
  return rnn;
}

using Groups = std::map<std::string, Group>;  // by prefix

// As config.json would say it: ["a.", "b."]; numbers in order.
std::string Prefixes(const Groups& groups) {
  std::vector<std::string> prefixes;
  for (const auto& [prefix, group] : groups) prefixes.push_back(prefix);
  std::stable_sort(prefixes.begin(), prefixes.end(),
                   [](const std::string& a, const std::string& b) {
                     return a.size() < b.size();
                   });
  for (std::string& prefix : prefixes) prefix = Quoted(prefix);
  return ListForMessage(prefixes);
}

// Puts `next` on top of `rnn`.
absl::Status Stack(RnnTensors& rnn, RnnTensors next, std::string_view where) {
  const std::string pair =
      absl::StrFormat("config.json's \"tensors\": {\"rnn\": [..., %s, %s]}",
                      Quoted(rnn.prefixes.back()), Quoted(next.prefixes[0]));
  if (next.spec.hidden_size != rnn.spec.hidden_size ||
      next.spec.directions != rnn.spec.directions) {
    return absl::UnimplementedError(absl::StrFormat(
        "%s: %s: H = %d, D = %d under H = %d, D = %d; stacked nn.RNNs that "
        "differ in these are not served yet",
        where, pair, rnn.spec.hidden_size, rnn.spec.directions,
        next.spec.hidden_size, next.spec.directions));
  }
  if (next.spec.input_size != rnn.spec.hidden_width()) {
    return InvalidAt(where,
                     "%s: the first gives %d numbers a step, the "
                     "second reads %d",
                     pair, rnn.spec.hidden_width(), next.spec.input_size);
  }
  rnn.spec.num_layers += next.spec.num_layers;
  rnn.spec.bias |= next.spec.bias;
  rnn.prefixes.push_back(next.prefixes[0]);
  std::move(next.layers.begin(), next.layers.end(),
            std::back_inserter(rnn.layers));
  return absl::OkStatus();
}

absl::StatusOr<RnnTensors> FindStack(const Groups& groups,
                                     const std::vector<std::string>& prefixes,
                                     std::string_view where) {
  std::optional<RnnTensors> rnn;
  for (const std::string& prefix : prefixes) {
    const auto found = groups.find(prefix);
    if (found == groups.end()) {
      return InvalidAt(where,
                       "config.json's \"tensors\": {\"rnn\": %s} "
                       "is no prefix of an nn.RNN; those are %s",
                       Quoted(prefix), Prefixes(groups));
    }
    ASSIGN_OR_RETURN(RnnTensors next, found->second.Check());
    if (!rnn) {
      rnn = std::move(next);
    } else {
      RETURN_IF_ERROR(Stack(*rnn, std::move(next), where));
    }
  }
  return *std::move(rnn);
}

}  // namespace

std::optional<std::string_view> RnnPrefix(std::string_view name) {
  const auto parsed = ParseRnnName(name);
  if (!parsed) return std::nullopt;
  return parsed->prefix;
}

absl::StatusOr<RnnTensors> FindRnn(const std::vector<NamedShape>& tensors,
                                   const std::vector<std::string>& prefixes,
                                   std::string_view where) {
  Groups groups;
  for (const NamedShape& tensor : tensors) {
    const auto name = ParseRnnName(tensor.name);
    if (!name) continue;
    const std::string group(name->prefix);
    groups.try_emplace(group, group, where).first->second.Add(tensor, *name);
  }
  if (groups.empty()) {
    std::vector<std::string> names;
    for (const NamedShape& tensor : tensors) names.push_back(Describe(tensor));
    return InvalidAt(where,
                     "no nn.RNN: no tensor is named "
                     "<prefix>weight_ih_l0 or <prefix>weight_ih; there %s "
                     "%s",
                     names.size() == 1 ? "is" : "are",
                     names.empty() ? "no tensors" : ListForMessage(names));
  }
  if (!prefixes.empty()) return FindStack(groups, prefixes, where);
  if (groups.size() > 1) {
    return InvalidAt(
        where,
        "%d nn.RNNs, with the prefixes %s. If each reads the one before, "
        "list them in that order: \"tensors\": {\"rnn\": [...]} in "
        "config.json. One alone is served by \"tensors\": {\"rnn\": %s}. "
        "%s",
        groups.size(), Prefixes(groups), Quoted(groups.begin()->first),
        kIgnoreOthers);
  }
  return groups.begin()->second.Check();
}

}  // namespace unroll
