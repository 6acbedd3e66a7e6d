#include "core/serve/kept_sequences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "core/serve/reason.h"
#include "tests/support/golden.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;

class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::UnixEpoch();
};

class KeptSequencesTest : public ::testing::Test {
 protected:
  static KeptSequences::Id Id(int number) {
    return {"model", absl::StrCat(number)};
  }
  KeptSequences::Kept State(float value, int64_t steps) const {
    Tensor h = ZeroTensor(StateSpec(model_->info).front().shape);
    h.values.front() = value;
    return {.model = model_, .state = {h}, .steps = steps};
  }
  // A sequence with a state.
  void Start(int number, float value) {
    auto hold = kept_.Begin(Id(number), *model_);
    ASSERT_TRUE(hold.ok()) << hold.status();
    hold->Keep(State(value, 1));
  }
  // The first number of its state.
  float Value(int number) {
    const auto hold = kept_.GoOn(Id(number));
    EXPECT_TRUE(hold.ok()) << hold.status();
    return hold.ok() ? hold->kept().state.front().values.front() : NAN;
  }

  FakeClock clock_;
  Admission admission_{{.memory_limit = 1 << 20}};
  std::shared_ptr<const ServedModel> model_ = std::make_shared<ServedModel>(
      golden::BuildModel(golden::Cases().front()).info, nullptr);
  KeptSequences kept_{{.max_sequences = 3,
                       .max_bytes = 1 << 16,
                       .idle_timeout = absl::Seconds(10)},
                      clock_,
                      admission_};
};

TEST_F(KeptSequencesTest, GoesOnFromWhatTheLastRequestLeft) {
  Start(1, 0.5f);
  Start(2, 0.25f);
  EXPECT_EQ(Value(1), 0.5f);
  EXPECT_EQ(Value(2), 0.25f);
  {
    auto hold = kept_.GoOn(Id(1));
    EXPECT_EQ(hold->kept().steps, 1);
    hold->Keep(State(0.75f, 5));
  }
  EXPECT_EQ(Value(1), 0.75f);
  EXPECT_EQ(kept_.GoOn(Id(1))->kept().steps, 5);
}

TEST_F(KeptSequencesTest, ARequestThatComesToNothingChangesNothing) {
  { const auto hold = kept_.Begin(Id(1), *model_); }
  EXPECT_EQ(kept_.load().sequences, 0) << "it never began";
  Start(1, 0.5f);
  { const auto hold = kept_.GoOn(Id(1)); }
  { const auto hold = kept_.Begin(Id(1), *model_); }
  EXPECT_EQ(Value(1), 0.5f);
}

TEST_F(KeptSequencesTest, AStartOnALiveIdBeginsItAnew) {
  Start(1, 0.5f);
  Start(1, 0.25f);
  EXPECT_EQ(Value(1), 0.25f);
  EXPECT_EQ(kept_.load().sequences, 1);
}

TEST_F(KeptSequencesTest, TwoRequestsAtOnceAreRefused) {
  Start(1, 0.5f);
  const auto hold = kept_.GoOn(Id(1));
  for (const auto& second :
       {kept_.GoOn(Id(1)).status(), kept_.Begin(Id(1), *model_).status()}) {
    EXPECT_EQ(second.code(), absl::StatusCode::kAborted);
    EXPECT_THAT(second.message(),
                HasSubstr("sequence 1 of model \"model\": "
                          "another request of it is running"));
  }
}

TEST_F(KeptSequencesTest, TheEndFreesItsPlaceAndMemory) {
  Start(1, 0.5f);
  EXPECT_GT(admission_.memory_used(), 0);
  EXPECT_EQ(kept_.load().bytes, admission_.memory_used());
  kept_.GoOn(Id(1))->Forget();
  EXPECT_EQ(kept_.load().sequences, 0);
  EXPECT_EQ(kept_.load().bytes, 0);
  EXPECT_EQ(admission_.memory_used(), 0);
  EXPECT_THAT(kept_.GoOn(Id(1)).status().message(),
              HasSubstr("there is none, expected sequence_start"));
}

TEST_F(KeptSequencesTest, AnIdleOneExpiresAndItsCallerIsToldSo) {
  Start(1, 0.5f);
  clock_.now += absl::Seconds(6);
  Start(2, 0.5f);
  clock_.now += absl::Seconds(4);
  EXPECT_EQ(kept_.load().sequences, 1);
  EXPECT_EQ(kept_.load().bytes, admission_.memory_used());
  const auto expired = kept_.GoOn(Id(1)).status();
  EXPECT_EQ(expired.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(expired), Reason::kExpired);
  EXPECT_THAT(expired.message(), HasSubstr("forgotten after 10s"));
  const auto unknown = kept_.GoOn(Id(9)).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(unknown), std::nullopt);
  EXPECT_EQ(Value(2), 0.5f);
  Start(1, 0.25f);
  EXPECT_EQ(Value(1), 0.25f);
  kept_.GoOn(Id(1))->Forget();
  EXPECT_THAT(kept_.GoOn(Id(1)).status().message(), HasSubstr("there is none"));
}

TEST_F(KeptSequencesTest, AHeldOneDoesNotExpire) {
  Start(1, 0.5f);
  auto hold = std::optional(*kept_.GoOn(Id(1)));
  clock_.now += absl::Seconds(100);
  EXPECT_EQ(kept_.load().sequences, 1);
  hold.reset();
  EXPECT_EQ(Value(1), 0.5f) << "idle only since its request";
}

TEST_F(KeptSequencesTest, RemembersOnlySoManyThatExpired) {
  for (int i = 0; i < 5000; ++i) {
    Start(i, 0.5f);
    clock_.now += absl::Seconds(10);
  }
  EXPECT_EQ(kept_.load().sequences, 0);
  EXPECT_EQ(ReasonOf(kept_.GoOn(Id(4999)).status()), Reason::kExpired);
  EXPECT_EQ(ReasonOf(kept_.GoOn(Id(1)).status()), std::nullopt);
}

TEST_F(KeptSequencesTest, AreBoundedInNumber) {
  for (int i = 0; i < 3; ++i) Start(i, 0.5f);
  const auto refused = kept_.Begin(Id(3), *model_).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), Reason::kOutOfMemory);
  EXPECT_THAT(refused.message(),
              HasSubstr("3 sequences are kept, as many as may be"));
  Start(2, 0.25f);
  kept_.GoOn(Id(0))->Forget();
  Start(3, 0.5f);
}

TEST_F(KeptSequencesTest, AreBoundedInBytes) {
  KeptSequences small({.max_sequences = 100,
                       .max_bytes = 1500,
                       .idle_timeout = absl::Seconds(10)},
                      clock_, admission_);
  for (int i = 0; i < 2; ++i) {
    small.Begin(Id(i), *model_)->Keep(State(0.5f, 1));
  }
  EXPECT_THAT(small.Begin(Id(2), *model_).status().message(),
              HasSubstr("bytes, expected at most 1500"));
  Admission poor({.memory_limit = 10});
  KeptSequences none({.max_sequences = 100,
                      .max_bytes = 1500,
                      .idle_timeout = absl::Seconds(10)},
                     clock_, poor);
  EXPECT_THAT(none.Begin(Id(2), *model_).status().message(),
              HasSubstr("out of memory"));
}

}  // namespace
}  // namespace unroll
