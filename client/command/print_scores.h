#ifndef UNROLL_CLIENT_COMMAND_PRINT_SCORES_H_
#define UNROLL_CLIENT_COMMAND_PRINT_SCORES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "unroll/v1/models.pb.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

// How scores of one model are shown.
class ScoreFormat {
 public:
  ScoreFormat(const v1::Head& head, bool unicode);

  // The classes of one row, a line each, with bars.
  std::string Block(const v1::TopK& top, int indent) const;

  // The same on one line: the best with its bar, then the others.
  std::string Line(const v1::TopK& top) const;

 private:
  std::string Label(const v1::ScoredClass& scored) const;
  std::string Score(float score) const;
  // The part of a full bar; `best` is the row's highest score.
  double Fraction(float score, float best) const;

  const std::string activation_;
  const bool unicode_;
  size_t label_width_ = 0;
};

// "0.1234 -0.5 ...": the first few of `values`.
std::string FirstValues(std::span<const float> values);

// Lines of a table with a line a step: number, token, top classes, hidden.
class StepFormat {
 public:
  // Borrows all but `tokens` (see StepTokens), of which [] shows no column.
  StepFormat(const ScoreFormat& scores, std::vector<std::string> tokens);

  // `top` and `hidden` may be absent: nullptr and [].
  std::string Line(int64_t step, const v1::TopK* top,
                   std::span<const float> hidden) const;

 private:
  const ScoreFormat& scores_;
  const std::vector<std::string> tokens_;
  size_t token_width_ = 0;
};

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_PRINT_SCORES_H_
