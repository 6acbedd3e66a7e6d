// Live calls that will not do: each is told why, what ran and, where the state
// is good, how to go on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/live.h"
#include "tests/support/predict.h"
#include "tests/support/temp_directory.h"

namespace unroll::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kFeatures[] = "tanh_l2_d1_bias_state_i64_h256_t17";

v1::LiveOpening Opening(const std::string& model) {
  v1::LiveOpening opening;
  opening.set_model(model);
  opening.mutable_outputs()->add_results(v1::HIDDEN);
  return opening;
}

v1::LiveRequest Opened(
    const std::string& model,
    const std::function<void(v1::LiveOpening&)>& change = [](v1::LiveOpening&) {
    }) {
  v1::LiveRequest request;
  *request.mutable_open() = Opening(model);
  change(*request.mutable_open());
  return request;
}

v1::LiveRequest Text(const std::string& text) {
  v1::LiveRequest request;
  request.set_text(text);
  return request;
}

v1::LiveRequest Rows(int64_t rows, int64_t width) {
  v1::LiveRequest request;
  *request.mutable_features() = ToMessage(ZeroTensor({rows, width}));
  return request;
}

class LiveRefusalsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TempDirectory;
    std::string bidirectional;
    for (const golden::Case& c : golden::Cases()) {
      if (c.spec.directions == 2 && c.vocabulary_size == 0) {
        bidirectional = c.name;
        break;
      }
    }
    WriteRepository(directory_->path(), {golden::FindCase(kFeatures),
                                         golden::FindCase(bidirectional)});
    bidirectional_ = new std::string(bidirectional);
    std::filesystem::copy(std::string(UNROLL_MODELS) + "/langid",
                          directory_->path() + "/langid",
                          std::filesystem::copy_options::recursive);
    server_ = new ServerProcess(directory_->path());
  }
  static void TearDownTestSuite() {
    delete server_;
    delete bidirectional_;
    delete directory_;
  }

  static LiveReply Send(const std::vector<v1::LiveRequest>& messages) {
    std::vector<std::string> bytes;
    for (const auto& m : messages) bytes.push_back(m.SerializeAsString());
    return SendBytes(bytes);
  }
  static LiveReply SendBytes(const std::vector<std::string>& messages) {
    LiveStream stream(*server_);
    for (const std::string& message : messages) {
      if (!stream.WriteBytes(message)) break;
    }
    stream.HalfClose();
    return stream.Finish();
  }

  static inline TempDirectory* directory_;
  static inline ServerProcess* server_;
  static inline std::string* bidirectional_;
};

TEST_F(LiveRefusalsTest, AnOpeningThatWillNotDo) {
  std::string other_token;
  {
    LiveStream stream(*server_);
    stream.Write(Opened("langid"));
    v1::LiveRequest ask = Text("a");
    ask.set_state_token_now(true);
    stream.Write(ask);
    stream.HalfClose();
    other_token = stream.Finish().tokens.at(0).state_token();
  }
  using Change = std::function<void(v1::LiveOpening&)>;
  struct Row {
    std::string model;
    Change change;
    grpc::StatusCode code;
    std::string message;
  };
  const std::vector<Row> rows = {
      {"nobody", [](auto&) {}, grpc::NOT_FOUND, "nobody"},
      {*bidirectional_, [](auto&) {}, grpc::INVALID_ARGUMENT, "bidirectional"},
      {"langid", [](auto& o) { o.set_window(65537); }, grpc::INVALID_ARGUMENT,
       "open.window: 65537, expected 1 to 65536"},
      {"langid", [](auto& o) { o.set_window(-1); }, grpc::INVALID_ARGUMENT,
       "open.window: -1"},
      {"langid", [](auto& o) { o.mutable_outputs()->mutable_last(); },
       grpc::INVALID_ARGUMENT, "outputs.steps"},
      {"langid", [](auto& o) { o.mutable_outputs()->set_top_k(-1); },
       grpc::INVALID_ARGUMENT, "outputs.top_k"},
      {"langid", [](auto& o) { o.set_priority(11); }, grpc::INVALID_ARGUMENT,
       "priority"},
      {"langid", [](auto& o) { o.set_request_id(std::string(129, 'x')); },
       grpc::INVALID_ARGUMENT, "request_id"},
      {"langid",
       [](auto& o) {
         *(*o.mutable_initial_state()->mutable_tensors())["h"].mutable_data() =
             "abc";
       },
       grpc::INVALID_ARGUMENT, "initial_state"},
      {kFeatures, [&](auto& o) { o.set_state_token(other_token); },
       grpc::INVALID_ARGUMENT, "model"},
      {"langid",
       [&](auto& o) {
         o.set_state_token(other_token.substr(0, other_token.size() / 2));
       },
       grpc::INVALID_ARGUMENT, "state_token"},
  };
  for (const Row& row : rows) {
    const LiveReply reply = Send({Opened(row.model, row.change)});
    EXPECT_EQ(reply.status.error_code(), row.code) << row.message;
    EXPECT_THAT(reply.status.error_message(), HasSubstr(row.message));
    EXPECT_FALSE(reply.opened || reply.ended) << row.message;
  }
}

TEST_F(LiveRefusalsTest, StepsOrTheEndBeforeTheOpening) {
  LiveReply reply = Send({Text("a")});
  EXPECT_EQ(reply.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(reply.status.error_message(), HasSubstr("no opening"));
  LiveStream silent(*server_);
  silent.HalfClose();
  reply = silent.Finish();
  EXPECT_EQ(reply.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(reply.status.error_message(), HasSubstr("without a message"));
}

TEST_F(LiveRefusalsTest, ABadMessageEndsItAfterTheStepsBeforeWithAToken) {
  LiveStream neighbour(*server_);
  neighbour.Write(Opened("langid"));
  v1::LiveRequest twice = Rows(1, 64);
  *twice.mutable_open() = Opening(kFeatures);
  v1::LiveRequest cut = Rows(2, 64);
  cut.mutable_features()->mutable_data()->pop_back();
  const std::vector<std::pair<v1::LiveRequest, std::string>> rows = {
      {Rows(1, 63), "shape [1,63], expected [T,64]"},
      {Rows(0, 64), "empty"},
      {Text("a"), "no vocabulary"},
      {cut, "bytes of data"},
      {twice, "second opening"},
  };
  for (const auto& [message, what] : rows) {
    const LiveReply reply =
        Send({Opened(kFeatures), Rows(3, 64), message, Rows(1, 64)});
    EXPECT_EQ(reply.status.error_code(), grpc::INVALID_ARGUMENT);
    EXPECT_EQ(ReasonOf(reply.status), "unroll/INVALID_STEP");
    EXPECT_THAT(reply.status.error_message(),
                ::testing::AllOf(HasSubstr("after 3 steps"), HasSubstr(what)));
    EXPECT_EQ(reply.steps.size(), 3) << what;
    ASSERT_TRUE(reply.ended) << what;
    EXPECT_EQ(reply.ended->last_step(), 2);
    EXPECT_EQ(reply.ended->steps_done(), 3);
    // It can go on.
    const LiveReply more =
        Send({Opened(kFeatures,
                     [&](auto& o) {
                       o.set_state_token(reply.ended->state_token());
                       o.set_window(1);
                     }),
              Rows(2, 64)});
    EXPECT_EQ(more.opened->steps_done(), 3);
    EXPECT_EQ(ReasonOf(more.status), "unroll/WINDOW_OVERRUN");
  }
  neighbour.Write(Text("unharmed"));
  neighbour.HalfClose();
  EXPECT_TRUE(neighbour.Finish().status.ok());
}

// Which is not to be taken for the half-close.
TEST_F(LiveRefusalsTest, AMessageThatCannotBeRead) {
  const std::string cut = [] {
    std::string bytes = Text("abcdef").SerializeAsString();
    bytes.pop_back();
    return bytes;
  }();
  // Field 4, `text`, of two bytes that are no UTF-8.
  for (const std::string& bad : {cut, std::string("\x22\x02\xff\xfe")}) {
    for (const bool opened : {true, false}) {
      std::vector<std::string> messages = {bad};
      if (opened) {
        messages.insert(messages.begin(), {Opened("langid").SerializeAsString(),
                                           Text("abc").SerializeAsString()});
      }
      const LiveReply reply = SendBytes(messages);
      EXPECT_EQ(reply.status.error_code(), grpc::INVALID_ARGUMENT);
      EXPECT_THAT(reply.status.error_message(), HasSubstr("no LiveRequest"));
      ASSERT_EQ(reply.ended.has_value(), opened);
      if (!opened) continue;
      EXPECT_EQ(ReasonOf(reply.status), "unroll/INVALID_STEP");
      EXPECT_EQ(reply.ended->last_step(), 2);
      EXPECT_FALSE(reply.ended->state_token().empty());
    }
  }
}

TEST_F(LiveRefusalsTest, MoreStepsThanTheWindow) {
  const LiveReply reply =
      Send({Opened("langid", [](auto& o) { o.set_window(8); }),
            Text("12345678"), Text("123456789")});
  EXPECT_EQ(reply.status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(reply.status), "unroll/WINDOW_OVERRUN");
  EXPECT_EQ(reply.steps.size(), 8);
  ASSERT_TRUE(reply.ended);
  EXPECT_EQ(reply.ended->last_step(), 7);
  EXPECT_FALSE(reply.ended->state_token().empty());
}

}  // namespace
}  // namespace unroll::testing
