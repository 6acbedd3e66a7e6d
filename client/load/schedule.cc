#include "client/load/schedule.h"

#include <algorithm>
#include <random>

namespace unroll::client {
namespace {

// So that the three have nothing to do with each other.
enum Purpose : uint64_t { kWork = 1, kArrivals = 2, kPhases = 3 };

std::mt19937_64 Generator(uint64_t seed, Purpose purpose) {
  std::seed_seq mixed = {seed, seed >> 32, uint64_t{purpose}};
  return std::mt19937_64(mixed);
}

}  // namespace

std::vector<Work> DrawWork(int64_t count, const Lengths& lengths,
                           uint64_t seed) {
  std::mt19937_64 generator = Generator(seed, kWork);
  std::uniform_int_distribution<int64_t> input(0, int64_t{1} << 40);
  std::vector<Work> all(count);
  for (Work& work : all) {
    work.steps = lengths.Draw(generator);
    work.input = input(generator);
  }
  return all;
}

std::vector<absl::Duration> DrawArrivals(const Arrivals& arrivals,
                                         absl::Duration length, uint64_t seed) {
  std::mt19937_64 generator = Generator(seed, kArrivals);
  std::exponential_distribution<double> gap(arrivals.rate);
  const double end = absl::ToDoubleSeconds(length);
  std::vector<absl::Duration> times;
  double at = arrivals.poisson ? gap(generator) : 0;
  while (at < end) {
    times.push_back(absl::Seconds(at));
    // Multiplied, since a sum of equal distances would drift.
    at = arrivals.poisson ? at + gap(generator)
                          : static_cast<double>(times.size()) / arrivals.rate;
  }
  return times;
}

std::vector<absl::Duration> DrawPhases(int64_t streams, absl::Duration interval,
                                       uint64_t seed) {
  std::mt19937_64 generator = Generator(seed, kPhases);
  std::uniform_real_distribution<double> share(0, 1);
  std::vector<absl::Duration> phases(streams);
  for (absl::Duration& phase : phases) phase = share(generator) * interval;
  std::sort(phases.begin(), phases.end());
  return phases;
}

}  // namespace unroll::client
