#ifndef UNROLL_CORE_LOAD_IGNORE_H_
#define UNROLL_CORE_LOAD_IGNORE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/model/tensor.h"

namespace unroll {

// `"rnn.weight_ih_l0" [256,64]`, as messages name tensors.
std::string Describe(const NamedShape& tensor);

// What messages say of the others where one of several is asked for.
inline constexpr std::string_view kIgnoreOthers =
    "Leave out others by \"ignore\", but only what results do not depend on; a "
    "network with two of them is not served yet";

struct SplitTensors {
  std::vector<NamedShape> kept;
  std::vector<NamedShape> ignored;
};

// Parts the tensors that match a pattern of config.json's "ignore" from the
// others. `where` names config.json in messages.
// INVALID_ARGUMENT: a pattern that matches nothing, as it would do if its name
// were mistyped.
absl::StatusOr<SplitTensors> SplitIgnored(
    std::vector<NamedShape> tensors, const std::vector<std::string>& patterns,
    std::string_view where);

// Whether `pattern` matches all of `text`: '*' stands for any characters, dots
// included, '?' for any one byte, everything else for itself. Takes at most
// time of pattern times text.
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_IGNORE_H_
