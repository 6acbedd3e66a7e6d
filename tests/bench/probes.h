#ifndef UNROLL_TESTS_BENCH_PROBES_H_
#define UNROLL_TESTS_BENCH_PROBES_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/workload.h"

namespace unroll::bench {

// What this machine can do at most, on one thread.

// The widest of "avx512" and "avx2" (with FMA) that this CPU has, or "none".
std::string_view VectorSet();

// A run is this many float32 operations (a multiply-add is two), from register
// to register.
// INVALID_ARGUMENT: not a multiple of 1536, or not above 0. UNIMPLEMENTED: the
// CPU has no FMA.
absl::StatusOr<std::unique_ptr<Workload>> MakeFmaProbe(int64_t operations);

// A run reads a buffer of this many bytes once.
// INVALID_ARGUMENT: not a multiple of 1024, or not 1024 to 2^30.
// UNIMPLEMENTED: the CPU has no AVX2.
absl::StatusOr<std::unique_ptr<Workload>> MakeReadProbe(int64_t bytes);

}  // namespace unroll::bench

#endif  // UNROLL_TESTS_BENCH_PROBES_H_
