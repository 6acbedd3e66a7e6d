#ifndef UNROLL_CLIENT_COMMAND_PRINT_LOAD_H_
#define UNROLL_CLIENT_COMMAND_PRINT_LOAD_H_

#include <string>

#include "client/command/bench_flags.h"
#include "client/command/json.h"
#include "client/load/recorder.h"
#include "unroll/v1/models.pb.h"

namespace unroll::client {

// What a run was asked to do, in a line: "langid version 1: predict, 1000
// sequences a second (poisson), ...".
std::string DescribeLoad(const BenchFlags& flags,
                         const v1::GetModelResponse& model);

// A line of --progress.
std::string FormatProgress(const LoadProgress& progress);

std::string FormatLoad(const BenchFlags& flags, const LoadReport& report);
Json ToJson(const BenchFlags& flags, const v1::GetModelResponse& model,
            const LoadReport& report);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_PRINT_LOAD_H_
