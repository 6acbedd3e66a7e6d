// A repository in which most is broken: everything is refused with a sentence,
// nothing is aborted, and the models that are sound are served.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/predict.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

namespace fs = std::filesystem;
using unroll::testing::Predict;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;

// The fuzzers' corpus as models, and a folder where a file should be.
void WriteBroken(const TempDirectory& directory) {
  const fs::path corpus = UNROLL_SOURCE_DIR "/tests/fuzz/corpus";
  struct Format {
    const char* folder;
    const char* file;
  };
  for (const Format& format :
       {Format{"safetensors", "model.safetensors"},
        Format{"pytorch", "model.pt"}, Format{"onnx", "model.onnx"}}) {
    for (const auto& entry : fs::directory_iterator(corpus / format.folder)) {
      const std::string name =
          std::string(format.folder) + "-" + entry.path().filename().string();
      fs::create_directory(directory / name);
      fs::copy_file(entry.path(), directory / name + "/" + format.file);
    }
    fs::create_directories(directory / (std::string("folder-") + format.folder +
                                        "/" + format.file));
  }
  for (const auto& entry : fs::directory_iterator(corpus / "config")) {
    const std::string name = "config-" + entry.path().filename().string();
    fs::create_directory(directory / name);
    fs::copy_file(corpus / "safetensors/rnn",
                  directory / name + "/model.safetensors");
    fs::copy_file(entry.path(), directory / name + "/config.json");
  }
}

TEST(BrokenFilesTest, TheOthersAreServed) {
  TempDirectory directory;
  WriteBroken(directory);
  fs::copy(std::string(UNROLL_MODELS) + "/langid", directory / "langid",
           fs::copy_options::recursive);
  ServerProcess server(directory.path(), {"--max-batch-rows=4", "--ready=any"});
  server.WaitUntilLoaded();

  v1::ListModelsResponse models;
  grpc::ClientContext context;
  ASSERT_TRUE(server.Models()
                  ->ListModels(&context, v1::ListModelsRequest(), &models)
                  .ok());
  int failed = 0;
  for (const v1::ModelStatus& model : models.models()) {
    if (model.state() == v1::READY) continue;
    ++failed;
    EXPECT_EQ(model.state(), v1::FAILED) << model.name();
    EXPECT_GT(model.error().size(), 20u) << model.name();
  }
  EXPECT_GE(failed, 40);

  v1::PredictRequest request;
  request.set_model("langid");
  request.add_sequences()->set_text("hello");
  const auto reply = Predict(server, request);
  EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(server.Stop(), 0);

  EXPECT_EQ(RunProcess({.arguments = {UNROLL_SERVER_BINARY,
                                      "--model-repository", directory.path(),
                                      "--check", "--max-batch-rows=4"}})
                .exit_code,
            1);
}

}  // namespace
}  // namespace unroll
