#ifndef UNROLL_CORE_FORMAT_PICKLE_H_
#define UNROLL_CORE_FORMAT_PICKLE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "core/format/pickle_value.h"

namespace unroll {

// Runs a pickle, protocols 2 to 5, without doing what it says: calls and
// objects stay names with their arguments, and the names are those of
// pickle_globals.h. Contents of lists and sets, attributes of objects and what
// subclasses of dict hold besides are dropped: no tensor of a state_dict is in
// there. Takes memory of up to 26 MiB and about 10 times `bytes`, which must
// outlive the result. `where` names the pickle in messages.
// INVALID_ARGUMENT, with the byte: an opcode that torch.save does not write for
// tensors, a global that is not on the list, more than 2^18 values, and all
// that is not sound. REQUIRES: less than 4 GiB.
absl::StatusOr<Pickle> ParsePickle(std::string_view bytes,
                                   std::string_view where);

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_PICKLE_H_
