#include "client/command/print_scores.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/command/table.h"
#include "client/command/text.h"

namespace unroll::client {
namespace {

constexpr int kBlockBarWidth = 40;
constexpr int kLineBarWidth = 20;
constexpr size_t kFirstValues = 6;
constexpr size_t kWidestColumn = 24;  // of labels and tokens

}  // namespace

ScoreFormat::ScoreFormat(const v1::Head& head, bool unicode)
    : activation_(head.activation()), unicode_(unicode) {
  for (const std::string& label : head.labels()) {
    label_width_ = std::max(label_width_, Width(Printable(label)));
  }
  if (head.labels().empty()) {
    label_width_ = absl::StrCat("class ", head.classes() - 1).size();
  }
  label_width_ = std::min(label_width_, kWidestColumn);
}

std::string ScoreFormat::Label(const v1::ScoredClass& scored) const {
  return scored.label().empty() ? absl::StrCat("class ", scored.class_())
                                : Printable(scored.label());
}

std::string ScoreFormat::Score(float score) const {
  const bool bounded = activation_ == "softmax" || activation_ == "sigmoid" ||
                       activation_ == "tanh";
  // Small probabilities are compared, too.
  if (bounded && std::abs(score) < 1e-3f && score != 0) {
    return absl::StrFormat("%.2g", score);
  }
  return bounded ? absl::StrFormat("%.4f", score)
                 : absl::StrFormat("%.5g", score);
}

double ScoreFormat::Fraction(float score, float best) const {
  if (activation_ == "softmax" || activation_ == "sigmoid" ||
      activation_ == "tanh") {
    return score;
  }
  if (activation_ == "log_softmax") return std::exp(score);
  return best > 0 ? score / best : 0;  // no scale of its own
}

std::string ScoreFormat::Block(const v1::TopK& top, int indent) const {
  std::string block;
  for (const v1::ScoredClass& scored : top.classes()) {
    std::string line = absl::StrCat(
        std::string(indent, ' '), PadRight(Label(scored), label_width_), "  ",
        PadLeft(Score(scored.score()), 9), "  ",
        Bar(Fraction(scored.score(), top.classes(0).score()), kBlockBarWidth,
            unicode_));
    absl::StripTrailingAsciiWhitespace(&line);
    block += line + "\n";
  }
  return block;
}

std::string ScoreFormat::Line(const v1::TopK& top) const {
  if (top.classes().empty()) return "";
  const v1::ScoredClass& best = top.classes(0);
  // Scores without a scale have no bar: the best would always fill it.
  const bool scale = activation_ != "identity" && activation_ != "relu";
  std::string line = absl::StrCat(PadRight(Label(best), label_width_), "  ",
                                  PadLeft(Score(best.score()), 9), "  ");
  if (scale) {
    line += PadRight(
        Bar(Fraction(best.score(), best.score()), kLineBarWidth, unicode_),
        kLineBarWidth);
  }
  for (int k = 1; k < top.classes_size(); ++k) {
    absl::StrAppend(&line, "  ", Label(top.classes(k)), " ",
                    Score(top.classes(k).score()));
  }
  return line;
}

std::string FirstValues(std::span<const float> values) {
  std::string text;
  for (float value : values.first(std::min(values.size(), kFirstValues))) {
    absl::StrAppend(&text, PadLeft(absl::StrFormat("%.4g", value), 10), " ");
  }
  if (values.size() > kFirstValues) text += "...";
  absl::StripTrailingAsciiWhitespace(&text);
  return text;
}

StepFormat::StepFormat(const ScoreFormat& scores,
                       std::vector<std::string> tokens)
    : scores_(scores), tokens_(std::move(tokens)) {
  for (const std::string& token : tokens_) {
    token_width_ = std::max(token_width_, Width(token));
  }
  token_width_ = std::min(token_width_, kWidestColumn);
}

std::string StepFormat::Line(int64_t step, const v1::TopK* top,
                             std::span<const float> hidden) const {
  std::string line = absl::StrFormat("%6d", step);
  if (!tokens_.empty()) {
    const bool known = step >= 0 && step < std::ssize(tokens_);
    absl::StrAppend(&line, "  ",
                    PadRight(known ? tokens_[step] : "?", token_width_));
  }
  if (top != nullptr) absl::StrAppend(&line, "  ", scores_.Line(*top));
  if (!hidden.empty()) absl::StrAppend(&line, "  ", FirstValues(hidden));
  absl::StripTrailingAsciiWhitespace(&line);
  return line + "\n";
}

}  // namespace unroll::client
