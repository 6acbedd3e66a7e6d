#ifndef UNROLL_CLIENT_LOAD_INPUTS_H_
#define UNROLL_CLIENT_LOAD_INPUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// Random steps as a model takes them: features from -1 to 1, or token ids.
// Immutable: any thread may fill messages.
class Inputs {
 public:
  // For sequences of at most `longest` steps.
  Inputs(const v1::GetModelResponse& model, int64_t longest, uint64_t seed);

  // `count` steps from number `first` (any, at least 0) on. The same first
  // gives the same steps.
  void Fill(int64_t first, int64_t count, v1::Sequence& sequence) const;
  void Fill(int64_t first, int64_t count, v1::LiveRequest& request) const;

 private:
  template <typename Message>
  void FillInto(int64_t first, int64_t count, Message& message) const;

  const int64_t rows_;    // at which a sequence may begin
  const int64_t width_;   // I
  std::string features_;  // float32 [rows_ + longest, I], or
  std::vector<int64_t> tokens_;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_LOAD_INPUTS_H_
