// A real Prometheus that scrapes the real server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using unroll::testing::FreePort;
using unroll::testing::HttpGet;
using unroll::testing::Predict;
using unroll::testing::Process;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;

TEST(PrometheusTest, ScrapesTheServer) {
  if (RunProcess({.arguments = {"prometheus", "--version"}}).exit_code != 0) {
    GTEST_SKIP() << "NOT TESTED: prometheus is missing";
  }
  const ServerProcess server(UNROLL_MODELS);
  v1::PredictRequest request;
  request.set_model("langid");
  for (int i = 0; i < 5; ++i) request.add_sequences()->set_text("scraped");
  ASSERT_TRUE(Predict(server, request).status.ok());

  TempDirectory directory;
  const std::string config = directory.Write(
      "prometheus.yml", absl::StrCat("scrape_configs:\n"
                                     "  - job_name: unroll\n"
                                     "    scrape_interval: 200ms\n"
                                     "    scrape_timeout: 200ms\n"
                                     "    static_configs:\n"
                                     "      - targets: ['127.0.0.1:",
                                     server.metrics_port(), "']\n"));
  const int port = FreePort();
  Process prometheus(
      {.arguments = {"prometheus", "--config.file=" + config,
                     "--storage.tsdb.path=" + (directory / "data"),
                     absl::StrCat("--web.listen-address=127.0.0.1:", port)}});
  ASSERT_NE(prometheus.WaitForOutput("Server is ready to receive"), "");
  // The first scrape comes when it comes; ctest ends a test that hangs.
  std::string answer;
  do {
    std::this_thread::yield();
    answer = HttpGet(port, "/api/v1/query?query=unroll_sequences_total");
  } while (answer.find("\"value\"") == std::string::npos);
  EXPECT_THAT(answer, HasSubstr("\"model\":\"langid\""));
  EXPECT_THAT(answer, HasSubstr(",\"5\"]"));
  EXPECT_THAT(HttpGet(port, "/api/v1/query?query=up"), HasSubstr(",\"1\"]"));
}

// Prometheus's own linter. Of prometheus-cpp's own metrics it has its opinion.
TEST(PrometheusTest, PromtoolFindsNothingWrongWithOurMetrics) {
  if (RunProcess({.arguments = {"promtool", "--version"}}).exit_code != 0) {
    GTEST_SKIP() << "NOT TESTED: promtool is missing";
  }
  const ServerProcess server(UNROLL_MODELS);
  v1::PredictRequest request;
  request.set_model("langid");
  request.add_sequences()->set_text("checked");
  ASSERT_TRUE(Predict(server, request).status.ok());
  TempDirectory directory;
  const std::string metrics = directory.Write("metrics", server.Scrape());
  const auto checked = RunProcess(
      {.arguments = {"sh", "-c", "promtool check metrics < " + metrics}});
  EXPECT_THAT(checked.output, ::testing::Not(HasSubstr("unroll_")));
}

}  // namespace
}  // namespace unroll
