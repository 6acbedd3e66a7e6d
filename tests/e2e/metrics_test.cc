// What Prometheus sees.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using unroll::testing::Predict;
using unroll::testing::ServerProcess;

void PredictText(const ServerProcess& server, const std::string& model,
                 int sequences) {
  v1::PredictRequest request;
  request.set_model(model);
  for (int i = 0; i < sequences; ++i) {
    request.add_sequences()->set_text("metrics");
  }
  Predict(server, request);
}

TEST(MetricsTest, CountRequestsSequencesStepsAndBatches) {
  const ServerProcess server(UNROLL_MODELS);
  PredictText(server, "langid", 3);
  PredictText(server, "langid", 2);
  PredictText(server, "langid", 0);
  const std::string labels = "model=\"langid\"";
  const std::string predict = "method=\"Predict\",model=\"langid\"";
  EXPECT_EQ(server.Metric("unroll_requests_total", "code=\"OK\"," + predict),
            2);
  EXPECT_EQ(server.Metric("unroll_requests_total",
                          "code=\"INVALID_ARGUMENT\"," + predict),
            1);
  EXPECT_EQ(server.Metric("unroll_request_duration_seconds_count", predict), 3);
  EXPECT_EQ(server.Metric("unroll_sequences_total", labels), 5);
  EXPECT_EQ(server.Metric("unroll_steps_total", labels), 5 * 7);
  EXPECT_EQ(server.Metric("unroll_queue_seconds_count", labels), 5);
  EXPECT_EQ(server.Metric("unroll_compute_seconds_count", labels), 5);
  EXPECT_EQ(server.Metric("unroll_first_step_seconds_count", labels), 5);
  EXPECT_GT(server.Metric("unroll_compute_seconds_sum", labels), 0);
  const double batches = server.Metric("unroll_batches_total", labels);
  EXPECT_GE(batches, 1);
  EXPECT_EQ(server.Metric("unroll_batch_sequences_count", labels), batches);
  EXPECT_EQ(server.Metric("unroll_batch_rows_sum", labels), 5 * 7);
  EXPECT_EQ(server.Metric("unroll_sequences_running"), 0);
  EXPECT_EQ(server.Metric("unroll_sequences_waiting"), 0);
  EXPECT_EQ(server.Metric("unroll_model_state",
                          "model=\"langid\",version=\"1\",state=\"ready\""),
            1);
  EXPECT_GT(server.Metric("unroll_model_memory_bytes",
                          "model=\"langid\",version=\"1\",part=\"rnn\""),
            0);
  EXPECT_EQ(server.Metric("unroll_model_info",
                          "model=\"langid\",version=\"1\",kernel=\"split\","
                          "numerics=\"float32-1\",exact=\"true\""),
            1);
  EXPECT_EQ(server.Metric("unroll_build_info"), 1);
}

TEST(MetricsTest, NamesThatCallersMakeUpNeverBecomeSeries) {
  const ServerProcess server(UNROLL_MODELS);
  PredictText(server, "first", 1);
  const auto lines = std::ranges::count(server.Scrape(), '\n');
  for (int i = 0; i < 50; ++i) {
    PredictText(server, "made-up-" + std::to_string(i), 1);
  }
  EXPECT_EQ(std::ranges::count(server.Scrape(), '\n'), lines);
  EXPECT_EQ(server.Metric("unroll_requests_total", "code=\"NOT_FOUND\""), 51);
}

// README.md's table is the list.
TEST(MetricsTest, AllThatIsScrapedIsDocumentedAndTheOtherWayRound) {
  const ServerProcess server(UNROLL_MODELS);
  PredictText(server, "langid", 1);
  std::set<std::string> scraped, documented;
  const std::string scrape = server.Scrape();
  const std::regex type("# TYPE (unroll_[a-z_]+) ");
  for (auto i = std::sregex_iterator(scrape.begin(), scrape.end(), type);
       i != std::sregex_iterator(); ++i) {
    scraped.insert((*i)[1]);
  }
  std::ifstream readme(UNROLL_SOURCE_DIR "/README.md");
  const std::regex name("`(unroll_[a-z_]+)`");
  for (std::string line; std::getline(readme, line);) {
    if (!absl::StartsWith(line, "| `unroll_")) continue;
    line = line.substr(0, line.find(" | "));
    for (auto i = std::sregex_iterator(line.begin(), line.end(), name);
         i != std::sregex_iterator(); ++i) {
      documented.insert((*i)[1]);
    }
  }
  EXPECT_EQ(scraped, documented);
}

// The text format's grammar, and what a histogram promises.
TEST(MetricsTest, TheTextFormatIsWellFormed) {
  const ServerProcess server(UNROLL_MODELS);
  PredictText(server, "langid", 5);
  const std::regex sample(
      R"(([a-z_:][a-z0-9_:]*)(\{([a-z_]+="[^"\\]*",?)*\})? (\+Inf|Na[nN]|[-+0-9.e]+))");
  const std::regex comment(R"(# (HELP|TYPE) [a-z_:]+ .+)");
  double previous = 0;
  const std::vector<std::string> lines = absl::StrSplit(server.Scrape(), '\n');
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    ASSERT_TRUE(std::regex_match(line, sample) ||
                std::regex_match(line, comment))
        << line;
    if (!absl::StrContains(line, "_bucket{")) {
      previous = 0;
      continue;
    }
    double value = 0;
    ASSERT_TRUE(absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value));
    EXPECT_GE(value, previous) << "buckets are cumulative: " << line;
    previous = value;
  }
}

}  // namespace
}  // namespace unroll
