#ifndef UNROLL_CORE_FORMAT_PICKLE_BYTES_H_
#define UNROLL_CORE_FORMAT_PICKLE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace unroll {

// The bytes of a pickle, taken from front to back. What is taken points into
// them. INVALID_ARGUMENT: there are too few.
class PickleBytes {
 public:
  explicit PickleBytes(std::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<std::string_view> Take(uint64_t count);
  // Little-endian. REQUIRES: at most 8 bytes.
  absl::StatusOr<uint64_t> TakeNumber(size_t count);
  // Without the '\n' at its end.
  absl::StatusOr<std::string_view> TakeLine();

  size_t taken() const { return at_; }
  size_t left() const { return bytes_.size() - at_; }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace unroll

#endif  // UNROLL_CORE_FORMAT_PICKLE_BYTES_H_
