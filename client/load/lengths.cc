#include "client/load/lengths.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace unroll::client {
namespace {

constexpr int64_t kMostSteps = 1 << 20;

}  // namespace

Lengths::Lengths(std::string name, Kind kind, int64_t longest)
    : name_(std::move(name)), kind_(kind), longest_(longest) {}

absl::StatusOr<Lengths> Lengths::Parse(const std::string& text) {
  if (text == "w1") return Lengths(text, Kind::kLogNormal, 330);
  if (text == "w2") return Lengths(text, Kind::kFixed, 24);
  if (text == "w3") return Lengths(text, Kind::kUniform, 128);
  if (text == "w4") return Lengths(text, Kind::kTwoSizes, 256);
  int64_t steps = 0;
  if (!absl::SimpleAtoi(text, &steps) || steps < 1 || steps > kMostSteps) {
    return absl::InvalidArgumentError(
        absl::StrFormat("\"%s\", expected w1, w2, w3, w4 or a number of steps "
                        "from 1 to %d",
                        text, kMostSteps));
  }
  return Lengths(text, Kind::kFixed, steps);
}

int64_t Lengths::Draw(std::mt19937_64& generator) const {
  switch (kind_) {
    case Kind::kLogNormal: {
      std::lognormal_distribution<double> distribution(2.914, 0.727);
      return std::clamp<int64_t>(std::llround(distribution(generator)), 1,
                                 longest_);
    }
    case Kind::kUniform:
      return std::uniform_int_distribution<int64_t>(1, longest_)(generator);
    case Kind::kTwoSizes:
      return std::bernoulli_distribution(0.1)(generator) ? longest_ : 16;
    case Kind::kFixed:
      break;
  }
  return longest_;
}

}  // namespace unroll::client
