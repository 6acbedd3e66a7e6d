#ifndef UNROLL_TESTS_CORE_RNN_COUNT_ALLOCATIONS_H_
#define UNROLL_TESTS_CORE_RNN_COUNT_ALLOCATIONS_H_

#include <cstdint>

namespace unroll::testing {

// How often operator new was called so far, in a program that links this.
int64_t Allocations();

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_CORE_RNN_COUNT_ALLOCATIONS_H_
