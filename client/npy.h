#ifndef UNROLL_CLIENT_NPY_H_
#define UNROLL_CLIENT_NPY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace unroll::client {

// What a .npy file holds here: numbers in C order, row-major.
struct NpyArray {
  std::vector<int64_t> shape;  // [] is a single number
  // As many as the product of `shape`.
  std::variant<std::vector<float>, std::vector<int64_t>> values;
};

// Reads format versions 1.0 and 2.0 with dtype <f4, <f8 (rounded to float32),
// <i8 or <i4 (widened). Memory is taken only for bytes that are there.
// INVALID_ARGUMENT: anything else, a number past float32's range included.
// Messages begin with `name`.
absl::StatusOr<NpyArray> ParseNpy(std::string_view bytes,
                                  const std::string& name);

// The same of a file. Memory for its data is taken once its header is checked.
// NOT_FOUND: there is no such file. INVALID_ARGUMENT: it cannot be read, or as
// above.
absl::StatusOr<NpyArray> ReadNpy(const std::string& path);

// The file's bytes, version 1.0, <f4 or <i8. REQUIRES: shape suits the values.
std::string SerializeNpy(const NpyArray& array);

// Replaces the file. UNKNOWN: it could not be written; part of it may be.
absl::Status WriteNpy(const std::string& path, const NpyArray& array);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_NPY_H_
