#ifndef UNROLL_CLIENT_NPY_HEADER_H_
#define UNROLL_CLIENT_NPY_HEADER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace unroll::client {

// The header of a .npy file: a Python dictionary such as
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;  // none negative, at most 32
};

// INVALID_ARGUMENT: not such a dictionary, or not exactly these keys.
absl::StatusOr<NpyHeader> ParseNpyHeader(std::string_view text);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_NPY_HEADER_H_
