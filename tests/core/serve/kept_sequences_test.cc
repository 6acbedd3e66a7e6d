#include "core/serve/kept_sequences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

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

// A request of a sequence, which ends when it goes.
class Request {
 public:
  Request(KeptSequences& kept, const KeptSequences::Id& id) : kept_(kept) {
    const auto queued = kept_.Queue(id, turn_);
    EXPECT_TRUE(queued.ok()) << queued.status();
    has_turn_ = queued.ok() && *queued;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() {
    if (has_turn_) {
      kept_.Settle(*turn_);
      kept_.PassOn(turn_);
    } else {
      kept_.Withdraw(*turn_);
    }
  }

  KeptSequences::Turn& turn() { return *turn_; }
  bool has_turn() const { return has_turn_; }
  absl::Status Begin(const ServedModel& model) {
    return kept_.Begin(*turn_, model);
  }
  absl::Status GoOn() { return kept_.GoOn(*turn_); }

 private:
  KeptSequences& kept_;
  bool has_turn_ = false;
  KeptSequences::TurnPtr turn_ = std::make_shared<KeptSequences::Turn>([this] {
    has_turn_ = true;
    return false;
  });
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
    Request request(kept_, Id(number));
    const absl::Status status = request.Begin(*model_);
    ASSERT_TRUE(status.ok()) << status;
    request.turn().Keep(State(value, 1));
  }
  // A request that goes on but comes to nothing.
  absl::Status GoOn(int number) { return Request(kept_, Id(number)).GoOn(); }
  void End(int number) {
    Request request(kept_, Id(number));
    ASSERT_TRUE(request.GoOn().ok());
    request.turn().Forget();
  }
  // The first number of its state.
  float Value(int number) {
    Request request(kept_, Id(number));
    const absl::Status status = request.GoOn();
    EXPECT_TRUE(status.ok()) << status;
    return status.ok() ? request.turn().kept().state.front().values.front()
                       : NAN;
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
    Request request(kept_, Id(1));
    EXPECT_EQ(request.turn().kept().steps, 1);
    request.turn().Keep(State(0.75f, 5));
  }
  EXPECT_EQ(Value(1), 0.75f);
  EXPECT_EQ(Request(kept_, Id(1)).turn().kept().steps, 5);
}

TEST_F(KeptSequencesTest, ARequestThatComesToNothingChangesNothing) {
  EXPECT_TRUE(Request(kept_, Id(1)).Begin(*model_).ok());
  EXPECT_EQ(kept_.load().sequences, 0) << "it never began";
  Start(1, 0.5f);
  EXPECT_TRUE(GoOn(1).ok());
  EXPECT_TRUE(Request(kept_, Id(1)).Begin(*model_).ok());
  EXPECT_EQ(Value(1), 0.5f);
}

TEST_F(KeptSequencesTest, AStartOnALiveIdBeginsItAnew) {
  Start(1, 0.5f);
  Start(1, 0.25f);
  EXPECT_EQ(Value(1), 0.25f);
  EXPECT_EQ(kept_.load().sequences, 1);
}

TEST_F(KeptSequencesTest, RequestsHaveTheirTurnsInTheOrderInWhichTheyCame) {
  Start(1, 0.5f);
  auto first = std::make_optional<Request>(kept_, Id(1));
  Request second(kept_, Id(1));
  auto third = std::make_optional<Request>(kept_, Id(1));
  Request fourth(kept_, Id(1));
  Request other(kept_, Id(2));
  EXPECT_TRUE(first->has_turn());
  EXPECT_FALSE(second.has_turn());
  EXPECT_TRUE(other.has_turn());
  first->turn().Forget();
  first.reset();
  EXPECT_TRUE(second.has_turn());
  EXPECT_THAT(second.GoOn().message(), HasSubstr("there is none"));
  EXPECT_FALSE(third->has_turn());
  third.reset();
  EXPECT_FALSE(fourth.has_turn());
}

TEST_F(KeptSequencesTest, OneThatHasItsTurnCannotBeWithdrawn) {
  Request first(kept_, Id(1));
  auto second = std::make_optional<Request>(kept_, Id(1));
  EXPECT_FALSE(kept_.Withdraw(first.turn()));
  EXPECT_TRUE(kept_.Withdraw(second->turn()));
  EXPECT_FALSE(kept_.Withdraw(second->turn())) << "it is out already";
}

TEST_F(KeptSequencesTest, AnyNumberOfRequestsMayEndAsSoonAsTheyHaveTheirTurn) {
  const auto turn = [](std::function<bool()> on_turn) {
    return std::make_shared<KeptSequences::Turn>(std::move(on_turn));
  };
  int ended = 0;
  const auto first = turn([] { return false; });
  ASSERT_TRUE(*kept_.Queue(Id(1), first));
  // Each brings another: on a stack of calls this would not end well.
  std::function<bool()> on_turn = [&] {
    if (++ended < 100000) {
      EXPECT_FALSE(*kept_.Queue(Id(1), turn(on_turn)));
    }
    return true;
  };
  ASSERT_FALSE(*kept_.Queue(Id(1), turn(on_turn)));
  kept_.PassOn(first);
  EXPECT_EQ(ended, 100000);
  EXPECT_TRUE(Request(kept_, Id(1)).has_turn());
}

TEST_F(KeptSequencesTest, TurnsOfManyThreadsNeverOverlap) {
  constexpr int kThreads = 4;
  constexpr int kRequests = 5000;
  std::array<int, 2> had_turn = {};  // by sequence, guarded by the turns
  std::atomic<int> no_turn = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRequests; ++i) {
        const int id = i % 2;
        const auto on_turn = [&, id] {
          ++had_turn[id];
          return true;
        };
        const auto turn = std::make_shared<KeptSequences::Turn>(on_turn);
        const auto has_turn = kept_.Queue(Id(id), turn);
        if (!has_turn.ok()) {  // the queue is full
          ++no_turn;
        } else if (*has_turn) {
          on_turn();
          kept_.PassOn(turn);
        } else if (i % 3 == 0 && kept_.Withdraw(*turn)) {
          ++no_turn;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(had_turn[0] + had_turn[1] + no_turn, kThreads * kRequests)
      << "who ends a turn starts the next";
}

TEST_F(KeptSequencesTest, AQueueIsBounded) {
  std::list<Request> requests;
  for (int i = 0; i < KeptSequences::kMaxQueue; ++i) {
    requests.emplace_back(kept_, Id(1));
  }
  const auto more = std::make_shared<KeptSequences::Turn>([] { return false; });
  const auto refused = kept_.Queue(Id(1), more).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), Reason::kQueueTooLong);
  EXPECT_THAT(refused.message(),
              HasSubstr("sequence 1 of model \"model\": 64 requests of it"));
  requests.pop_back();
  EXPECT_FALSE(*kept_.Queue(Id(1), more));
  EXPECT_TRUE(kept_.Withdraw(*more));
}

TEST_F(KeptSequencesTest, TheEndFreesItsPlaceAndMemory) {
  Start(1, 0.5f);
  EXPECT_GT(admission_.memory_used(), 0);
  EXPECT_EQ(kept_.load().bytes, admission_.memory_used());
  End(1);
  EXPECT_EQ(kept_.load().sequences, 0);
  EXPECT_EQ(kept_.load().bytes, 0);
  EXPECT_EQ(admission_.memory_used(), 0);
  EXPECT_THAT(GoOn(1).message(),
              HasSubstr("there is none, expected sequence_start"));
}

TEST_F(KeptSequencesTest, AnIdleOneExpiresAndItsCallerIsToldSo) {
  Start(1, 0.5f);
  clock_.now += absl::Seconds(6);
  Start(2, 0.5f);
  clock_.now += absl::Seconds(4);
  EXPECT_EQ(kept_.load().sequences, 1);
  EXPECT_EQ(kept_.load().bytes, admission_.memory_used());
  const auto expired = GoOn(1);
  EXPECT_EQ(expired.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(expired), Reason::kExpired);
  EXPECT_THAT(expired.message(), HasSubstr("forgotten after 10s"));
  const auto unknown = GoOn(9);
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(unknown), std::nullopt);
  EXPECT_EQ(Value(2), 0.5f);
  Start(1, 0.25f);
  EXPECT_EQ(Value(1), 0.25f);
  End(1);
  EXPECT_THAT(GoOn(1).message(), HasSubstr("there is none"));
}

TEST_F(KeptSequencesTest, OneWithRequestsDoesNotExpire) {
  Start(1, 0.5f);
  auto first = std::make_optional<Request>(kept_, Id(1));
  auto second = std::make_optional<Request>(kept_, Id(1));
  for (auto* request : {&first, &second}) {
    clock_.now += absl::Seconds(100);
    EXPECT_EQ(kept_.load().sequences, 1);
    request->reset();
  }
  EXPECT_EQ(Value(1), 0.5f) << "idle only since its last request";
}

TEST_F(KeptSequencesTest, RemembersOnlySoManyThatExpired) {
  for (int i = 0; i < 5000; ++i) {
    Start(i, 0.5f);
    clock_.now += absl::Seconds(10);
  }
  EXPECT_EQ(kept_.load().sequences, 0);
  EXPECT_EQ(ReasonOf(GoOn(4999)), Reason::kExpired);
  EXPECT_EQ(ReasonOf(GoOn(1)), std::nullopt);
}

TEST_F(KeptSequencesTest, AreBoundedInNumber) {
  for (int i = 0; i < 3; ++i) Start(i, 0.5f);
  const auto refused = Request(kept_, Id(3)).Begin(*model_);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), Reason::kOutOfMemory);
  EXPECT_THAT(refused.message(),
              HasSubstr("3 sequences are kept, as many as may be"));
  Start(2, 0.25f);
  End(0);
  Start(3, 0.5f);
}

TEST_F(KeptSequencesTest, AreBoundedInBytes) {
  KeptSequences small({.max_sequences = 100,
                       .max_bytes = 1500,
                       .idle_timeout = absl::Seconds(10)},
                      clock_, admission_);
  for (int i = 0; i < 2; ++i) {
    Request request(small, Id(i));
    ASSERT_TRUE(request.Begin(*model_).ok());
    request.turn().Keep(State(0.5f, 1));
  }
  EXPECT_THAT(Request(small, Id(2)).Begin(*model_).message(),
              HasSubstr("bytes, expected at most 1500"));
  Admission poor({.memory_limit = 10});
  KeptSequences none({.max_sequences = 100,
                      .max_bytes = 1500,
                      .idle_timeout = absl::Seconds(10)},
                     clock_, poor);
  EXPECT_THAT(Request(none, Id(2)).Begin(*model_).message(),
              HasSubstr("out of memory"));
}

}  // namespace
}  // namespace unroll
