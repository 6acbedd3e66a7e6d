#include "server/call_gate.h"

#include <gtest/gtest.h>

#include <thread>

namespace unroll::server {
namespace {

TEST(CallGateTest, IsEmptyWithoutCalls) {
  CallGate gate;
  EXPECT_TRUE(gate.WaitUntilEmpty(absl::ZeroDuration()));
}

TEST(CallGateTest, GivesUpWhileACallIsThere) {
  CallGate gate;
  gate.Enter();
  EXPECT_FALSE(gate.WaitUntilEmpty(absl::Milliseconds(1)));
  gate.Leave();
  EXPECT_TRUE(gate.WaitUntilEmpty(absl::ZeroDuration()));
}

TEST(CallGateTest, WaitsForTheLastCall) {
  CallGate gate;
  gate.Enter();
  gate.Enter();
  std::thread calls([&] {
    gate.Leave();
    gate.Leave();
  });
  EXPECT_TRUE(gate.WaitUntilEmpty(absl::Minutes(1)));
  calls.join();
}

}  // namespace
}  // namespace unroll::server
