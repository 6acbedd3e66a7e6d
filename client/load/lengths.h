#ifndef UNROLL_CLIENT_LOAD_LENGTHS_H_
#define UNROLL_CLIENT_LOAD_LENGTHS_H_

#include <cstdint>
#include <random>
#include <string>

#include "absl/status/statusor.h"

namespace unroll::client {

// How many steps sequences have:
//   w1  log-normal(mu 2.914, sigma 0.727), cut to 1 to 330: mean 24, p99 100,
//       as sentences to translate
//   w2  24
//   w3  uniform from 1 to 128
//   w4  16, and 256 for every tenth or so
//   a number of steps
class Lengths {
 public:
  // INVALID_ARGUMENT: none of the above.
  static absl::StatusOr<Lengths> Parse(const std::string& text);

  int64_t Draw(std::mt19937_64& generator) const;

  const std::string& name() const { return name_; }
  int64_t longest() const { return longest_; }

 private:
  enum class Kind { kLogNormal, kUniform, kTwoSizes, kFixed };
  Lengths(std::string name, Kind kind, int64_t longest);

  std::string name_;
  Kind kind_;
  int64_t longest_;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_LENGTHS_H_
