// libFuzzer's entry to one target, which CMake names.

#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  unroll::fuzz::UNROLL_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
