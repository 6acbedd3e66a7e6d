// The promise of the split kernel: a sequence's bits are its own.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "core/rnn/cpu.h"
#include "core/rnn/network.h"
#include "tests/core/rnn/run_network.h"
#include "tests/support/random_model.h"

namespace unroll {
namespace {

using unroll::testing::RandomModel;
using unroll::testing::RandomSequence;
using unroll::testing::RunBatch;
using unroll::testing::TestSequence;

// EXPECT_EQ of floats takes -0 for 0.
bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() ||
          std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

void ExpectSameBits(const TestSequence& got, const TestSequence& want,
                    const std::string& what) {
  EXPECT_TRUE(SameBits(got.hidden, want.hidden)) << what << ": hidden";
  EXPECT_TRUE(SameBits(got.h, want.h)) << what << ": h_n";
  EXPECT_TRUE(SameBits(got.scores, want.scores)) << what << ": scores";
}

class ExactTest : public ::testing::TestWithParam<int> {
 protected:
  ExactTest() : generator_(GetParam()) {}

  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(generator_() % (high - low + 1));
  }

  // Small sizes more often than large ones, odd ones as often as even ones.
  int64_t Size(int64_t most) {
    const double exponent =
        std::uniform_real_distribution<double>(0, std::log(most))(generator_);
    return std::clamp<int64_t>(std::lround(std::exp(exponent)), 1, most);
  }

  void MakeModel() {
    const bool tokens = generator_() % 2 == 0;
    model_ = RandomModel(
        {.spec = {.input_size = Size(1024),
                  .hidden_size = Size(1024),
                  .num_layers = Between(1, 2),
                  .nonlinearity = generator_() % 2 == 0 ? Nonlinearity::kTanh
                                                        : Nonlinearity::kRelu},
         .vocabulary_size = tokens ? Size(100) : 0,
         .head = HeadSpec{{{Size(50), Activation::kSoftmax}},
                          AppliedTo::kEachStep}},
        generator_);
    model_.info.precision = GetParam() % 2 == 0 || !CpuHasBfloat16()
                                ? Precision::kFloat32
                                : Precision::kBfloat16;
    network_ = *Network::Create(
        model_.info, model_.weights,
        {.kernel = KernelChoice::kSplit,
         .token_table_limit = generator_() % 2 == 0 ? 1 << 30 : 0});
    ASSERT_TRUE(network_->exact());
  }

  void RunWhole(std::vector<TestSequence>& sequences) {
    Network::Run run;
    run.cores = &cores_;
    std::vector<TestSequence*> batch;
    std::vector<int64_t> steps;
    for (TestSequence& s : sequences) {
      batch.push_back(&s);
      steps.push_back(s.steps);
    }
    RunBatch(model_, *network_, batch, steps, run);
  }

  // Some steps of some sequences at a time until all are done.
  void RunInRandomPieces(std::vector<TestSequence>& sequences) {
    Network::Run run;
    run.cores = &cores_;
    for (;;) {
      std::vector<TestSequence*> batch;
      std::vector<int64_t> steps;
      bool done = true;
      for (TestSequence& s : sequences) {
        done &= s.done == s.steps;
        if (s.done == s.steps || generator_() % 3 == 0) continue;
        batch.push_back(&s);
        steps.push_back(Between(1, s.steps - s.done));
      }
      if (done) return;
      std::shuffle(batch.begin(), batch.end(), generator_);
      for (size_t i = 0; i < batch.size(); ++i) {
        steps[i] = std::min(steps[i], batch[i]->steps - batch[i]->done);
      }
      if (!batch.empty()) RunBatch(model_, *network_, batch, steps, run);
    }
  }

  std::mt19937 generator_;
  Model model_;
  std::unique_ptr<const Network> network_;
  Cores cores_{3};  // big layers are shared out, but for those run alone
};

TEST_P(ExactTest, AloneWholeInPiecesInCompanyAndBesideAnotherThread) {
  MakeModel();
  const std::string what = absl::StrCat("I ", model_.info.spec.input_size,
                                        " H ", model_.info.spec.hidden_size);
  std::vector<TestSequence> alone;
  const int64_t n = Between(2, 64);
  for (int64_t i = 0; i < n; ++i) {
    alone.push_back(RandomSequence(model_, Between(1, 12), generator_));
  }
  std::vector<TestSequence> together = alone, pieces = alone;
  const std::vector<TestSequence> alone_before = alone;
  std::vector<TestSequence> elsewhere;

  // Keeps another core busy with the same network until the end.
  std::atomic<bool> stop = false;
  std::thread other([&] {
    do {
      elsewhere = alone_before;
      RunWhole(elsewhere);
    } while (!stop);
  });

  Network::Run run;
  for (TestSequence& s : alone) {
    RunBatch(model_, *network_, {&s}, {s.steps}, run);
  }
  RunWhole(together);
  RunInRandomPieces(pieces);
  stop = true;
  other.join();
  for (int64_t i = 0; i < n; ++i) {
    ExpectSameBits(together[i], alone[i], what + " in company");
    ExpectSameBits(pieces[i], alone[i], what + " in pieces");
    ExpectSameBits(elsewhere[i], alone[i], what + " on another thread");
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExactTest, ::testing::Range(0, 60));

}  // namespace
}  // namespace unroll
