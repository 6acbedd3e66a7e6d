#include "core/format/pickle_bytes.h"

#include <cstring>

#include "core/base/invalid.h"
#include "core/base/status_macros.h"

namespace unroll {

absl::StatusOr<std::string_view> PickleBytes::Take(uint64_t count) {
  if (count > left()) {
    return Invalid("%d bytes follow, expected %d", left(), count);
  }
  const std::string_view taken = bytes_.substr(at_, count);
  at_ += count;
  return taken;
}

absl::StatusOr<uint64_t> PickleBytes::TakeNumber(size_t count) {
  ASSIGN_OR_RETURN(const std::string_view taken, Take(count));
  uint64_t number = 0;
  std::memcpy(&number, taken.data(), count);
  return number;
}

absl::StatusOr<std::string_view> PickleBytes::TakeLine() {
  const size_t end = bytes_.find('\n', at_);
  if (end == std::string_view::npos)
    return absl::InvalidArgumentError("a line has no end");
  const std::string_view line = bytes_.substr(at_, end - at_);
  at_ = end + 1;
  return line;
}

}  // namespace unroll
