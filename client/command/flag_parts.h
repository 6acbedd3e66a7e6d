#ifndef UNROLL_CLIENT_COMMAND_FLAG_PARTS_H_
#define UNROLL_CLIENT_COMMAND_FLAG_PARTS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "client/command/flags.h"

namespace unroll::client {

// What the flags of several subcommands are made of.

// Turns a parser's error into CLI11's, which names the flag.
void Require(const absl::Status& status, const std::string& flag);

// A check that --help does not mention beside the option's type.
CLI::Validator Quietly(const CLI::Validator& check);

// An option whose value `parse` understands.
CLI::Option* AddParsed(
    CLI::App& app, const std::string& flag, const std::string& type,
    const std::string& help,
    const std::function<absl::Status(const std::string&)>& parse);

// --server, --timeout, --json.
void AddConnection(CLI::App& app, ConnectionFlags& flags);

// The same and --model-version, which is returned.
CLI::Option* AddModel(CLI::App& app, ModelFlags& flags);

// --results; `given`: what stands for the default in --help.
void AddResults(CLI::App& app, v1::Outputs& outputs, const std::string& given);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_FLAG_PARTS_H_
