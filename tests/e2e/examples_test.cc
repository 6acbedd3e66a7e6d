// What README shows, run as it stands there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_directory.h"

namespace unroll {
namespace {

using ::testing::HasSubstr;
using unroll::testing::Finished;
using unroll::testing::RunProcess;
using unroll::testing::ServerProcess;
using unroll::testing::TempDirectory;

constexpr char kPython[] = "/usr/bin/python3";  // the one with Debian's modules

TEST(ExamplesTest, APythonClientFromTheProtoFilesAlone) {
  if (RunProcess(
          {.arguments = {kPython, "-c", "import grpc, numpy, google.protobuf"}})
          .exit_code != 0) {
    GTEST_SKIP() << "NOT TESTED: python3-grpcio, python3-numpy or "
                    "python3-protobuf is missing";
  }
  const ServerProcess server(UNROLL_MODELS);
  TempDirectory stubs;
  const std::string root = UNROLL_SOURCE_DIR;
  const Finished generated = RunProcess(
      {.arguments = {
           "sh", "-c",
           absl::StrCat("cd ", root, " && protoc -I proto --python_out=",
                        stubs.path(), " --grpc_python_out=", stubs.path(),
                        " --plugin=protoc-gen-grpc_python=/usr/bin/"
                        "grpc_python_plugin proto/unroll/v1/*.proto")}});
  ASSERT_EQ(generated.exit_code, 0) << generated.output;
  const Finished finished =
      RunProcess({.arguments = {kPython, root + "/client/examples/predict.py",
                                server.address()},
                  .environment = {"PYTHONPATH=" + stubs.path()}});
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_THAT(finished.output, HasSubstr("100 sequences, "));
}

}  // namespace
}  // namespace unroll
