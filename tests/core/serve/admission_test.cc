#include "core/serve/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/serve/reason.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;

Admission::Options Limits() {
  return {.memory_limit = 1000, .max_queue_time = absl::Seconds(1)};
}

TEST(AdmissionTest, HoldsMemoryUntilTheTicketGoes) {
  Admission admission(Limits());
  {
    auto first = admission.Admit(600);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(admission.memory_used(), 600);
    const auto second = admission.Admit(401);
    EXPECT_EQ(second.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(second.status().message(),
                HasSubstr("401 bytes needed, 400 of 1000 left"));
    EXPECT_TRUE(admission.Admit(400).ok());
  }
  EXPECT_EQ(admission.memory_used(), 0);
}

TEST(AdmissionTest, AMovedTicketIsReturnedOnce) {
  Admission admission(Limits());
  {
    Admission::Ticket kept;
    {
      auto ticket = admission.Admit(10);
      ASSERT_TRUE(ticket.ok());
      kept = *std::move(ticket);
    }
    EXPECT_EQ(admission.memory_used(), 10);
  }
  EXPECT_EQ(admission.memory_used(), 0);
}

TEST(AdmissionTest, RefusesAWaitThatIsTooLong) {
  Admission admission(Limits());
  const absl::Duration forever = absl::InfiniteDuration();
  EXPECT_TRUE(admission.CheckWait(absl::Seconds(1), forever).ok());
  const auto refused = admission.CheckWait(absl::Milliseconds(1301), forever);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("1.301s"));
  EXPECT_EQ(ReasonOf(refused), Reason::kQueueTooLong);
  EXPECT_EQ(RetryDelayOf(refused), absl::Milliseconds(301));
}

TEST(AdmissionTest, RefusesAWaitPastTheCallersDeadline) {
  Admission admission(Limits());
  const absl::Duration wait = absl::Milliseconds(20);
  EXPECT_TRUE(admission.CheckWait(wait, wait).ok());
  const auto refused = admission.CheckWait(wait, absl::Milliseconds(19));
  EXPECT_EQ(ReasonOf(refused), Reason::kQueueTooLong);
  EXPECT_THAT(refused.message(), HasSubstr("deadline or timeout is in 19ms"));
  EXPECT_TRUE(RetryDelayOf(refused));
}

TEST(AdmissionTest, OutOfMemoryIsWorthTryingAgainUnlessItCanNeverBe) {
  Admission admission(Limits());
  const auto ticket = admission.Admit(1000);
  const auto later = admission.Admit(1).status();
  EXPECT_EQ(ReasonOf(later), Reason::kOutOfMemory);
  EXPECT_TRUE(RetryDelayOf(later));
  EXPECT_FALSE(RetryDelayOf(admission.Admit(1001).status()));
}

TEST(AdmissionTest, ATicketIsExtendedWhileThereIsMemory) {
  Admission admission(Limits());
  {
    auto ticket = admission.Admit(600);
    ASSERT_TRUE(ticket.ok());
    EXPECT_TRUE(ticket->Extend(400).ok());
    EXPECT_EQ(ticket->Extend(1).code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(admission.memory_used(), 1000);
  }
  EXPECT_EQ(admission.memory_used(), 0);
}

TEST(AdmissionTest, ModelsAndCallsShareTheMemory) {
  Admission admission(Limits());
  const auto model = admission.Admit(900);
  ASSERT_TRUE(model.ok());
  EXPECT_FALSE(admission.Admit(101).ok());
  EXPECT_FALSE(admission.Admit(int64_t{1} << 62).ok());
}

}  // namespace
}  // namespace unroll
