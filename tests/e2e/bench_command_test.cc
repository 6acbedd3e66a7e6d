// `unroll bench` against the real server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/server_process.h"

namespace unroll::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

// `unroll bench langid` with flags parted by spaces.
Process::Options Bench(const ServerProcess& server, const std::string& flags) {
  Process::Options options = {.arguments = {UNROLL_CLIENT_BINARY, "bench",
                                            "langid", "--server",
                                            server.address()}};
  for (const auto flag : absl::StrSplit(flags, ' ')) {
    options.arguments.emplace_back(flag);
  }
  return options;
}

class BenchModeTest : public ::testing::TestWithParam<const char*> {};

TEST_P(BenchModeTest, CountsWhatTheServerCounts) {
  const ServerProcess server(UNROLL_MODELS);
  const Finished finished = RunProcess(
      Bench(server,
            absl::StrCat(GetParam(), " --json --warmup 0s --duration 500ms")));
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  const json report = json::parse(finished.output);
  EXPECT_GT(report["succeeded"], 0);
  EXPECT_EQ(report["failed"], 0);
  EXPECT_EQ(report["unanswered"], 0);
  EXPECT_EQ(report["succeeded"],
            server.Metric("unroll_sequences_total", "model=\"langid\""));
  EXPECT_EQ(report["steps"],
            server.Metric("unroll_steps_total", "model=\"langid\""));
  EXPECT_EQ(report["latency"]["count"],
            report.contains("live") ? report["steps"] : report["succeeded"]);
  EXPECT_EQ(report["first"]["count"], report["succeeded"]);
  EXPECT_GE(report["messages"].get<int64_t>(),
            report["succeeded"].get<int64_t>());
}

INSTANTIATE_TEST_SUITE_P(
    AllModes, BenchModeTest,
    ::testing::Values("--rate 300", "--rate 300 --arrivals fixed --lengths w4",
                      "--rate 300 --call stream", "--rate 100 --call live",
                      "--concurrency 8 --lengths w3 --connections 4",
                      "--concurrency 8 --call stream --lengths 7",
                      "--concurrency 4 --call live --lengths w2",
                      "--live 20 --step-interval 20ms"));

TEST(BenchCommandTest, AnSloThatCannotHoldExitsWith3) {
  const ServerProcess server(UNROLL_MODELS);
  Finished finished = RunProcess(
      Bench(server, "--rate 100 --warmup 0s --duration 200ms --slo max<1h"));
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("max<1h holds"));
  finished = RunProcess(
      Bench(server,
            "--rate 100 --warmup 0s --duration 200ms --slo max<1h --slo "
            "p50<1ns"));
  EXPECT_EQ(finished.exit_code, 3) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("p50<1ns MISSED"));
}

// What befalls the server in the middle, and what its callers then see.
struct Fate {
  int signal;
  const char* flags;
  const char* code;
};

void PrintTo(const Fate& fate, std::ostream* out) {
  *out << fate.flags << " signal " << fate.signal;
}

class BenchFateTest : public ::testing::TestWithParam<Fate> {};

TEST_P(BenchFateTest, AServerThatDiesOrHangsIsReportedAndDoesNotHang) {
  ServerProcess server(UNROLL_MODELS);
  Process bench(Bench(server, absl::StrCat(GetParam().flags,
                                           " --warmup 0s --duration 2s "
                                           "--timeout 300ms --progress")));
  bench.WaitForOutput("  1 s: ");
  server.process().Signal(GetParam().signal);
  EXPECT_EQ(bench.Wait(), 1);
  EXPECT_THAT(bench.output(),
              HasSubstr(absl::StrCat(" failed: ", GetParam().code)));
  EXPECT_THAT(bench.output(), Not(HasSubstr("\n0 sequences ok")));
}

INSTANTIATE_TEST_SUITE_P(
    AllModes, BenchFateTest,
    ::testing::Values(
        Fate{SIGKILL, "--rate 100", "UNAVAILABLE"},
        Fate{SIGKILL, "--concurrency 4", "UNAVAILABLE"},
        Fate{SIGKILL, "--concurrency 4 --call live", "UNAVAILABLE"},
        Fate{SIGSTOP, "--rate 100 --call stream", "DEADLINE_EXCEEDED"}));

TEST(BenchCommandTest, LiveStreamsThatDieEndTheRun) {
  ServerProcess server(UNROLL_MODELS);
  Process bench(Bench(server,
                      "--live 10 --warmup 0s --duration 1h --progress --slo "
                      "p99<1s"));
  bench.WaitForOutput("  1 s: ");
  server.process().Signal(SIGKILL);
  EXPECT_EQ(bench.Wait(), 3);
  EXPECT_THAT(bench.output(), HasSubstr("10 failed: UNAVAILABLE"));
  EXPECT_THAT(bench.output(), HasSubstr("steps without a result"));
  EXPECT_THAT(bench.output(), HasSubstr("p99<1s MISSED: it is never"));
}

TEST(BenchCommandTest, ModelsThatCannotBeBenchedAreToldAtOnce) {
  const ServerProcess server(UNROLL_MODELS);
  Process::Options options = Bench(server, "--live 3");
  options.arguments[2] = "cloze";
  Finished finished = RunProcess(options);
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_THAT(finished.output, HasSubstr("no live sequences"));
  options.arguments[2] = "nobody";
  finished = RunProcess(options);
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.output, HasSubstr("NOT_FOUND"));
}

}  // namespace
}  // namespace unroll::testing
