#ifndef UNROLL_CLIENT_INSPECT_INSPECT_H_
#define UNROLL_CLIENT_INSPECT_INSPECT_H_

#include <ostream>
#include <string>

namespace unroll::client {

// Loads what is at `path` (see FindModels in core/load/repository.h) as a
// server would, and prints what was understood, or why not: a text, or with
// `json` an object a line. False: something did not load. What keeps from
// looking at all goes to `err`.
bool Inspect(const std::string& path, bool json, std::ostream& out,
             std::ostream& err);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_INSPECT_INSPECT_H_
