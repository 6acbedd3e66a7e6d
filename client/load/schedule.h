#ifndef UNROLL_CLIENT_LOAD_SCHEDULE_H_
#define UNROLL_CLIENT_LOAD_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "client/load/lengths.h"

namespace unroll::client {

// A sequence to send.
struct Work {
  int64_t steps = 0;
  int64_t input = 0;  // where in Inputs its rows begin
};

struct Arrivals {
  double rate = 0;      // a second
  bool poisson = true;  // otherwise at equal distances
};

// What is sent, and when, is drawn before a run, from its seed alone: every
// system that is measured gets the same, however it fares. Times count from the
// run's begin.

// `count` sequences.
std::vector<Work> DrawWork(int64_t count, const Lengths& lengths,
                           uint64_t seed);

// When sequences arrive in [0, length), ascending.
std::vector<absl::Duration> DrawArrivals(const Arrivals& arrivals,
                                         absl::Duration length, uint64_t seed);

// When the first step of each of `streams` comes, in [0, interval), ascending.
std::vector<absl::Duration> DrawPhases(int64_t streams, absl::Duration interval,
                                       uint64_t seed);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_SCHEDULE_H_
